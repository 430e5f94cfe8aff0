"""How rays, families and names in the ground are drawn; lengths of the design (LOOK, section 7) in `theme.px`."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import GROUND, Ray
from stratascope.presentation.rays_layout import Label, Lane, Place
from stratascope.presentation.threat_outcomes import Kind, family_word
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme
from stratascope.ui.widgets.what_if import small
from stratascope.value import Value

WIDTH = {Kind.CRITICAL: 3.4, Kind.HIGH: 2.4, Kind.MEDIUM: 1.5, Kind.LOW: 1.0}
HEAD = {Kind.CRITICAL: 11.0, Kind.HIGH: 8.0, Kind.MEDIUM: 6.0}
INK = {Kind.CRITICAL: "rayopen", Kind.HIGH: "rayopen", Kind.MEDIUM: "raywarn", Kind.LOW: "raylow"}
LABEL_ROW, ROWS, LEAD = 17, 3, 7


class RayHeights(Value):
    """Where the parts of the strata stand, in pixels from the top of the strata."""

    strip: float  # bottom of the process strip
    bands: tuple[tuple[int, float, float], ...]  # number, top, bottom; from above
    ground: float
    bottom: float

    def middle(self, number: int) -> float:
        """The middle of a band; the upper edge of the ground for any other number."""
        return next(((top + bottom) / 2 for band, top, bottom in self.bands if band == number), self.ground)

    def end(self, ray: Ray) -> float:
        """How far down the ray goes as a line."""
        return self.ground if ray.end == GROUND else self.middle(ray.end)

    def lowest(self, ray: Ray) -> float:
        """How far down anything of it is drawn."""
        return self.middle(ray.also[-1]) if ray.also else self.end(ray)


def paint_lane(painter: QPainter, theme: Theme, heights: RayHeights, lane: Lane, limit: float | None = None) -> None:
    """One ray, or the bar for many; `limit`: as far as it has got, while it falls or is drawn up."""
    if lane.count:
        _paint_group(painter, theme, heights, lane)
        return
    ray, x, end = lane.ray, lane.x, heights.end(lane.ray)
    falling = limit is not None and limit < end
    stop = min(end, limit) if limit is not None else end
    ink = INK.get(ray.kind, "ray")
    width = WIDTH.get(ray.kind, 1.3) * theme.scale
    if limit is not None and limit > end:  # drawn up: what is still to go
        painter.setPen(QPen(theme.color("ray"), 1.3))
        painter.drawLine(QLineF(x, end, x, limit))
    head = HEAD.get(ray.kind, 0.0) * theme.scale
    foot = stop if falling or not head else heights.ground - head / 2
    _paint_line(painter, theme, heights, lane, foot, ink, width)
    if falling:
        return
    if head:
        _paint_head(painter, theme, ray.kind, x, heights.ground + 4 * theme.scale, head)
    elif ray.kind is Kind.LOW:
        radius = 2 * theme.scale
        painter.setPen(QPen(theme.color(ink), 1.0))
        painter.setBrush(theme.color("window"))
        painter.drawEllipse(QPointF(x, heights.ground - radius), radius, radius)
    elif ray.kind is Kind.HOST:
        _paint_bar(painter, theme, x, heights.ground - 1.5 * theme.scale, lane.width, 3, "ray")
    elif ray.end != GROUND:
        _paint_bar(painter, theme, x, end, lane.width, 3, "ray", hollow=ray.end in ray.asked)
        _paint_also(painter, theme, heights, lane)


def _paint_line(
    painter: QPainter, theme: Theme, heights: RayHeights, lane: Lane, foot: float, ink: str, width: float
) -> None:
    """Solid as far as it is known, dashed below the first band of which it is not."""
    ray, x = lane.ray, lane.x
    known = [heights.middle(number) for number in ray.unknown if heights.middle(number) <= foot + 1]
    turn = known[0] if known else foot
    pen = QPen(theme.color(ink), width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.drawLine(QLineF(x, heights.strip, x, turn))
    if not known:
        return
    pen.setDashPattern([3 / width, 3 / width])
    painter.setPen(pen)
    painter.drawLine(QLineF(x, turn, x, foot))
    size = max(2.2, min(3.5 * theme.scale, lane.width / 2 - 0.6))
    painter.setPen(QPen(theme.color("ray"), 1.2))
    painter.setBrush(theme.color("panel"))
    for y in known:
        middle = min(y, heights.ground - size)
        painter.drawPolygon(
            QPolygonF(
                [QPointF(x, middle - size), QPointF(x + size, middle), QPointF(x, middle + size),
                 QPointF(x - size, middle)]
            )
        )  # fmt: skip


def _paint_head(painter: QPainter, theme: Theme, kind: Kind, x: float, tip: float, size: float) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(INK[kind]))
    half = size * 0.46
    painter.drawPolygon(QPolygonF([QPointF(x - half, tip - size), QPointF(x + half, tip - size), QPointF(x, tip)]))


def _paint_bar(
    painter: QPainter, theme: Theme, x: float, y: float, lane: float, thick: float, ink: str, *, hollow: bool = False
) -> None:
    """`hollow`: what only the engine states."""
    width = max(2.0, min(7.0 * theme.scale, lane - 2))
    tall = thick * theme.scale
    if hollow:
        painter.setPen(QPen(theme.color(ink), 1.2))
        painter.setBrush(theme.color("panel"))
        painter.drawRect(QRectF(x - width / 2, y - (tall + 1) / 2, width, tall + 1))
        return
    painter.fillRect(QRectF(x - width / 2, y - tall / 2, width, tall), theme.color(ink))


def _paint_also(painter: QPainter, theme: Theme, heights: RayHeights, lane: Lane) -> None:
    if not lane.ray.also:
        return
    pen = QPen(theme.color("ray2"), 1.2)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setDashPattern([1.5 / 1.2, 2.5 / 1.2])
    painter.setPen(pen)
    painter.drawLine(QLineF(lane.x, heights.end(lane.ray) + 2, lane.x, heights.lowest(lane.ray)))
    for number in lane.ray.also:
        hollow = number in lane.ray.asked
        _paint_bar(painter, theme, lane.x, heights.middle(number), lane.width, 2, "ray2", hollow=hollow)


def _paint_group(painter: QPainter, theme: Theme, heights: RayHeights, lane: Lane) -> None:
    """All rays of a family that are not open: down to the lowest band that is the first to stop one of them, and
    dashed further down where some are not known."""
    x, thick = lane.x, 3 * theme.scale
    end = heights.strip if lane.unsure == lane.count else heights.end(lane.ray)
    pen = QPen(theme.color("ray"), thick)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    if lane.unsure < lane.count:
        painter.drawLine(QLineF(x, heights.strip, x, end))
        wide, y = 9 * theme.scale, min(end, heights.ground - thick / 2)
        painter.fillRect(QRectF(x - wide / 2, y - thick / 2, wide, thick), theme.color("ray"))
    if lane.unsure:
        pen.setDashPattern([1, 1])
        painter.setPen(pen)
        painter.drawLine(QLineF(x, end, x, heights.ground))
    painter.setFont(theme.font(10, BOLD))
    text = str(lane.count)
    width = painter.fontMetrics().horizontalAdvance(text) + theme.px(6)
    box = QRectF(x - width / 2, heights.strip + theme.px(5), width, theme.box(10))
    painter.setPen(QPen(theme.color("ray"), 1))
    painter.setBrush(theme.color("panel"))
    painter.drawRoundedRect(box, theme.px(4), theme.px(4))
    painter.setPen(theme.color("text"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def paint_families(painter: QPainter, theme: Theme, heights: RayHeights, places: tuple[Place, ...]) -> None:
    """Each family's name on the strip, over a bracket line as wide as its lanes."""
    painter.setFont(theme.font(11, MEDIUM))
    metrics = painter.fontMetrics()
    y = heights.strip - theme.px(6.5) + 0.5
    for place in places:
        painter.setPen(theme.color("text2"))
        room = int(place.right - place.left + theme.px(9))
        word = metrics.elidedText(family_word(place.family), Qt.TextElideMode.ElideRight, room)
        box = QRectF(place.left - theme.px(5), 0, place.right - place.left + theme.px(10), y - theme.px(1))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.drawLine(QLineF(place.left, y, place.right, y))
        for x in (place.left, place.right):
            painter.drawLine(QLineF(x, y, x, y + theme.px(3)))


def label_text(theme: Theme, ray: Ray) -> str:
    """The name of an open threat in the ground."""
    return plain(small(translate(ray.state.threat.title)), 80)


def label_box(theme: Theme, heights: RayHeights, label: Label) -> QRectF:
    """Where a name stands."""
    row = theme.px(LABEL_ROW)
    top = heights.ground + (heights.bottom - heights.ground - ROWS * row) / 2 + label.row * row
    return QRectF(label.left, top, label.width, row)


def paint_leader(painter: QPainter, theme: Theme, heights: RayHeights, label: Label) -> None:
    """The line from a ray to its name in a lower row."""
    if label.row:
        painter.setPen(QPen(theme.color("ground_label"), 1))
        top = label_box(theme, heights, label).top() + theme.px(2)
        painter.drawLine(QLineF(label.x, heights.ground + theme.px(3), label.x, top))


def paint_label(painter: QPainter, theme: Theme, heights: RayHeights, label: Label, text: str) -> None:
    """The name itself; critical ones are pills."""
    box = label_box(theme, heights, label)
    painter.setFont(theme.font(11, BOLD))
    if label.critical:
        pill = box.adjusted(0, 0.5, 0, -0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("ground_label"))
        painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)
        painter.setPen(theme.color("on_label"))
    else:
        painter.setPen(theme.color("ground_label"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
