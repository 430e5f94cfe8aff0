"""Where the rays of the strata stand: a lane for each threat, in families, and the labels of what is open.

Pure numbers, in the lengths of the design (logical pixels). Widths of text are estimated: a page has no font to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stratascope.core.depth import Matrix, ThreatState
from stratascope.core.layer import Severity
from stratascope.core.threat import Family, Outcome
from stratascope.i18n import translate
from stratascope.report.threats import SERIOUS, fate
from stratascope.report.words import FAMILIES

FAMILY_GAP, LETTER, ROWS = 11.0, 6.9, 3
_FATES = ("serious", "medium", "minor", "unknown", "ground", "once", "more")
_WEIGHTS = {Severity.CRITICAL: 2.3, Severity.HIGH: 2.0}


@dataclass(frozen=True, slots=True)
class Lane:
    """One threat's ray: its middle, on a half pixel, and its width."""

    state: ThreatState
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Group:
    """One family on the strip."""

    title: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class LaneLabel:
    """The name of an open serious threat in the ground: row from 0, left edge, width."""

    lane: Lane
    title: str
    row: int
    left: float
    width: float


def lanes(matrix: Matrix, left: float, right: float) -> tuple[tuple[Group, ...], tuple[Lane, ...]]:
    """Families and lanes between two edges."""
    families = {family: [state for state in matrix.threats if state.threat.family is family] for family in Family}
    families = {family: states for family, states in families.items() if states}
    widths = _widths(families, right - left - FAMILY_GAP * max(0, len(families) - 1))
    groups: list[Group] = []
    found: list[Lane] = []
    x = left
    for family, states in families.items():
        width = widths[family]
        groups.append(Group(translate(FAMILIES[family]), x, x + width))
        total = sum(_weight(state) for state in states)
        at = x
        for state in sorted(states, key=_order):
            lane = width * _weight(state) / total
            found.append(Lane(state, int(at + lane / 2) + 0.5, lane))
            at += lane
        x += width + FAMILY_GAP
    return tuple(groups), tuple(found)


def _order(state: ThreatState) -> tuple[int, int]:
    return _FATES.index(fate(state)), list(Severity).index(state.threat.severity)


def _weight(state: ThreatState) -> float:
    return _WEIGHTS.get(state.threat.severity, 1.0) if state.outcome is Outcome.OPEN else 1.0


def _widths(families: dict[Family, list[ThreatState]], room: float) -> dict[Family, float]:
    """By weight, but none narrower than its name."""
    least = {family: len(translate(FAMILIES[family])) * LETTER + 4 for family in families}
    weights = {family: sum(map(_weight, states)) for family, states in families.items()}
    narrow: set[Family] = set()
    while True:
        free = room - sum(least[family] for family in narrow)
        total = sum(weight for family, weight in weights.items() if family not in narrow)
        unit = max(0.0, free) / total if total else 0.0
        more = {family for family in families if family not in narrow and weights[family] * unit < least[family]}
        if not more:
            return {family: least[family] if family in narrow else weights[family] * unit for family in families}
        narrow |= more


def labels(found: tuple[Lane, ...], left: float, right: float) -> tuple[tuple[LaneLabel, ...], int]:
    """Labels of the open serious threats, critical ones first, and how many found no room."""
    serious = [lane for lane in found if lane.state.outcome is Outcome.OPEN and lane.state.threat.severity in SERIOUS]
    placed: list[LaneLabel] = []
    for label in sorted((_label(lane, right) for lane in serious), key=_precedence):
        for row in range(ROWS):
            moved = replace(label, row=row, left=max(left, label.left))
            if not any(_collide(moved, other) for other in placed):
                placed.append(moved)
                break
    return tuple(placed), len(serious) - len(placed)


def _label(lane: Lane, right: float) -> LaneLabel:
    """To the right of its ray; where that would leave the edge, to the left of it."""
    title = translate(lane.state.threat.title)
    width = len(title) * LETTER + (12 if lane.state.threat.severity is Severity.CRITICAL else 4)
    start = lane.x - 7 if lane.x - 7 + width <= right else min(lane.x + 7, right) - width
    return LaneLabel(lane, title, 0, start, width)


def _precedence(label: LaneLabel) -> tuple[bool, bool, float]:
    """Critical ones first; those that go to the left from left to right, the others from right to left.

    In that order the leader of a label in a lower row passes beside the labels above it.
    """
    flipped = label.left + label.width < label.lane.x + 8
    critical = label.lane.state.threat.severity is Severity.CRITICAL
    return not critical, flipped, label.lane.x if flipped else -label.lane.x


def _collide(one: LaneLabel, other: LaneLabel) -> bool:
    """Two in one row that overlap, or a leader line through a label above its own."""
    if one.row == other.row:
        return one.left < other.left + other.width + 6 and other.left < one.left + one.width + 6
    low, high = (one, other) if one.row > other.row else (other, one)
    return high.left - 3 < low.lane.x < high.left + high.width + 3
