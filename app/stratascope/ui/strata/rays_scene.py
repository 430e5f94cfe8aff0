"""The picture of the rays: which lane and which name stands where, what is at a place, and how all of it is painted."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter

from stratascope.core.message import msg
from stratascope.core.threats.threat import Family
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import Bundle
from stratascope.presentation.rays_layout import Label, Lane, Place, lay_out, nearest, place_labels
from stratascope.presentation.threat_outcomes import SERIOUS, Kind, family_word
from stratascope.ui.strata.rays_paint import (
    LEAD,
    ROWS,
    RayHeights,
    label_box,
    label_text,
    paint_families,
    paint_label,
    paint_lane,
    paint_leader,
)
from stratascope.ui.widgets.focus_ring import focus_pen
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme

GROUPED = 420  # px of field, below which only open threats have lanes
MORE = "+"  # instead of a threat's id: the words that count the missing names


class RayScene:
    """Lanes and names for one size of the strata; no widget."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.heights = RayHeights(0, (), 0, 0)
        self.places: tuple[Place, ...] = ()
        self.labels: tuple[Label, ...] = ()
        self.hidden: tuple[str, ...] = ()  # serious open threats whose names found no room
        self._lanes: dict[str, Lane] = {}
        self._width = 0

    def arrange(self, bundled: tuple[Bundle, ...], heights: RayHeights, left: float, width: int) -> None:
        """Give lanes and names their places in a field that begins at `left`, in strata of that width."""
        theme = self._theme
        self.heights, self._width = heights, width
        metrics = QFontMetrics(theme.font(11, MEDIUM))
        names: dict[Family, float] = {
            bundle.family: metrics.horizontalAdvance(family_word(bundle.family)) for bundle in bundled
        }
        right = width - theme.px(12.0)
        grouped = right - left < theme.px(GROUPED)
        self.places = lay_out(bundled, left, right, theme.px(7 if grouped else 11), names, grouped=grouped)
        self._lanes = {lane.ray.id: lane for lane in self.lanes() if not lane.count}
        self._place_labels(left, right)

    def _place_labels(self, left: float, right: float) -> None:
        theme = self._theme
        metrics = QFontMetrics(theme.font(11, BOLD))
        wanted = []
        for lane in self._lanes.values():
            if lane.ray.kind in SERIOUS:
                critical = lane.ray.kind is Kind.CRITICAL
                width = metrics.horizontalAdvance(label_text(theme, lane.ray)) + theme.px(12 if critical else 1)
                wanted.append(Label(lane.ray.id, lane.x, width, critical))
        wanted.sort(key=lambda label: not label.critical)
        more = metrics.horizontalAdvance(more_text(len(wanted))) + theme.px(4)
        edge = right + theme.px(6)
        self.labels, self.hidden = place_labels(tuple(wanted), left, edge, theme.px(LEAD), ROWS, more)

    def lanes(self) -> list[Lane]:
        """All lanes from left to right."""
        return [lane for place in self.places for lane in place.lanes]

    def lane(self, threat: str) -> Lane | None:
        """The lane of that threat."""
        return self._lanes.get(threat)

    def lane_box(self, lane: Lane) -> QRect:
        """Where a lane is."""
        top, bottom = self.heights.strip, self.heights.lowest(lane.ray)
        return QRectF(lane.x - lane.width / 2, top, lane.width, max(1.0, bottom - top)).toRect()

    def more_box(self) -> QRectF:
        """Where "+ 4 more" stands."""
        theme = self._theme
        width = QFontMetrics(theme.font(11, BOLD)).horizontalAdvance(more_text(len(self.hidden))) + theme.px(4)
        right = self._width - theme.px(6.0)
        label = Label("", right, width, critical=False, left=right - width, row=ROWS - 1)
        return label_box(theme, self.heights, label)

    def hit(self, at: QPoint) -> str:
        """The threat near that place, or MORE; empty: none."""
        theme, heights = self._theme, self.heights
        if at.y() > heights.ground + theme.px(4):
            if self.hidden and self.more_box().contains(QPointF(at)):
                return MORE
            found = (label.id for label in self.labels if label_box(theme, heights, label).contains(QPointF(at)))
            return next(found, "")
        lane = nearest(self.places, at.x() + 0.5, theme.px(3.5))
        if lane is None or lane.count or not heights.strip <= at.y() <= heights.lowest(lane.ray) + theme.px(5):
            return ""
        return lane.ray.id

    def paint(self, painter: QPainter) -> None:
        """All of it."""
        theme = self._theme
        self.paint_moving(painter, {}, 1.0)
        if self.hidden:
            painter.setFont(theme.font(11, BOLD))
            painter.setPen(theme.color("ground_text"))
            painter.drawText(self.more_box(), Qt.AlignmentFlag.AlignCenter, more_text(len(self.hidden)))

    def paint_moving(self, painter: QPainter, before: Mapping[str, tuple[float, float]], progress: float) -> None:
        """Families, rays on their way, and the names of those that have arrived; `before`: x and end of each lane
        where it comes from."""
        theme, heights = self._theme, self.heights
        paint_families(painter, theme, heights, self.places)
        for lane in self.lanes():
            was = before.get(lane.ray.id)
            if was is None or lane.count:
                paint_lane(painter, theme, heights, lane)
                continue
            end = heights.end(lane.ray)
            x = was[0] + (lane.x - was[0]) * progress
            limit = None if was[1] == end else was[1] + (end - was[1]) * progress
            paint_lane(painter, theme, heights, Lane(lane.ray, x, lane.width), limit)
        here = [each for each in self.labels if before.get(each.id, (0.0, heights.ground))[1] >= heights.ground]
        for label in here:
            paint_leader(painter, theme, heights, label)
        for label in here:
            paint_label(painter, theme, heights, label, label_text(theme, self._lanes[label.id].ray))

    def paint_one(self, painter: QPainter, lane: Lane, *, focused: bool) -> None:
        """One lane with its family and its name; with a frame where it has the keyboard."""
        theme, heights = self._theme, self.heights
        if focused:
            painter.setPen(focus_pen(theme, 1))
            painter.setBrush(theme.color("accent", 0.12))
            box = QRectF(lane.x - 5.5, heights.strip + 0.5, 11, heights.ground - heights.strip - 1)
            painter.drawRoundedRect(box, 4, 4)
        paint_lane(painter, theme, heights, lane)
        for label in self.labels:
            if label.id == lane.ray.id:
                paint_leader(painter, theme, heights, label)
                paint_label(painter, theme, heights, label, label_text(theme, lane.ray))
        paint_families(painter, theme, heights, tuple(place for place in self.places if lane in place.lanes))


def more_text(count: int) -> str:
    """Instead of names that find no room."""
    return translate(msg("+ {count} more", count=count))
