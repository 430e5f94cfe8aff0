"""One layer's answer as a cell: ground, mark and colour together, in the vocabulary of the strata's bands.

Stops: filled, full square. Lets through: empty with a dashed outline, ring. Not known: dotted, question mark. Not its
job: a short dash and nothing else. Where a threat is stopped elsewhere, a ring is no alarm and loses its colour.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from stratascope.core.threats.threat import Basis, Ruling, Stance
from stratascope.presentation.threat_outcomes import Protection
from stratascope.ui.kit.marks import AS_ASKED, Mark, paint_mark
from stratascope.ui.kit.theme import Theme

MARK = 11
_MARKS = {
    Stance.STOPS: Mark.ENFORCED,
    Stance.LETS_THROUGH: Mark.OPEN,
    Stance.UNKNOWN: Mark.UNKNOWN,
}


def stance_mark(ruling: Ruling | None) -> Mark:
    """The mark of one answer; None: not its job."""
    if ruling is None:
        return Mark.NOT_RUNNING
    mark = _MARKS[ruling.stance]
    return mark if ruling.basis is Basis.KERNEL else AS_ASKED[mark]


PROTECTION_MARK = {
    Protection.OPEN: Mark.OPEN,
    Protection.UNKNOWN: Mark.UNKNOWN,
    Protection.HOST: Mark.WEAKENED,
    Protection.ONCE: Mark.ENFORCED,
    Protection.DEEPER: Mark.ENFORCED,
}
PROTECTION_INK = {
    Protection.OPEN: "open",
    Protection.UNKNOWN: "unk",
    Protection.HOST: "text2",
    Protection.ONCE: "enf",
    Protection.DEEPER: "enf",
}


def stance_ink(stance: Stance, where: Protection) -> str:
    """The colour token of an answer's mark."""
    if stance is Stance.LETS_THROUGH:
        return "open" if where is Protection.OPEN else "text3"
    return {Stance.STOPS: "enf", Stance.UNKNOWN: "unk", Stance.NOT_ITS_JOB: "bitoff"}[stance]


def paint_stance(painter: QPainter, box: QRectF, ruling: Ruling | None, where: Protection, theme: Theme) -> None:
    """Draw one answer into `box`, None: not its job; the mark in its middle. What was not read is a line."""
    stance = Stance.NOT_ITS_JOB if ruling is None else ruling.stance
    radius = 2.5 * theme.scale
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if ruling is not None and ruling.basis is not Basis.KERNEL:
        painter.setPen(QPen(theme.color(stance_ink(stance, where), 0.55), 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.6, 0.6, -0.6, -0.6), radius, radius)
    elif stance is Stance.STOPS:
        painter.setPen(QPen(theme.color("enf"), 1) if theme.high_contrast else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("enf_soft"))
        painter.drawRoundedRect(box, radius, radius)
    elif stance is Stance.LETS_THROUGH:
        pen = QPen(theme.color(stance_ink(stance, where), 0.55), 1.2)
        pen.setDashPattern([2 / 1.2, 3 / 1.2])
        painter.setPen(pen)
        painter.setBrush(theme.color("open_soft") if where is Protection.OPEN else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.6, 0.6, -0.6, -0.6), radius, radius)
    elif stance is Stance.UNKNOWN:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("unk_soft"))
        painter.drawRoundedRect(box, radius, radius)
        paint_dots(painter, box, theme)
    painter.restore()
    side = theme.px(MARK if stance is not Stance.NOT_ITS_JOB else 8)
    mark = QRectF(box.center().x() - side / 2, box.center().y() - side / 2, side, side)
    paint_mark(painter, mark, stance_mark(ruling), theme, stance_ink(stance, where))


def paint_dots(painter: QPainter, box: QRectF, theme: Theme, ink: str = "unk", *, strong: bool = False) -> None:
    """The dot grid of what is not known, pitch 6; `strong` where nothing else is drawn."""
    pitch, radius = 6 * theme.scale, (1.3 if strong else 0.8) * theme.scale
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(ink, 1.0 if strong else 0.45))
    y = box.top() + pitch / 2
    while y < box.bottom():
        x = box.left() + pitch / 2
        while x < box.right():
            painter.drawEllipse(QPointF(x, y), radius, radius)
            x += pitch
        y += pitch


def paint_link(painter: QPainter, box: QRectF, *, left: bool, right: bool, end: bool, theme: Theme) -> None:
    """A piece of the line that joins layers which fall together, along the cell's lower edge; it turns up to them."""
    if not left and not right:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("text2"), 1.4 * theme.scale))
    y, middle = box.bottom() - 1, box.center().x()
    painter.drawLine(QPointF(box.left() - 2 if left else middle, y), QPointF(box.right() + 2 if right else middle, y))
    if end:
        painter.drawLine(QPointF(middle, y), QPointF(middle, y - 4 * theme.scale))
    painter.restore()
