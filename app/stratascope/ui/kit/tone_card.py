"""A card on a tone's ground, as high as its contents are at its width. It may be one line high, as on other pages and
in a low window.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QWidget

from stratascope.ui.kit.theme import Theme, smooth_painter

LOW_HEIGHT = 40  # px of the design
BELOW = 620  # px of the design: if narrower, buttons are below the text


class ToneCard(QWidget):
    """A base: whoever derives lays `outer` out, and fits it into its width with `fit`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.outer = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def tones(self) -> tuple[str, str]:
        """The tokens of its line and its ground."""
        raise NotImplementedError

    def fit(self) -> None:
        """Choose what is visible and where, for its width."""
        raise NotImplementedError

    @property
    def narrow(self) -> bool:
        """Whether buttons are below the text."""
        return self.width() < self._theme.px(BELOW)

    def set_edges(self, *, low: bool, right: int = 14) -> None:
        """The margins; `right` in px of the design. Call it last in `fit`."""
        theme = self._theme
        edge = theme.px(4 if low else 8)
        self.outer.setContentsMargins(theme.px(14), edge, theme.px(right), edge)
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return max(self.minimumHeight(), self.outer.heightForWidth(width))

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(600), self.heightForWidth(max(self.width(), self._theme.px(300))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        line, ground = self.tones()
        painter.setPen(QPen(theme.color(line), 1))
        painter.setBrush(theme.color(ground))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(8), theme.px(8))
