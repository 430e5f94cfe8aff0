"""How it is seen where the keyboard is: a ring in the accent's colour, the same on everything that we paint."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from stratascope.ui.kit.theme import Theme

WIDTH = 2.0


def focus_pen(theme: Theme, width: float = WIDTH) -> QPen:
    """The ring's line."""
    return QPen(theme.color("accent"), width)


def outline_pen(theme: Theme, line: str = "", *, focused: bool) -> QPen:
    """The outline of a control with a ground of its own: the ring, or else a line of that colour; none without one."""
    if focused:
        return focus_pen(theme)
    return QPen(theme.color(line), 1) if line else QPen(Qt.PenStyle.NoPen)


def paint_focus_ring(painter: QPainter, box: QRect | QRectF, radius: float, theme: Theme) -> None:
    """The ring alone, around what is painted already."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(focus_pen(theme))
    painter.drawRoundedRect(QRectF(box), radius, radius)
