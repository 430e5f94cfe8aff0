"""A short fact on a soft ground."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.sanitize import plain
from stratascope.ui.widgets.labels import give_tip
from stratascope.ui.widgets.theme import MEDIUM, Theme


class Chip(QWidget):
    """Elided when there is no room."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._text, self._ink = theme, "", "text2"
        self._said: tuple[str, str, str] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def empty(self) -> bool:
        """Whether it has nothing to say."""
        return not self._text

    def say(self, text: str, whole: str = "", ink: str = "text2") -> None:
        """Show `text`; `whole` is its long form for tooltip and screen reader."""
        if (text, whole, ink) == self._said:
            return
        self._said = (text, whole, ink)
        self._text, self._ink = plain(text, 200), ink
        self.setAccessibleName(plain(whole or text, 400))
        give_tip(self, whole or text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        width = self._metrics_width() + theme.px(16)
        return QSize(min(width, theme.px(160)), theme.box(11) + theme.px(6))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("unk_soft"))
        painter.drawRoundedRect(QRectF(self.rect()), self.height() / 2, self.height() / 2)
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color(self._ink))
        inner = self.rect().adjusted(theme.px(8), 0, -theme.px(8), 0)
        text = painter.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideMiddle, inner.width() + 1)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignHCenter, text)

    def _metrics_width(self) -> int:
        self.setFont(self._theme.font(11, MEDIUM))
        return self.fontMetrics().horizontalAdvance(self._text)
