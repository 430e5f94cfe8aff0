"""The signs of the flags: a flag where settings changed, an arrow round for a restart, a dot for drift, a cross."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF

from stratascope.core.history.changes import What
from stratascope.ui.kit.theme import Theme

INKS = {
    What.SETTINGS: "open",
    What.IMAGE: "open",
    What.LIMITS: "open",
    What.EXPOSURE: "open",
    What.OPENED: "open",
    What.DRIFT: "open",
    What.REFUSED: "open",
    What.ENDED: "text2",
    What.GONE: "text2",
    What.RELAUNCHED: "accent",
    What.UNDONE: "accent",
    What.REPLACED: "accent",
    What.CLOSED: "enf",
}
_FLAGGED = frozenset({What.SETTINGS, What.IMAGE, What.LIMITS, What.RELAUNCHED, What.UNDONE, What.REPLACED})
_ROUND = frozenset({What.RESTARTED, What.STARTED})


def ink_of(what: What) -> str:
    """The colour token of its sign and its line."""
    return INKS.get(what, "text2")


def paint_sign(painter: QPainter, centre: QPointF, side: float, what: What, theme: Theme) -> None:
    """In a box of that side about the point."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    color = theme.color(ink_of(what))
    half = side / 2
    x, y = centre.x(), centre.y()
    if what in _FLAGGED:
        painter.setPen(QPen(color, max(1.2, side / 9)))
        painter.drawLine(QPointF(x - half * 0.6, y - half), QPointF(x - half * 0.6, y + half))
        cloth = QPolygonF([QPointF(x - half * 0.6, y - half), QPointF(x + half, y - half),
                           QPointF(x + half * 0.55, y - half * 0.3), QPointF(x + half, y + half * 0.3),
                           QPointF(x - half * 0.6, y + half * 0.3)])  # fmt: skip
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawPolygon(cloth)
    elif what in _ROUND:
        painter.setPen(QPen(color, max(1.3, side / 8)))
        box = QRectF(x - half * 0.8, y - half * 0.8, side * 0.8, side * 0.8)
        painter.drawArc(box, 60 * 16, 300 * 16)
        path = QPainterPath(QPointF(x + half * 0.05, y - half * 1.15))
        path.lineTo(x + half * 0.95, y - half * 0.75)
        path.lineTo(x + half * 0.2, y - half * 0.1)
        path.closeSubpath()
        painter.fillPath(path, color)
    elif what in (What.ENDED, What.GONE):
        painter.setPen(QPen(color, max(1.4, side / 7)))
        arm = half * 0.7
        painter.drawLine(QPointF(x - arm, y - arm), QPointF(x + arm, y + arm))
        painter.drawLine(QPointF(x - arm, y + arm), QPointF(x + arm, y - arm))
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        radius = half * (0.7 if what in (What.DRIFT, What.REFUSED) else 0.4)
        painter.drawEllipse(centre, radius, radius)
    painter.restore()
