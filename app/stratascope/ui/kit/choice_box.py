"""A field with a list to choose from, drawn like our buttons: with its focus as an outline, and without a gradient."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QComboBox, QWidget

from stratascope.ui.kit.theme import Theme


def paint_chevron(painter: QPainter, x: float, y: float, theme: Theme) -> None:
    """The small arrow of what opens downwards, its middle at that place."""
    half = theme.px(3)
    painter.setPen(QPen(theme.color("text2"), 1.3))
    painter.drawPolyline(
        QPolygonF([QPointF(x - half, y - half / 2), QPointF(x, y + half / 2), QPointF(x + half, y - half / 2)])
    )


class ChoiceBox(QComboBox):
    """The style sheet draws it, but for the arrow, which a style sheet can only take from a file."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, letters: int = 0) -> None:
        """`letters`: it has room for so many at least, and does not grow by what it lists; 0: it does."""
        super().__init__(parent)
        self._theme = theme
        if letters:
            self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            self.setMinimumContentsLength(letters)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_chevron(painter, self.width() - self._theme.px(14), self.height() / 2 + 1, self._theme)
