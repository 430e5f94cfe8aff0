"""A small line of the exposure over the last days, in steps, with a dot at now. Where nothing is known it is absent."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

WIDE, HIGH = 36, 12  # px
DAYS = 7.0
_STROKE, _DOT = 1.4, 1.6
_MOST = 10.0  # of an exposure

Step = tuple[float, float]  # days ago (0 is now), and the exposure from then on


def corners(steps: Sequence[Step], box: QRectF) -> tuple[QPointF, ...]:
    """The line's corners, from the left; empty without steps. What began before the box begins at its edge."""
    known = sorted((step for step in steps if step[0] >= 0.0), key=lambda step: -step[0])
    before = [step for step in known if step[0] >= DAYS]
    inside = ([(DAYS, before[-1][1])] if before else []) + [step for step in known if step[0] < DAYS]
    found: list[QPointF] = []
    for days, exposure in inside:
        x = box.right() - box.width() * days / DAYS
        y = box.bottom() - box.height() * min(max(exposure, 0.0), _MOST) / _MOST
        if found and found[-1].y() != y:
            found.append(QPointF(x, found[-1].y()))
        found.append(QPointF(x, y))
    if found:
        found.append(QPointF(box.right(), found[-1].y()))
    return tuple(found)


def paint_sparkline(painter: QPainter, box: QRectF, steps: Sequence[Step], ink: QColor, ground: QColor) -> bool:
    """Whether there was anything to draw. `ground`: of the line at the bottom, which is no exposure at all."""
    inner = box.adjusted(0, _DOT, -_DOT, -_DOT)
    line = corners(steps, inner)
    if not line:
        return False
    painter.setPen(QPen(ground, 1))
    painter.drawLine(QPointF(box.left(), box.bottom()), QPointF(box.right(), box.bottom()))
    painter.setPen(QPen(ink, _STROKE, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(list(line)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawEllipse(line[-1], _DOT, _DOT)
    return True
