"""The layout and painting of the rays: positions of lanes and names, hit testing, drawing."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QLineF, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen, QPolygonF

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.threats.threat import Family
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import (
    GROUND,
    PITCH,
    ROWS,
    Bundle,
    FamilyBand,
    Lane,
    Name,
    Ray,
    Sort,
    Stop,
    bar_width,
    largest_bar,
    lay_out,
    nearest,
    place_names,
    stops,
)
from stratascope.presentation.threat_outcomes import SERIOUS, ThreatOutcome, family_word, small
from stratascope.ui.kit.focus_order import focus_pen
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.strata.band import KERNEL
from stratascope.value import Value

WIDTH = {ThreatOutcome.CRITICAL: 3.4, ThreatOutcome.HIGH: 2.4, ThreatOutcome.MEDIUM: 1.5}
INK = {ThreatOutcome.CRITICAL: "rayopen", ThreatOutcome.HIGH: "rayopen", ThreatOutcome.MEDIUM: "raywarn"}
HEAD = 6.0  # size of an open threat of medium severity
TAG, TAG_HIGH, POINT = 9.2, 20.0, 5.0  # sizes of a serious one; its point is in the ground
PILL, SHARED, SHARED_HIGH = 15.0, 14.0, 13.0  # sizes: of those that end at a band; of those that share a line
AROUND = 26.0  # px around a name: its letter, and the ends of a pill
_LINES = {Sort.MEDIUM: ("raywarn", 1.5), Sort.MINOR: ("raylow", 1.0), Sort.UNKNOWN: ("ray", 1.2)}
_DOTS = 3


class RayHeights(Value):
    """The heights of the strata's parts, in pixels from the top of the strata."""

    strip: float  # bottom of the process strip
    bands: tuple[tuple[int, float, float], ...]  # number, top, bottom; from above
    ground: float
    bottom: float

    def middle(self, number: int) -> float:
        """Return the middle of a band; the upper edge of the ground for any other number."""
        return next(((top + bottom) / 2 for band, top, bottom in self.bands if band == number), self.ground)

    def end(self, ray: Ray) -> float:
        """Return how far down the ray goes."""
        return self.ground if ray.end == GROUND else self.middle(ray.end)

    def lowest(self, lane: Lane) -> float:
        """Return how far down any part of the lane is drawn."""
        return max(map(self.end, lane.rays))


def paint_lane(painter: QPainter, theme: Theme, heights: RayHeights, lane: Lane, largest: int) -> None:
    """Paint a lane. `largest`: the number of rays in the widest bar."""
    ray = lane.ray
    if ray is not None:
        _paint_ray(painter, theme, heights, ray, lane.x, lane.letter)
    elif lane.sort is Sort.STOPPED:
        _paint_bar(painter, theme, heights, lane, largest)
    else:
        _paint_shared(painter, theme, heights, lane)


def paint_falling(painter: QPainter, theme: Theme, heights: RayHeights, ray: Ray, x: float, limit: float) -> None:
    """Paint an open ray on its way down, as far as it has got."""
    painter.setPen(_flat(theme, INK.get(ray.kind, "raylow"), WIDTH.get(ray.kind, 1.0) * theme.scale))
    painter.drawLine(QLineF(x, heights.strip, x, min(limit, heights.ground)))


def _flat(theme: Theme, ink: str, width: float) -> QPen:
    pen = QPen(theme.color(ink), width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def _paint_ray(painter: QPainter, theme: Theme, heights: RayHeights, ray: Ray, x: float, letter: str) -> None:
    scale, ground = theme.scale, heights.ground
    serious = ray.kind in SERIOUS
    foot = ground - (TAG_HIGH - POINT if serious else HEAD / 2) * scale
    painter.setPen(_flat(theme, INK[ray.kind], WIDTH[ray.kind] * scale))
    painter.drawLine(QLineF(x, heights.strip, x, foot))
    if serious:
        _paint_tag(painter, theme, ray.kind, x, ground, letter)
        return
    half, tip = HEAD * 0.46 * scale, ground + 4 * scale
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("raywarn"))
    top = tip - HEAD * scale
    painter.drawPolygon(QPolygonF([QPointF(x - half, top), QPointF(x + half, top), QPointF(x, tip)]))


def _paint_tag(painter: QPainter, theme: Theme, kind: ThreatOutcome, x: float, ground: float, letter: str) -> None:
    """Paint the tag that points into the ground, with the letter of its name."""
    scale = theme.scale
    half, top = TAG / 2 * scale, ground - (TAG_HIGH - POINT) * scale
    shape = QPolygonF([QPointF(x - half, top), QPointF(x + half, top), QPointF(x + half, ground),
                       QPointF(x, ground + POINT * scale), QPointF(x - half, ground)])  # fmt: skip
    critical = kind is ThreatOutcome.CRITICAL
    painter.setPen(QPen(theme.color("rayopen"), 1.2 * scale))
    painter.setBrush(theme.color("rayopen" if critical else "panel"))
    painter.drawPolygon(shape)
    painter.setFont(theme.font(10, BOLD))
    painter.setPen(theme.color("on_open" if critical else "rayopen"))
    painter.drawText(QRectF(x - half * 2, top, half * 4, ground - top), Qt.AlignmentFlag.AlignCenter, letter)


def _paint_shared(painter: QPainter, theme: Theme, heights: RayHeights, lane: Lane) -> None:
    """Paint a line that several share, with their number in a round pill above the ground."""
    ink, width = _LINES[lane.sort]
    pen = _flat(theme, ink, width * theme.scale)
    if lane.sort is Sort.UNKNOWN:
        pen.setDashPattern([3, 3])
    high = max(SHARED_HIGH * theme.scale, theme.box(10) - theme.px(2))
    top = heights.ground - high - theme.px(2)
    painter.setPen(pen)
    painter.drawLine(QLineF(lane.x, heights.strip, lane.x, top))
    text = f"?{len(lane.rays)}" if lane.sort is Sort.UNKNOWN else str(len(lane.rays))
    _paint_number(painter, theme, lane.x, top, high, text, ink)


def _paint_number(painter: QPainter, theme: Theme, x: float, top: float, high: float, text: str, ink: str) -> None:
    painter.setFont(theme.font(10, BOLD))
    wide = max(SHARED * theme.scale, painter.fontMetrics().horizontalAdvance(text) + theme.px(6))
    box = QRectF(x - wide / 2, top, wide, high)
    painter.setPen(QPen(theme.color(ink), 1.1 * theme.scale))
    painter.setBrush(theme.color("panel"))
    painter.drawRoundedRect(box, high / 2, high / 2)
    painter.setPen(theme.color("text"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _paint_bar(painter: QPainter, theme: Theme, heights: RayHeights, lane: Lane, largest: int) -> None:
    """Paint the stopped threats of a family: a bar that narrows below each band that stops some, with a pill for the
    count.
    """
    ends = stops(lane)
    top, running = heights.strip, len(lane.rays)
    painter.setPen(Qt.PenStyle.NoPen)
    for end in ends:
        wide, bottom = bar_width(running, largest, theme.scale), heights.middle(end.band)
        painter.fillRect(QRectF(lane.x - wide / 2, top, wide, bottom - top), theme.color("ray", 0.38))
        top, running = bottom, end.left
    for end in ends:
        _paint_stop(painter, theme, heights, lane.x, end)


def _paint_stop(painter: QPainter, theme: Theme, heights: RayHeights, x: float, end: Stop) -> None:
    scale, host = theme.scale, end.band == GROUND
    side = max(PILL * scale, theme.box(10))
    painter.setFont(theme.font(10, BOLD))
    text = str(end.count)
    wide = max(side, painter.fontMetrics().horizontalAdvance(text) + theme.px(5))
    middle = heights.middle(end.band) - (0 if host else 3 * scale)
    box = QRectF(x - wide / 2, middle - side / 2, wide, side)
    ink = "ray2" if host else "ray"
    painter.setPen(QPen(theme.color(ink), 1.5 * scale))
    painter.setBrush(theme.color("ground" if host else "panel" if end.asked else "ray"))
    painter.drawRoundedRect(box.adjusted(0.7, 0.7, -0.7, -0.7), 3 * scale, 3 * scale)
    painter.setPen(theme.color("ground_text" if host else "text" if end.asked else "panel"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    if host:
        return
    dots = max(1, min(_DOTS, end.least))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("ray"))
    for place in range(dots):
        at = x + (place - (dots - 1) / 2) * 4 * scale
        painter.drawEllipse(QPointF(at, box.bottom() + 3.2 * scale), 1.2 * scale, 1.2 * scale)


def family_names(
    theme: Theme, heights: RayHeights, places: tuple[FamilyBand, ...], right: int
) -> tuple[QFont, list[tuple[FamilyBand, QRectF, str]]]:
    """Return each family's name and its box on the strip, which ends at `right`; in two rows if one is too narrow."""
    words = [family_word(place.family) for place in places]
    font, rows = theme.font(11, MEDIUM), 1
    wide = QFontMetrics(font).horizontalAdvance
    if any(wide(word) > place.right - place.left + theme.px(9) for word, place in zip(words, places, strict=True)):
        font, rows = theme.font(10, MEDIUM), 2
    metrics = QFontMetrics(font)
    high = (heights.strip - theme.px(7.5)) / rows
    widths = [metrics.horizontalAdvance(word) + 1.0 for word in words]
    least, most, gap = places[0].left - theme.px(5), right - theme.px(5), theme.px(4)
    lefts = [(place.left + place.right - width) / 2 for place, width in zip(places, widths, strict=True)]
    for row in range(rows):
        numbers, at = range(row, len(places), rows), least
        for number in numbers:  # as near to its middle as the previous one allows
            lefts[number] = max(lefts[number], at)
            at = lefts[number] + widths[number] + gap
        at = most
        for number in reversed(numbers):
            lefts[number] = min(lefts[number], at - widths[number])
            if lefts[number] < least:  # not enough room for all
                lefts[number] = max(least, min(places[number].left, at))
                widths[number] = max(0.0, at - lefts[number])
            at = lefts[number] - gap
    found = []
    for number, (place, word) in enumerate(zip(places, words, strict=True)):
        box = QRectF(lefts[number], (rows - 1 - number % rows) * high, widths[number], high)
        found.append((place, box, metrics.elidedText(word, Qt.TextElideMode.ElideRight, int(widths[number]) + 1)))
    return font, found


def paint_families(
    painter: QPainter,
    theme: Theme,
    heights: RayHeights,
    places: tuple[FamilyBand, ...],
    right: int,
    only: Lane | None = None,
) -> None:
    """Paint the names, each over a bracket as wide as its lanes. `only`: just the family of this lane, in its usual
    place.
    """
    font, found = family_names(theme, heights, places, right)
    painter.setFont(font)
    y = heights.strip - theme.px(6.5) + 0.5
    for place, box, word in found:
        if only is not None and only not in place.lanes:
            continue
        painter.setPen(theme.color("text2"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.drawLine(QLineF(place.left, y, place.right, y))
        for x in (place.left, place.right):
            painter.drawLine(QLineF(x, y, x, y + theme.px(3)))


def name_text(ray: Ray) -> str:
    """Return the name of an open threat in the ground."""
    return plain(small(translate(ray.state.threat.title)), 80)


def name_box(theme: Theme, heights: RayHeights, name: Name) -> QRectF:
    """Return the box of a name, below what stands on the ground's edge."""
    edge = heights.ground + theme.px(EDGE)
    row = min(PITCH[name.rows] * theme.scale, (heights.bottom - edge) / name.rows)
    top = edge + (heights.bottom - edge - name.rows * row) / 2 + name.row * row
    return QRectF(name.left, top, name.width, row)


def name_font(theme: Theme, *, critical: bool, small: bool) -> QFont:
    """Return the font of a name in the ground."""
    return theme.font(10, MEDIUM) if small else theme.font(11, BOLD if critical else MEDIUM)


def paint_name(painter: QPainter, theme: Theme, heights: RayHeights, name: Name, text: str, *, small: bool) -> None:
    """Paint the letter and the name; critical ones are pills."""
    box = name_box(theme, heights, name)
    if name.critical:
        pill = box.adjusted(0, 0.8, 0, -0.8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("ground_label"))
        painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)
    painter.setPen(theme.color("on_label" if name.critical else "ground_label"))
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.setFont(theme.font(10 if small else 11, BOLD))
    left = box.adjusted(theme.px(6), 0, 0, 0)
    painter.drawText(left, middle, name.letter)
    painter.setFont(name_font(theme, critical=name.critical, small=small))
    rest = left.adjusted(theme.px(13), 0, -theme.px(6) if name.critical else 0, 0)
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(rest.width()) + 1)
    painter.drawText(rest, middle, shown)


EDGE = 6  # px of the ground into which the numbers of what the host stops reach
MORE = "+"  # in place of a threat's id: the text that counts the missing names


class RayScene:
    """The positions of lanes and names for one size of the strata; no widget."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.heights = RayHeights(0, (), 0, 0)
        self.places: tuple[FamilyBand, ...] = ()
        self.names: tuple[Name, ...] = ()
        self.small = False  # names in smaller letters, since they would not all fit
        self.hidden = 0  # serious open threats whose names do not fit
        self.drawn_minor = True
        self._lanes: dict[str, Lane] = {}
        self._largest = 1
        self._width = 0

    def arrange(self, bundled: tuple[Bundle, ...], heights: RayHeights, left: float, width: int) -> None:
        """Compute positions in a field that begins at `left`, in strata of that width."""
        theme = self._theme
        self.heights, self._width = heights, width
        metrics = QFontMetrics(theme.font(11, MEDIUM))
        words: dict[Family, float] = {
            bundle.family: metrics.horizontalAdvance(family_word(bundle.family)) for bundle in bundled
        }
        right = width - theme.px(12.0)
        self.places = lay_out(bundled, left, right, theme.scale, words)
        self._lanes = {lane.id: lane for lane in self.lanes()}
        self._largest = largest_bar(self.places)
        minor = any(ray.kind is ThreatOutcome.LOW for bundle in bundled for ray in bundle.rays)
        self.drawn_minor = not minor or any(lane.sort is Sort.MINOR for lane in self.lanes())
        self._place_names(right)

    def _place_names(self, right: float) -> None:
        theme = self._theme
        rows = int((self.heights.bottom - self.heights.ground) // (theme.box(11) - 1))
        most = max(ROWS[0], min(ROWS[1], rows))
        for self.small in (False, True):
            widths = {}
            for lane in self.lanes():
                if lane.letter:
                    font = name_font(theme, critical=lane.rays[0].kind is ThreatOutcome.CRITICAL, small=self.small)
                    widths[lane.id] = QFontMetrics(font).horizontalAdvance(name_text(lane.rays[0])) + theme.px(AROUND)
            self.names, self.hidden = place_names(self.lanes(), widths, theme.px(KERNEL), right, theme.scale, most)
            if not self.hidden:
                break

    def lanes(self) -> list[Lane]:
        """All lanes from left to right."""
        return [lane for place in self.places for lane in place.lanes]

    def lane(self, name: str) -> Lane | None:
        """Return the lane of that id."""
        return self._lanes.get(name)

    def lane_box(self, lane: Lane) -> QRect:
        """Return the box of a lane."""
        top, bottom = self.heights.strip, self.heights.lowest(lane)
        return QRectF(lane.x - lane.width / 2, top, lane.width, max(1.0, bottom - top)).toRect()

    def more_box(self) -> QRectF:
        """Return the box of "+ 4 more", in the last place of the names."""
        theme = self._theme
        width = QFontMetrics(theme.font(11, BOLD)).horizontalAdvance(more_text(self.hidden)) + theme.px(12)
        row, rows = ROWS[0] - 1, ROWS[0]
        left: float = self._width - theme.px(12.0) - width
        if self.names:
            last = self.names[-1]
            row, rows, left = last.row + 1, last.rows, last.left
        return name_box(theme, self.heights, Name(MORE, "", False, left, width, row, rows))

    def hit(self, at: QPoint) -> str:
        """Return the lane near that position, or MORE; empty: none."""
        theme, heights = self._theme, self.heights
        if at.y() > heights.ground + theme.px(5):
            if self.hidden and self.more_box().contains(QPointF(at)):
                return MORE
            found = (name.id for name in self.names if name_box(theme, heights, name).contains(QPointF(at)))
            return next(found, "")
        lane = nearest(self.places, at.x() + 0.5, theme.px(4.5))
        if lane is None or not heights.strip <= at.y() <= heights.lowest(lane) + theme.px(8):
            return ""
        return lane.id

    def paint(self, painter: QPainter) -> None:
        """Paint everything."""
        self.paint_moving(painter, {}, 1.0)

    def paint_moving(self, painter: QPainter, before: Mapping[str, tuple[float, float]], progress: float) -> None:
        """Paint an animation frame: families, moving rays, and the names of those that have arrived; `before`: x and
        end of each threat at the start.
        """
        theme, heights = self._theme, self.heights
        paint_families(painter, theme, heights, self.places, self._width)
        falling = set()
        for lane in self.lanes():
            was = before.get(lane.id)
            if lane.ray is None or was is None or was[1] >= heights.ground:
                paint_lane(painter, theme, heights, lane, self._largest)
                continue
            falling.add(lane.id)
            x = was[0] + (lane.x - was[0]) * progress
            paint_falling(painter, theme, heights, lane.ray, x, was[1] + (heights.ground - was[1]) * progress)
        for name in self.names:
            if name.id not in falling:
                paint_name(painter, theme, heights, name, name_text(self._lanes[name.id].rays[0]), small=self.small)
        if self.hidden:
            painter.setFont(theme.font(11, BOLD))
            painter.setPen(theme.color("ground_text"))
            box = self.more_box().adjusted(theme.px(6), 0, 0, 0)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, more_text(self.hidden))

    def paint_one(self, painter: QPainter, lane: Lane, *, focused: bool) -> None:
        """Paint a lane with its family and its name; with a frame if it is focused."""
        theme, heights = self._theme, self.heights
        if focused:
            painter.setPen(focus_pen(theme, 1))
            painter.setBrush(theme.color("accent", 0.12))
            half = max(5.5, lane.width / 2)
            box = QRectF(lane.x - half, heights.strip + 0.5, 2 * half, heights.ground - heights.strip - 1)
            painter.drawRoundedRect(box, 4, 4)
        paint_lane(painter, theme, heights, lane, self._largest)
        for name in self.names:
            if name.id == lane.id:
                paint_name(painter, theme, heights, name, name_text(lane.rays[0]), small=self.small)
        paint_families(painter, theme, heights, self.places, self._width, only=lane)


def more_text(count: int) -> str:
    """Return the text in place of names that do not fit."""
    return translate(msg("+ {count} more", count=count))
