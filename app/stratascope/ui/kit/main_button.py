"""The button that a column, a card or a sheet is for: filled with the accent."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import BOLD, Theme


class MainButton(QAbstractButton):
    """36 high; `set_low`: 28, with smaller letters."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._letters, self._least = theme, 14, 36
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_low(self, low: bool) -> None:
        """Where there is room for one line."""
        self._letters, self._least = (12, 28) if low else (14, 36)
        self.updateGeometry()
        self.update()

    def say(self, text: str) -> None:
        """Another word on it."""
        self.setText(text)
        self.setAccessibleName(text)
        self.updateGeometry()
        self._tell()
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()  # by itself only QPushButton does that
            return
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        theme = self._theme
        word = QFontMetrics(theme.font(self._letters, BOLD)).horizontalAdvance(self.text())
        return QSize(word + theme.px(24), max(theme.px(self._least), theme.box(self._letters) + theme.px(8)))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell()

    def _tell(self) -> None:
        cut = QFontMetrics(self._theme.font(self._letters, BOLD)).horizontalAdvance(self.text()) > self._room()
        give_tip(self, self.text() if cut else "")

    def _room(self) -> int:
        return self.width() - self._theme.px(6)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        radius = theme.px(7)
        if not self.isEnabled():
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(theme.color("sunk"))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.9 if self.underMouse() or self.isDown() else 1.0))
        painter.drawRoundedRect(box, radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("on_accent" if self.isEnabled() else "accent"), 1.5))
            painter.drawRoundedRect(box.adjusted(2.5, 2.5, -2.5, -2.5), radius - 2, radius - 2)
        painter.setFont(theme.font(self._letters, BOLD))
        painter.setPen(theme.color("on_accent" if self.isEnabled() else "text3"))
        shown = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self._room())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, shown)
