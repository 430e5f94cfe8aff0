"""The small button on a band that takes it away in thought, and brings it back."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from stratascope.ui.kit.focus_ring import outline_pen
from stratascope.ui.kit.theme import Theme


class FailButton(QAbstractButton):
    """Takes its band away in thought, or brings it back: a band struck through, or an arrow back."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedSize(theme.px(22), theme.px(22))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(outline_pen(theme, "accent" if self.underMouse() else "line2", focused=self.hasFocus()))
        painter.setBrush(theme.color("panel"))
        painter.drawRoundedRect(box, theme.px(4), theme.px(4))
        painter.setPen(QPen(theme.color("accent"), 1.6))
        side = self.width()
        if self.isChecked():
            painter.drawArc(QRectF(side * 0.3, side * 0.32, side * 0.4, side * 0.4), -90 * 16, 250 * 16)
            tip_at = QPointF(side * 0.32, side * 0.44)
            painter.drawLine(tip_at, QPointF(side * 0.32, side * 0.26))
            painter.drawLine(tip_at, QPointF(side * 0.5, side * 0.44))
            return
        painter.drawRect(QRectF(side * 0.26, side * 0.4, side * 0.48, side * 0.2))
        painter.drawLine(QPointF(side * 0.32, side * 0.74), QPointF(side * 0.68, side * 0.26))
