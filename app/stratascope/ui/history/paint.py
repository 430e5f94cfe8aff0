"""Paints the chart: geometry, flags, bands and steps of the exposure, usage, limits, the time axis."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from stratascope.core.history.entry import Limits, UsageRow
from stratascope.core.history.fold import MEASURES, Change, Past, What
from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.presentation.history_report import MEASURE_WORDS
from stratascope.presentation.terms import exposure_level
from stratascope.ui.history import moments
from stratascope.ui.history.moments import limit_of
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.value import Value

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
    """Return the colour token of a sign and its line."""
    return INKS.get(what, "text2")


def paint_sign(painter: QPainter, centre: QPointF, side: float, what: What, theme: Theme) -> None:
    """Paint a sign centred in a box of that side."""
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


LEFT, RIGHT = 44, 14  # px left and right of the time axis
LANE, AXIS, HEAD, GAP = 24, 22, 20, 8
EXPOSED, USED = 150, 56  # preferred heights; both shrink in a low chart
EXPOSED_LEAST, USED_LEAST = 66, 26
NEAR = 9  # px below which two flags merge


class Places(Value, eq=False):
    """The geometry of the chart, in pixels. `uses`: heading and plot of each measure that fits; `peaks`: its peak
    usage.
    """

    lane: QRectF
    exposed: QRectF
    uses: tuple[tuple[str, QRectF, QRectF], ...]
    axis: QRectF
    peaks: UsageRow | None

    @property
    def bottom(self) -> float:
        """The bottom of the lowest plot."""
        return self.uses[-1][2].bottom() if self.uses else self.exposed.bottom()


class Flag(Value):
    """Changes so close to each other that they share a flag."""

    x: float
    changes: tuple[Change, ...]


def places(theme: Theme, width: int, height: int, past: Past) -> Places:
    """Return what fits: measures without data are left out first, then disks, processes, CPU."""
    px = theme.px
    known = [name for name in MEASURES if any(getattr(each, name) is not None for each in past.used if each)]
    head = max(px(HEAD), theme.box(12))
    axis = max(px(AXIS), theme.box(11) + px(4))
    top = px(LANE) + px(6)
    while known and top + px(EXPOSED_LEAST) + len(known) * (head + px(GAP) + px(USED_LEAST)) + axis > height:
        known.pop()
    room = height - top - axis - len(known) * (head + px(GAP))
    wanted = px(EXPOSED) + len(known) * px(USED)
    share = room / wanted if wanted else 1.0
    exposed_height = px(EXPOSED) * share if known else room
    left, across = float(px(LEFT)), float(max(1, width - px(LEFT) - px(RIGHT)))
    exposed = QRectF(left, top, across, max(1.0, exposed_height))
    y, uses = exposed.bottom(), []
    for name in known:
        y += px(GAP)
        uses.append((name, QRectF(left, y, across, head), QRectF(left, y + head, across, px(USED) * share)))
        y += head + px(USED) * share
    return Places(QRectF(left, 0, across, px(LANE)), exposed, tuple(uses), QRectF(0, y, width, axis), past.peaks)


SHOWN = (
    What.RELAUNCHED,
    What.UNDONE,
    What.SETTINGS,
    What.IMAGE,
    What.LIMITS,
    What.REPLACED,
    What.ENDED,
    What.GONE,
    What.RESTARTED,
    What.STARTED,
    What.DRIFT,
    What.REFUSED,
    What.EXPOSURE,
    What.OPENED,
    What.CLOSED,
    What.LAYERS,
    What.DRIFT_ENDED,
    What.FIRST,
)  # order in which one sign stands for all of a flag


def flags(found: list[tuple[float, Change]], near: float) -> tuple[Flag, ...]:
    """Return the flags from left to right, for changes with their x."""
    made: list[Flag] = []
    for x, change in sorted(found, key=lambda each: each[0]):
        if made and x - made[-1].x <= near:
            made[-1] = Flag(made[-1].x, (*made[-1].changes, change))
        else:
            made.append(Flag(x, (change,)))
    return tuple(made)


def leading(flag: Flag) -> Change:
    """Return the change whose sign is drawn."""
    return min(flag.changes, key=lambda each: SHOWN.index(each.what))


def pieces(values: list[float | None]) -> list[list[tuple[int, float]]]:
    """Return the runs of known values, with their indices."""
    found: list[list[tuple[int, float]]] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        if found and found[-1][-1][0] == place - 1:
            found[-1].append((place, value))
        else:
            found.append([(place, value)])
    return found


def scale_top(name: str, past: Past, peaks: UsageRow | None, proposed: Limits) -> float:
    """Return the top of a measure's scale: above all usage, and above limits that are not far away."""
    peak = (getattr(peaks, f"{name}_peak") if peaks is not None else None) or 0.0
    limits = [limit_of(each, name) for each in (proposed, *(step.limits for step in past.steps))]
    near = [each for each in limits if each is not None and each <= max(peak, 1e-9) * 4]
    return rounded_up(max([peak * 1.05, *near]), binary=name in ("memory", "io"))


def lines_drawn(past: Past, proposed: Limits) -> frozenset[str]:
    """Return which kinds of limit lines are within a scale: "limit", "proposed"."""
    found, peaks = set(), past.peaks
    for name in MEASURES:
        top = scale_top(name, past, peaks, proposed)
        if any((limit_of(step.limits, name) or top + 1) <= top for step in past.steps):
            found.add("limit")
        if (limit_of(proposed, name) or top + 1) <= top:
            found.add("proposed")
    return frozenset(found)


def rounded_up(value: float, *, binary: bool) -> float:
    """Round up to 1, 2 or 5 times a power of ten, for bytes to a power of two; never 0."""
    if binary:
        size = 1024.0
        while size < value:
            size *= 2
        return size
    size = 0.01
    while True:
        for step in (1, 2, 5):
            if size * step >= value:
                return size * step
        size *= 10


XOf = Callable[[float], float]
NOW = 180.0  # seconds: samples are recorded once a minute, so this recent counts as now
LINES = (0, 4, 7, 9, 10)  # of the exposure's scale: where its word changes
_BANDS = ((0, 4, "enf_soft", msg("low")), (4, 7, "weak_soft", msg("medium")), (7, 9, "open_soft", msg("high")),
          (9, 10, "open_soft", None))  # fmt: skip
_INKS = {"none": "enf", "low": "enf", "medium": "weak", "high": "open", "critical": "open"}
_TEXTS = {"enf_soft": "enf", "weak_soft": "weak", "open_soft": "open"}


class Painting:
    """One frame of the chart. `x_of`: the x of a moment."""

    def __init__(
        self, painter: QPainter, theme: Theme, places: Places, past: Past, proposed: Limits, x_of: XOf, now: float
    ) -> None:
        self._proposed, self._now = proposed, now
        self._painter, self._theme, self._places, self._past, self._x_of = painter, theme, places, past, x_of
        self._tops = {name: scale_top(name, past, places.peaks, proposed) for name, _, _ in places.uses}

    def all(self, flags: tuple[Flag, ...], marker: float | None, cursor: float | None) -> None:
        """Paint everything, back to front. `marker`: start of the comparison; `cursor`: the current moment."""
        painter, places = self._painter, self._places
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground()
        painter.save()
        painter.setClipRect(QRectF(places.exposed.left(), 0, places.exposed.width(), places.bottom))
        self._drifting()
        self._steps()
        for name, _, box in self._places.uses:
            self._use(name, box)
        self._stems(flags)
        painter.restore()
        self._end()
        self._axis()
        self._marks(flags, marker)
        if marker is not None:
            self._upright(marker, "accent", 1.6)
        if cursor is not None:
            self._upright(cursor, "text", 1.0)
        for name, head, box in places.uses:
            self._head(name, head, box)

    # -- background

    def _ground(self) -> None:
        painter, theme, box = self._painter, self._theme, self._places.exposed
        for low, high, token, word in _BANDS:
            part = QRectF(box.left(), self._level(high), box.width(), self._level(low) - self._level(high))
            painter.fillRect(part, theme.color(token, 1.0 if high != 9 else 0.6))
            if word is not None and part.height() > theme.box(11):
                painter.setFont(theme.font(11))
                painter.setPen(theme.color(_TEXTS[token]))
                painter.drawText(QPointF(box.left() + theme.px(6), self._word_base_line(part)), translate(word))
        painter.setFont(theme.font(11))
        last = -1e9
        for line in reversed(LINES):  # from the top; a number that would cover another is left out
            y = self._level(line)
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            if y - last >= theme.box(11) * 0.72:
                self._scale(y, str(line))
                last = y

    def _word_base_line(self, part: QRectF) -> float:
        """Return the base line for a band's word: its middle, or where the line that begins at the left does not cross
        it.
        """
        high, rise = self._theme.box(11), self._theme.px(4)
        middle = part.center().y()
        first = self._past.steps[0] if self._past.steps else None
        left = self._places.exposed.left()
        if first is not None and first.exposed is not None and self._x_of(first.began) < left + self._theme.px(60):
            crossing = self._level(first.exposed.worst)
            if abs(crossing - middle) < high * 0.6:
                above = crossing - part.top() > part.bottom() - crossing
                middle = crossing - high * 0.7 if above else crossing + high * 0.7
        return middle + rise

    def _scale(self, y: float, text: str) -> None:
        theme, painter = self._theme, self._painter
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2"))
        high = theme.box(11)
        box = QRectF(0, y - high / 2, self._places.exposed.left() - theme.px(6), high)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _level(self, exposure: float) -> float:
        box = self._places.exposed
        return box.bottom() - exposure / 10.0 * box.height()

    # -- exposure

    def _steps(self) -> None:
        """Paint the worst as a strong line in its word's colour, the best dashed; gaps where nothing is known."""
        painter, theme = self._painter, self._theme
        before: tuple[float, float, float] | None = None  # right end, worst, best of the previous step
        for step in self._past.steps:
            left, right = self._x_of(step.began), self._x_of(step.until)
            if step.exposed is None:
                before = None
                continue
            worst, best = self._level(step.exposed.worst), self._level(step.exposed.best)
            ink = _INKS[exposure_level(step.exposed.worst)]
            strong = QPen(theme.color(ink), 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
            dashed = QPen(theme.color("text2"), 1.2, Qt.PenStyle.DashLine)
            joined = before is not None and left - before[0] < 2.0
            if step.exposed.best != step.exposed.worst:
                painter.setPen(dashed)
                painter.drawLine(QPointF(left, best), QPointF(right, best))
                if joined and before is not None:
                    painter.drawLine(QPointF(left, before[2]), QPointF(left, best))
            painter.setPen(strong)
            if joined and before is not None:
                painter.drawLine(QPointF(left, before[1]), QPointF(left, worst))
            painter.drawLine(QPointF(left, worst), QPointF(max(right, left + 1.5), worst))
            before = (right, worst, best)

    def _end(self) -> None:
        """Paint the dot of what is so now, which is as wide to the right of the axis as to the left."""
        theme, box = self._theme, self._places.exposed
        last = self._past.steps[-1] if self._past.steps else None
        if last is None or last.exposed is None or last.until < self._now - NOW:
            return
        x, worst = self._x_of(last.until), last.exposed.worst
        if box.left() <= x <= box.right() + 1:
            self._painter.setPen(Qt.PenStyle.NoPen)
            self._painter.setBrush(theme.color(_INKS[exposure_level(worst)]))
            self._painter.drawEllipse(QPointF(x, self._level(worst)), theme.px(4), theme.px(4))

    def _drifting(self) -> None:
        """Paint how long a process had other rights than the first one."""
        painter, theme, box = self._painter, self._theme, self._places.exposed
        for began, until in self._past.drifting:
            self._span(began, until, box)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme.color("text"))

    def _span(self, began: float, until: float, box: QRectF) -> None:
        left = self._x_of(began)
        width = max(3.0, self._x_of(until) - left)
        self._painter.fillRect(QRectF(left, box.top(), width, box.height()), self._theme.color("open", 0.25))

    # -- usage

    def _use(self, name: str, box: QRectF) -> None:
        painter, theme, top = self._painter, self._theme, self._tops[name]
        painter.setPen(QPen(theme.color("line"), 1))
        for y in (box.top(), box.bottom()):  # a limit at the end of the scale is drawn over it
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
        values = [None if each is None else getattr(each, f"{name}_peak") for each in self._past.used]
        width = (self._past.until - self._past.since) / max(1, len(values))
        for points in pieces(values):
            heights = [box.bottom() - min(1.0, value / top) * box.height() for _, value in points]
            line = QPainterPath(QPointF(self._x_of(self._past.since + points[0][0] * width), heights[0]))
            for (place, _), y in zip(points, heights, strict=True):
                line.lineTo(self._x_of(self._past.since + (place + 0.5) * width), y)
            line.lineTo(self._x_of(self._past.since + (points[-1][0] + 1) * width), heights[-1])
            area = QPainterPath(line)
            bounds = line.boundingRect()
            area.lineTo(bounds.right(), box.bottom())
            area.lineTo(bounds.left(), box.bottom())
            area.closeSubpath()
            painter.fillPath(area, theme.color("area"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent"), 1.4))
            painter.drawPath(line)
        self._limits(name, box, top)

    def _limits(self, name: str, box: QRectF, top: float) -> None:
        """Paint the limits within the scale: solid while each was in force, a dashed line all along for the proposed
        ones.
        """
        ink = self._theme.color("weak")
        lines = [(limit_of(step.limits, name), step.began, step.until) for step in self._past.steps]
        self._painter.setPen(QPen(ink, 1.4))
        for limit, began, until in lines:
            if limit is not None and limit <= top:
                y = box.bottom() - limit / top * box.height()
                self._painter.drawLine(QPointF(self._x_of(began), y), QPointF(self._x_of(until), y))
        proposed = limit_of(self._proposed, name)
        if proposed is not None and proposed <= top:
            y = box.bottom() - proposed / top * box.height()
            self._painter.setPen(QPen(ink, 1.4, Qt.PenStyle.DashLine))
            self._painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))

    def _head(self, name: str, head: QRectF, box: QRectF) -> None:
        painter, theme = self._painter, self._theme
        flat = Qt.AlignmentFlag.AlignVCenter
        right, unlimited = moments.limit_line(name, self._past, self._proposed)
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("weak" if unlimited else "text2"))
        self._on_ground(head, flat | Qt.AlignmentFlag.AlignRight, right)
        room = head.width() - QFontMetricsF(theme.font(12)).horizontalAdvance(right) - theme.px(8)
        word = translate(MEASURE_WORDS[name])
        painter.setFont(theme.font(12, BOLD))
        painter.setPen(theme.color("text"))
        self._on_ground(head, flat, word)
        taken = QFontMetricsF(theme.font(12, BOLD)).horizontalAdvance(word) + theme.px(8)
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("text2"))
        text = QFontMetricsF(theme.font(12)).elidedText(
            moments.use_line(name, self._places.peaks), Qt.TextElideMode.ElideRight, max(0.0, room - taken)
        )
        self._on_ground(head.adjusted(taken, 0, 0, 0), flat, text)
        self._scale(box.bottom(), "0")
        if box.height() > theme.box(11):
            self._scale(box.top(), moments.scale_word(name, self._tops[name]))

    def _on_ground(self, box: QRectF, how: Qt.AlignmentFlag, text: str) -> None:
        """Paint text on a background, so that no line crosses it."""
        if text:
            painter = self._painter
            painter.fillRect(painter.boundingRect(box, how, text).adjusted(-2, 0, 2, 0), self._theme.color("panel"))
            painter.drawText(box, how, text)

    # -- flags and the time axis

    def _stems(self, flags: tuple[Flag, ...]) -> None:
        for flag in flags:
            what = leading(flag).what
            if what not in (What.DRIFT, What.DRIFT_ENDED, What.FIRST):
                pen = QPen(self._theme.color(ink_of(what), 0.8), 1.2, Qt.PenStyle.DotLine)
                self._painter.setPen(pen)
                x = round(flag.x) + 0.5
                self._painter.drawLine(QPointF(x, self._places.exposed.top()), QPointF(x, self._places.bottom))

    def _marks(self, flags: tuple[Flag, ...], marker: float | None) -> None:
        """Paint signs, and their words where they fit and cover nothing: the marker's pill comes first."""
        painter, theme, lane = self._painter, self._theme, self._places.lane
        taken = QRectF() if marker is None else self._pill(marker, [each.x for each in flags])
        font = theme.font(11, MEDIUM)
        metrics = QFontMetricsF(font)
        side = theme.px(11)
        inside = [each for each in flags if lane.left() - side <= each.x <= lane.right() + side]
        free = lane.left()  # where the sign and word before end
        for place, flag in enumerate(inside):
            change = leading(flag)
            centre = QPointF(flag.x, lane.center().y())
            if taken.adjusted(-side / 2, 0, side / 2, 0).contains(centre):
                free = max(free, taken.right())
                continue
            if not taken.isNull() and taken.right() < flag.x:
                free = max(free, taken.right())
            paint_sign(painter, centre, side, change.what, theme)
            text = moments.flag_word(change)
            end = min([each.x - side for each in inside[place + 1 : place + 2]] or [lane.right()])
            if not taken.isNull() and taken.left() > flag.x:
                end = min(end, taken.left() - theme.px(6))
            start = flag.x + side * 0.9
            room = end - start
            wide = min(metrics.horizontalAdvance(text), theme.px(220))
            if room < wide and flag.x - side - wide >= free + theme.px(6):
                start = flag.x - side - wide  # left of the sign
                room = wide
            free = flag.x + side
            if text and room >= wide:
                painter.setFont(font)
                painter.setPen(theme.color(ink_of(change.what)))
                shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, wide)
                painter.drawText(
                    QRectF(start, lane.top(), room + 1, lane.height()), Qt.AlignmentFlag.AlignVCenter, shown
                )
                free = max(free, start + wide)

    def _pill(self, marker: float, signs: list[float]) -> QRectF:
        """Return the box of the marker's day, on its line or next to it, where it covers the fewest signs."""
        painter, theme, lane = self._painter, self._theme, self._places.lane
        font = theme.font(11, BOLD)
        text = moments.since_pill(marker, self._now)
        width = QFontMetricsF(font).horizontalAdvance(text) + theme.px(16)
        high = theme.box(11) + theme.px(2)
        line, edge = self._x_of(marker), theme.px(6)
        starts = [min(max(line - width * part, lane.left()), lane.right() - width) for part in (0.5, 0.08, 0.92)]
        x = min(starts, key=lambda start: sum(start - edge <= each <= start + width + edge for each in signs))
        box = QRectF(x, lane.center().y() - high / 2, width, high)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(box, high / 2, high / 2)
        painter.setFont(font)
        painter.setPen(theme.color("on_accent"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        return box

    def _upright(self, at: float, ink: str, width: float) -> None:
        x, box = self._x_of(at), self._places.exposed
        if box.left() - 1 <= x <= box.right() + 1:
            self._painter.setPen(QPen(self._theme.color(ink), width))
            self._painter.drawLine(QPointF(x, box.top()), QPointF(x, self._places.bottom))

    def _axis(self) -> None:
        painter, theme, axis = self._painter, self._theme, self._places.axis
        exposed = self._places.exposed
        most = max(2, int(exposed.width() / theme.px(92)))
        painter.setFont(theme.font(11))
        metrics = QFontMetricsF(theme.font(11))
        for at, text in moments.ticks(*self._shown(), most):
            x = self._x_of(at)
            if not exposed.left() - 1 <= x <= exposed.right() + 1:
                continue
            painter.setPen(QPen(theme.color("line", 0.7), 1))
            painter.drawLine(QPointF(x, exposed.top()), QPointF(x, self._places.bottom))
            wide = metrics.horizontalAdvance(text)
            left = min(max(x - wide / 2, 0.0), axis.right() - wide)
            painter.setPen(theme.color("text2"))
            painter.drawText(QRectF(left, axis.top(), wide + 2, axis.height()), Qt.AlignmentFlag.AlignVCenter, text)

    def _shown(self) -> tuple[float, float]:
        """Return the visible span, from two known x."""
        since, until = self._past.since, self._past.until
        left, right = self._x_of(since), self._x_of(until)
        box = self._places.exposed
        second = (until - since) / max(1e-9, right - left)
        return since + (box.left() - left) * second, since + (box.right() - left) * second
