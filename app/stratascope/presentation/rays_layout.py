"""Where rays and their names stand: lanes in families, and labels in the ground that no leader line crosses. Pure.

All lengths are pixels on screen; nothing here is scaled.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratascope.core.threats.threat import Family
from stratascope.presentation.rays import Bundle, Ray
from stratascope.presentation.threat_outcomes import OPEN, Kind
from stratascope.value import Value, replace

GROUP_WEIGHT = 2.4  # of the bar that stands for all rays of a family which are not open

NAMES_MOST, NAMES_PULL = 0.9, 0.3  # share of the field that names may ask for; their say in the widths beyond it
TRIES = 1500  # ways of placing names that are looked at


class Lane(Value):
    """Room for one ray, its centre on a half pixel; or for a bar that stands for `count` rays, `unsure` of which are
    not known (`ray` is the one that is stopped last, or any where none is)."""

    ray: Ray
    x: float
    width: float
    count: int = 0
    unsure: int = 0


class Place(Value):
    """A family's part of the field, and its lanes."""

    family: Family
    left: float
    right: float
    lanes: tuple[Lane, ...]


class Label(Value):
    """A name in the ground: from `left`, `width` wide, in `row` (0 is the upper one), for the ray at `x`."""

    id: str
    x: float
    width: float
    critical: bool
    left: float = 0.0
    row: int = 0

    @property
    def right(self) -> float:
        return self.left + self.width


def lay_out(
    bundled: tuple[Bundle, ...], left: float, right: float, gap: float, names: Mapping[Family, float], *, grouped: bool
) -> tuple[Place, ...]:
    """Share the field from `left` to `right` among the families. `names`: least width of each.

    `grouped`: only open rays have lanes, the others of a family are one bar with their number.
    """
    if not bundled:
        return ()
    parts = [_parts(bundle, grouped=grouped) for bundle in bundled]
    weights = [sum(weight for _, weight, _, _ in part) for part in parts]
    least = [names.get(bundle.family, 0.0) for bundle in bundled]
    widths = _shares(weights, least, max(0.0, right - left - gap * (len(bundled) - 1)))
    places = []
    at = left
    for bundle, part, weight, width in zip(bundled, parts, weights, widths, strict=True):
        lanes = []
        x = at
        for ray, its, count, unsure in part:
            lane = width * its / weight
            lanes.append(Lane(ray, int(x + lane / 2) + 0.5, lane, count, unsure))
            x += lane
        places.append(Place(bundle.family, at, at + width, tuple(lanes)))
        at += width + gap
    return tuple(places)


def _parts(bundle: Bundle, *, grouped: bool) -> list[tuple[Ray, float, int, int]]:
    if not grouped:
        return [(ray, ray.weight, 0, 0) for ray in bundle.rays]
    parts = [(ray, ray.weight, 0, 0) for ray in bundle.rays if ray.kind in OPEN]
    rest = [ray for ray in bundle.rays if ray.kind not in OPEN]
    if rest:
        stopped = [ray for ray in rest if ray.kind is not Kind.UNKNOWN]
        last = min(stopped or rest, key=lambda ray: ray.end)
        parts.append((last, GROUP_WEIGHT, len(rest), len(rest) - len(stopped)))
    return parts


def _shares(weights: list[float], least: list[float], room: float) -> list[float]:
    """Widths by weight, none below its least. Where that leaves too little for the rays, names are cut instead."""
    if sum(least) > room * NAMES_MOST:
        total, names = sum(weights), sum(least)
        return [
            room * (weight / total * (1 - NAMES_PULL) + name / names * NAMES_PULL)
            for weight, name in zip(weights, least, strict=True)
        ]
    fixed: set[int] = set()
    while True:
        free = room - sum(least[at] for at in fixed)
        weight = sum(each for at, each in enumerate(weights) if at not in fixed)
        unit = free / weight if weight else 0.0
        short = {at for at, each in enumerate(weights) if at not in fixed and each * unit < least[at]}
        if not short:
            return [least[at] if at in fixed else each * unit for at, each in enumerate(weights)]
        fixed |= short


def place_labels(
    wanted: tuple[Label, ...], left: float, right: float, lead: float, rows: int, more: float
) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """Give each name a row and a place; also the ids of those that found none.

    From right to left each takes the first row with room, starting `lead` left of its ray. Names that would leave the
    right edge end `lead` right of theirs, and are placed first, from left to right. `more` is the width of the words
    that count the missing: room for them is kept at the right of the lowest row, where some are.
    """
    ordered = _begun(wanted, left, right, lead)
    placed = _search(ordered, (), rows, lead, [TRIES])
    if placed is None:
        kept = Label("", right, more, critical=False, left=right - more, row=rows - 1)
        # no leader can run through the lowest row: what stands at the left of all others may be better off there
        ways = [_greedily(ordered, rows, lead, kept, lowest=lowest) for lowest in (False, True)]
        placed = max(ways, key=lambda way: _worth(way, ordered))
    ids = {label.id for label in placed}
    return placed, tuple(label.id for label in wanted if label.id not in ids)


def _greedily(labels: tuple[Label, ...], rows: int, lead: float, kept: Label, *, lowest: bool) -> tuple[Label, ...]:
    """As many as fit, the critical ones first; `lowest`: begin with the leftmost critical one in the lowest row."""
    placed: tuple[Label, ...] = ()
    waiting = sorted(labels, key=lambda label: not label.critical)
    first = _leftmost(labels) if lowest else None
    if first is not None:
        waiting = [first, *(label for label in waiting if label is not first)]
    for label in waiting:
        for row in range(rows - 1, -1, -1) if label is first else range(rows):
            room = replace(label, row=row)
            if not _covers(room, kept, lead) and _fits(room, placed, lead):
                placed = (*placed, room)
                break
    return placed


def _leftmost(labels: tuple[Label, ...]) -> Label | None:
    return min((label for label in labels if label.critical), key=lambda label: label.x, default=None)


def _worth(placed: tuple[Label, ...], labels: tuple[Label, ...]) -> tuple[int, bool, int]:
    """How many critical ones are named, whether the first of them is, and how many in all."""
    first = _leftmost(labels)
    return (
        sum(label.critical for label in placed),
        first is not None and first.id in {label.id for label in placed},
        len(placed),
    )


def _begun(wanted: tuple[Label, ...], left: float, right: float, lead: float) -> tuple[Label, ...]:
    """The names with their left edges, in the order in which they are placed."""
    at_edge = [label for label in wanted if label.x - lead + label.width > right]
    others = [label for label in wanted if label.x - lead + label.width <= right]
    return (
        *(
            replace(label, left=max(left, min(right, label.x + lead) - label.width))
            for label in sorted(at_edge, key=lambda each: each.x)
        ),
        *(replace(label, left=max(left, label.x - lead)) for label in sorted(others, key=lambda each: -each.x)),
    )


def _search(
    labels: tuple[Label, ...], placed: tuple[Label, ...], rows: int, lead: float, tries: list[int]
) -> tuple[Label, ...] | None:
    """All of them placed, each in the first row that lets the rest find room too; None where none was found."""
    if not labels:
        return placed
    for row in range(rows):
        if tries[0] <= 0:
            return None
        tries[0] -= 1
        room = replace(labels[0], row=row)
        if _fits(room, placed, lead):
            found = _search(labels[1:], (*placed, room), rows, lead, tries)
            if found is not None:
                return found
    return None


def _fits(label: Label, placed: tuple[Label, ...], lead: float) -> bool:
    return all(_agree(label, other, lead) for other in placed)


def _covers(label: Label, kept: Label, lead: float) -> bool:
    return label.row == kept.row and _overlap(label, kept, lead)


def _overlap(one: Label, other: Label, apart: float) -> bool:
    return one.left < other.right + apart / 2 and other.left < one.right + apart / 2


def _agree(one: Label, other: Label, lead: float) -> bool:
    """Neither covers the other, and no leader line runs through a name above its row."""
    if one.row == other.row:
        return not _overlap(one, other, lead)
    upper, lower = (one, other) if one.row < other.row else (other, one)
    return not upper.left < lower.x < upper.right + 2


def nearest(places: tuple[Place, ...], x: float, reach: float) -> Lane | None:
    """The lane at that place, at most `reach` away."""
    lanes = [lane for place in places for lane in place.lanes]
    found = min(lanes, key=lambda lane: abs(lane.x - x), default=None)
    return found if found is not None and abs(found.x - x) <= reach else None
