"""A drawn switch: the style's own tick box can't be seen on a dark panel."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stratascope.ui.harden.toggle_row import SWITCH_HEIGHT, SWITCH_WIDTH, paint_switch
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.theme import Theme

EDGE = 3  # around the switch, for the outline of the keyboard


class Switch(QAbstractButton):
    """With its words, or without where they stand beside it and are its accessible name."""

    def __init__(self, theme: Theme, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        theme = self._theme
        words = QFontMetrics(theme.font(13)).horizontalAdvance(self.text()) + theme.px(14) if self.text() else 0
        high = max(theme.px(SWITCH_HEIGHT), theme.box(13) if words else 0)
        return QSize(theme.px(SWITCH_WIDTH) + words + 2 * EDGE, high + 2 * EDGE)

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        wide, high = theme.px(SWITCH_WIDTH), theme.px(SWITCH_HEIGHT)
        paint_switch(painter, QRectF(EDGE, (self.height() - high) / 2, wide, high), theme, on=self.isChecked())
        if self.hasFocus():
            paint_focus_ring(painter, self.rect(), theme.px(10), theme)
        if self.text():
            painter.setFont(theme.font(13))
            painter.setPen(theme.color("text"))
            room = self.rect().adjusted(EDGE + wide + theme.px(10), 0, 0, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self.text())
