"""The picture of the rays: which lane and which name stands where, what is at a place, and how all of it is painted."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter

from stratascope.core.message import msg
from stratascope.core.threats.threat import Family
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import (
    ROWS,
    Bundle,
    FamilyBand,
    Lane,
    Name,
    Sort,
    largest_bar,
    lay_out,
    nearest,
    place_names,
)
from stratascope.presentation.threat_outcomes import ThreatOutcome, family_word
from stratascope.ui.kit.focus_order import focus_pen
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.strata.edge import KERNEL
from stratascope.ui.strata.rays_paint import (
    AROUND,
    RayHeights,
    name_box,
    name_font,
    name_text,
    paint_falling,
    paint_families,
    paint_lane,
    paint_name,
)

MORE = "+"  # instead of a threat's id: the words that count the missing names


class RayScene:
    """Lanes and names for one size of the strata; no widget."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.heights = RayHeights(0, (), 0, 0)
        self.places: tuple[FamilyBand, ...] = ()
        self.names: tuple[Name, ...] = ()
        self.small = False  # names in smaller letters, since not all have room else
        self.hidden = 0  # serious open threats whose names found no room
        self.drawn_minor = True
        self._lanes: dict[str, Lane] = {}
        self._largest = 1
        self._width = 0

    def arrange(self, bundled: tuple[Bundle, ...], heights: RayHeights, left: float, width: int) -> None:
        """Give lanes and names their places in a field that begins at `left`, in strata of that width."""
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
        """The lane of that id."""
        return self._lanes.get(name)

    def lane_box(self, lane: Lane) -> QRect:
        """Where a lane is."""
        top, bottom = self.heights.strip, self.heights.lowest(lane)
        return QRectF(lane.x - lane.width / 2, top, lane.width, max(1.0, bottom - top)).toRect()

    def more_box(self) -> QRectF:
        """Where "+ 4 more" stands: in the last place of the names."""
        theme = self._theme
        width = QFontMetrics(theme.font(11, BOLD)).horizontalAdvance(more_text(self.hidden)) + theme.px(12)
        row, rows = ROWS[0] - 1, ROWS[0]
        left: float = self._width - theme.px(12.0) - width
        if self.names:
            last = self.names[-1]
            row, rows, left = last.row + 1, last.rows, last.left
        return name_box(theme, self.heights, Name(MORE, "", False, left, width, row, rows))

    def hit(self, at: QPoint) -> str:
        """The lane near that place, or MORE; empty: none."""
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
        """All of it."""
        self.paint_moving(painter, {}, 1.0)

    def paint_moving(self, painter: QPainter, before: Mapping[str, tuple[float, float]], progress: float) -> None:
        """Families, rays on their way, and the names of those that have arrived; `before`: x and end of each threat
        where it comes from."""
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
        """One lane with its family and its name; with a frame where it has the keyboard."""
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
    """Instead of names that find no room."""
    return translate(msg("+ {count} more", count=count))
