"""Marks: the silhouette shows the verdict, the colour repeats it. Painted, so that they are sharp at any scale."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.container import EngineState
from stratascope.core.layer import Assessment, Tone, Verdict
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.threat import Basis, Ruling, Stance
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import ENGINE_STATES, SEVERITIES, VERDICTS, verdict_words
from stratascope.presentation.threat_outcomes import Protection
from stratascope.ui.kit.theme import BOLD, Theme


class Mark(StrEnum):
    """What can be drawn in a mark's box."""

    ENFORCED = "ENFORCED"
    WEAKENED = "WEAKENED"
    OPEN = "OPEN"
    UNKNOWN = "UNKNOWN"
    # predicted, or known from the engine only: the same silhouette, outlined
    ENFORCED_AS_ASKED = "ENFORCED as asked"
    WEAKENED_AS_ASKED = "WEAKENED as asked"
    OPEN_AS_ASKED = "OPEN as asked"
    NOT_RUNNING = "NOT_RUNNING"
    TRIANGLE = "TRIANGLE"  # attention: a state, not a verdict
    DOT = "DOT"


INK = {
    Mark.ENFORCED: "enf",
    Mark.WEAKENED: "weak",
    Mark.OPEN: "open",
    Mark.UNKNOWN: "unk",
    Mark.ENFORCED_AS_ASKED: "enf",
    Mark.WEAKENED_AS_ASKED: "weak",
    Mark.OPEN_AS_ASKED: "open",
    Mark.NOT_RUNNING: "text3",
    Mark.TRIANGLE: "weak",
    Mark.DOT: "enf",
}
AS_ASKED = {
    Mark.ENFORCED: Mark.ENFORCED_AS_ASKED,
    Mark.WEAKENED: Mark.WEAKENED_AS_ASKED,
    Mark.OPEN: Mark.OPEN_AS_ASKED,
    Mark.UNKNOWN: Mark.UNKNOWN,
}
SEVERITY_INK = {Severity.CRITICAL: "open", Severity.HIGH: "open", Severity.MEDIUM: "weak", Severity.LOW: "text3"}
TONE_INK = {Tone.PLAIN: "text", Tone.GOOD: "enf", Tone.WARN: "weak", Tone.BAD: "open", Tone.UNKNOWN: "unk"}
TONE_MARK = {
    Tone.GOOD: Mark.ENFORCED,
    Tone.WARN: Mark.WEAKENED,
    Tone.BAD: Mark.OPEN,
    Tone.UNKNOWN: Mark.UNKNOWN,
}


def verdict_word(verdict: Verdict) -> str:
    """The verdict in a word."""
    return translate(VERDICTS[verdict])


def mark_of(known: Assessment) -> Mark:
    """The mark of a layer's verdict."""
    mark = Mark(known.verdict.value)
    return mark if known.basis is Basis.KERNEL else AS_ASKED[mark]


def assessed_word(known: Assessment) -> str:
    """Return a layer's verdict in a word, possibly followed by "as asked" or "if run"."""
    return translate(verdict_words(known))


def tone_mark(tone: Tone, basis: Basis) -> Mark:
    """Return the mark of a tone: outlined if nothing was read from the kernel."""
    return TONE_MARK[tone] if basis is Basis.KERNEL else AS_ASKED[TONE_MARK[tone]]


def tone_word(tone: Tone, basis: Basis) -> str:
    """Return what the mark of a tone means; empty if it has none."""
    if tone not in TONE_MARK:
        return ""
    word = verdict_word(Verdict(TONE_MARK[tone].value))
    if basis is Basis.ASKED:
        return translate(msg("{verdict}, as asked", verdict=word))
    return translate(msg("{verdict}, if run", verdict=word)) if basis is Basis.PREDICTED else word


def severity_word(severity: Severity) -> str:
    """The severity in a word."""
    return translate(SEVERITIES[severity])


def engine_state_word(state: EngineState) -> str:
    """The state of an engine in a word."""
    return translate(ENGINE_STATES[state])


def engine_mark(state: EngineState) -> tuple[Mark, str]:
    """Return mark and colour of an engine's state: filled dot, triangle, or dash if it is not installed."""
    if state is EngineState.CONNECTED:
        return Mark.DOT, "enf"
    if state in (EngineState.DENIED, EngineState.UNREACHABLE):
        return Mark.TRIANGLE, "weak"
    return Mark.NOT_RUNNING, "text3"


def paint_mark(painter: QPainter, box: QRectF, mark: Mark, theme: Theme, ink: str = "") -> None:
    """Draw `mark` into the square `box` (11 in the list, 14 in bands, 16 in the alert)."""
    colour = theme.color(ink or INK[mark])
    side = box.width()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    radius = side * 0.2
    if mark is Mark.ENFORCED:
        painter.setBrush(colour)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
    elif mark is Mark.WEAKENED:
        stroke = max(1.4, side * 0.13)
        inner = box.adjusted(stroke / 2 + 0.4, stroke / 2 + 0.4, -stroke / 2 - 0.4, -stroke / 2 - 0.4)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([inner.topLeft(), inner.bottomLeft(), inner.bottomRight()]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, stroke))
        painter.drawRoundedRect(inner, radius * 0.7, radius * 0.7)
    elif mark is Mark.OPEN:
        stroke = side * 0.24
        painter.setPen(QPen(colour, stroke))
        painter.drawEllipse(box.adjusted(stroke / 2, stroke / 2, -stroke / 2, -stroke / 2))
    elif mark in (Mark.ENFORCED_AS_ASKED, Mark.WEAKENED_AS_ASKED, Mark.OPEN_AS_ASKED):
        painter.setPen(QPen(colour, 1.3 * max(1.0, theme.scale)))
        lines = box.adjusted(1, 1, -1, -1)
        if mark is Mark.OPEN_AS_ASKED:
            painter.drawEllipse(lines)
        else:
            painter.drawRoundedRect(lines, radius, radius)
        if mark is Mark.WEAKENED_AS_ASKED:
            painter.drawLine(lines.topLeft(), lines.bottomRight())
    elif mark is Mark.UNKNOWN:
        font = theme.font(13, BOLD)
        font.setPixelSize(max(9, round(side * 1.05)))
        font.setWeight(font.Weight.Bold)
        painter.setFont(font)
        painter.setPen(colour)
        painter.drawText(box.adjusted(-4, -4, 4, 4), Qt.AlignmentFlag.AlignCenter, "?")
    elif mark is Mark.NOT_RUNNING:
        painter.setBrush(colour)
        painter.drawRoundedRect(
            QRectF(box.left() + side * 0.2, box.center().y() - side * 0.08, side * 0.6, side * 0.16), 1, 1
        )
    elif mark is Mark.TRIANGLE:
        painter.setBrush(colour)
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(box.center().x(), box.top() + side * 0.06),
                    QPointF(box.right() - side * 0.02, box.bottom() - side * 0.1),
                    QPointF(box.left() + side * 0.02, box.bottom() - side * 0.1),
                ]
            )
        )
    else:
        painter.setBrush(colour)
        painter.drawEllipse(box.center(), side * 0.36, side * 0.36)
    painter.restore()


def paint_evidence(painter: QPainter, box: QRectF, mark: str, theme: Theme, ink: str) -> None:
    """The mark of a row's evidence: tick, ring (a tick in a dotted one), square (likewise), question, triangle."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if mark == "triangle":
        paint_mark(painter, box, Mark.TRIANGLE, theme, ink)
    elif mark == "question":
        paint_mark(painter, box, Mark.UNKNOWN, theme, ink)
    elif mark in ("tick", "ring", "square"):
        colour, side, inner = theme.color(ink), box.width(), box
        if mark == "ring":
            pen = QPen(colour, 1.1 * theme.scale)
            pen.setDashPattern([1.6, 1.6])
            painter.setPen(pen)
            painter.drawEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))
            inner = box.adjusted(side * 0.2, side * 0.2, -side * 0.2, -side * 0.2)
        elif mark == "square":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(box, side * 0.2, side * 0.2)
            colour = theme.color("panel")
            inner = box.adjusted(side * 0.2, side * 0.2, -side * 0.2, -side * 0.2)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 1.7 * theme.scale))
        left, top, wide = inner.left(), inner.top(), inner.width()
        steps = ((0.08, 0.55), (0.38, 0.84), (0.94, 0.18))
        painter.drawPolyline(QPolygonF([QPointF(left + wide * x, top + wide * y) for x, y in steps]))
    painter.restore()


def paint_number(painter: QPainter, box: QRectF, number: int, theme: Theme, ink: str = "text2") -> None:
    """A layer's number in its outlined box (16 px)."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("line2" if ink == "text2" else ink), 1.1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(4), theme.px(4))
    painter.setFont(theme.font(10, BOLD))
    painter.setPen(QColor(theme.color(ink)))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.restore()


class MarkBox(QWidget):
    """A mark as a widget; the text next to it says what it means."""

    decoration = True

    def __init__(self, theme: Theme, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._side = theme, side
        self._mark, self._ink, self._number = Mark.UNKNOWN, "", 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_mark(self, mark: Mark, ink: str = "") -> None:
        if (mark, ink, 0) != (self._mark, self._ink, self._number):
            self._mark, self._ink, self._number = mark, ink, 0
            self.update()

    def show_number(self, number: int) -> None:
        self._number = number
        self.update()

    def sizeHint(self) -> QSize:
        side = self._theme.px(self._side)
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        box = QRectF(0, 0, self.width(), self.height())
        if self._number:
            paint_number(painter, box, self._number, self._theme)
        else:
            paint_mark(painter, box, self._mark, self._theme, self._ink)


# -- one layer's answer as a cell
#
# Stops: filled, full square. Lets through: empty with a dashed outline, ring. Not known: dotted, question mark. Not its
# job: a short dash and nothing else. Where a threat is stopped elsewhere, a ring is no alarm and loses its colour.


MARK = 11
_MARKS = {
    Stance.STOPS: Mark.ENFORCED,
    Stance.LETS_THROUGH: Mark.OPEN,
    Stance.UNKNOWN: Mark.UNKNOWN,
}


def stance_mark(ruling: Ruling | None) -> Mark:
    """Return the mark of an answer; None: not the layer's job."""
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
    """Return the colour token of an answer's mark."""
    if stance is Stance.LETS_THROUGH:
        return "open" if where is Protection.OPEN else "text3"
    return {Stance.STOPS: "enf", Stance.UNKNOWN: "unk", Stance.NOT_ITS_JOB: "bitoff"}[stance]


def paint_stance(painter: QPainter, box: QRectF, ruling: Ruling | None, where: Protection, theme: Theme) -> None:
    """Draw an answer into `box` (None: not the layer's job) with the mark in its middle. What was not read is
    outlined.
    """
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
    """Paint the dot grid of what is unknown, pitch 6; `strong` if nothing else is drawn."""
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
    """Paint a piece of the line that joins layers which fail together, along the cell's lower edge; it turns up to
    them.
    """
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
