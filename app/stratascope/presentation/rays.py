"""Threats as rays: which band stops each, and the layout of rays and names so that they can be counted. Pure.

Decided against sorting again while a layer is hypothetically removed: a ray that falls further must stay in its place.

In each family, every open threat of serious or medium severity has its own lane. All open minor ones share a hairline,
all unknown ones a dashed line, and all stopped ones a bar, which gets thinner where some end: a hundred lines would be
a hatching that nobody can count. Each serious one has a letter, which is repeated with its name in the ground.

Lengths are design lengths times `unit`. If the field is too narrow, lanes move together, then the minor ones are left
out, then those of medium severity share a line. After that all but the serious ones move together, down to half of
their room: the letters must not overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import ceil
from string import ascii_lowercase

from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Basis, Family, Stance
from stratascope.presentation.threat_outcomes import SERIOUS, ThreatOutcome, kind_of
from stratascope.value import Value

GROUND = 0  # the number of the band below all: the kernel

_KINDS = list(ThreatOutcome)


class Ray(Value):
    """One threat on its way down. `end`: the topmost band that stops it, or GROUND; `also`: lower bands that would stop
    it too; `unknown`: bands that may stop it, possibly GROUND. All listed from the top."""

    state: ThreatState
    kind: ThreatOutcome
    end: int
    also: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()  # bands that stop it according to the engine only

    @property
    def id(self) -> str:
        return self.state.threat.id


class Bundle(Value):
    """The rays of one family, from left to right."""

    family: Family
    rays: tuple[Ray, ...]


def ray_of(state: ThreatState, numbers: Mapping[str, int]) -> Ray:
    """The ray of one threat. `numbers`: the layers' bands by id."""
    stops, unknown, asked = [], [], []
    for item in state.weakest.rulings:
        number = numbers.get(item.layer)
        if number is None:
            continue
        if item.ruling.stance is Stance.STOPS:
            stops.append(number)
            if item.ruling.basis is not Basis.KERNEL:
                asked.append(number)
        elif item.ruling.stance is Stance.UNKNOWN:
            unknown.append(number)
    if state.weakest.ground is not None and state.weakest.ground.stance is Stance.UNKNOWN:
        unknown.append(GROUND)
    stops.sort(reverse=True)
    unknown.sort(reverse=True)
    end = stops[0] if stops else GROUND
    lowest = stops[-1] if stops else GROUND
    left = tuple(at for at in unknown if at > lowest or not stops)
    return Ray(state, kind_of(state), end, tuple(stops[1:]), left, tuple(asked))


def bundles(matrix: Matrix, numbers: Mapping[str, int], order: tuple[str, ...] = ()) -> tuple[Bundle, ...]:
    """All rays by family. `order`: threat ids in the previous order, to keep their places."""
    places = {name: at for at, name in enumerate(order)}
    found: dict[Family, list[Ray]] = {family: [] for family in Family}
    for state in matrix.threats:
        found[state.threat.family].append(ray_of(state, numbers))
    for rays in found.values():
        if order:
            rays.sort(key=lambda ray: places.get(ray.id, len(places)))
        else:
            rays.sort(key=lambda ray: (_KINDS.index(ray.kind), -ray.end, ray.state.threat.severity.rank))
    return tuple(Bundle(family, tuple(rays)) for family, rays in found.items() if rays)


def order_of(bundled: tuple[Bundle, ...]) -> tuple[str, ...]:
    """The ids of the threats, from left to right."""
    return tuple(ray.id for bundle in bundled for ray in bundle.rays)


LETTERS = ascii_lowercase[:15]
COLUMNS, ROWS = 3, (3, 5)  # of names in the ground: columns at the most; rows at the least and at the most
PITCH = {3: 18.0, 4: 15.4, 5: 13.2}  # from one row of names to the next
_SHARED, _STOPPED = 16.0, 17.0  # width of a lane that several share
_WIDEST = {"serious": 14.0, "medium": 9.0}
_LEAST = 0.5  # share of their room that other lanes keep before the serious ones shrink too


class Sort(StrEnum):
    """The kind of a lane."""

    RAY = "ray"  # one open threat
    MEDIUM = "medium"  # all of a family that are open and of medium severity, where there is no room for each
    MINOR = "minor"
    UNKNOWN = "unknown"
    STOPPED = "stopped"


class Lane(Value):
    """A lane for one ray or several, centred on a half pixel. `letter`: set if the ray is named in the ground."""

    sort: Sort
    rays: tuple[Ray, ...]
    x: float
    width: float
    letter: str = ""

    @property
    def id(self) -> str:
        """The threat's id; for several rays, one made of family and kind, which is no threat's id."""
        return self.rays[0].id if self.sort is Sort.RAY else f"{self.rays[0].state.threat.family}:{self.sort}"

    @property
    def ray(self) -> Ray | None:
        """Its only ray; None if there are several."""
        return self.rays[0] if self.sort is Sort.RAY else None


class Stop(Value):
    """How many rays of a bar end at that band (`GROUND`: stopped by the host's settings alone), and their least depths.

    `asked`: only the engine states it for all of them. `left`: how many continue below.
    """

    band: int
    count: int
    least: int
    asked: bool
    left: int


class FamilyBand(Value):
    """A family's part of the field, and its lanes."""

    family: Family
    left: float
    right: float
    lanes: tuple[Lane, ...]


class Name(Value):
    """A name in the ground: its text starts at `left`, is at most `width` wide, and is in row `row` of `rows`."""

    id: str
    letter: str
    critical: bool
    left: float
    width: float
    row: int
    rows: int


class _Fit(Value):
    """One way to make room; in design lengths."""

    gap: float
    serious: float
    medium: float
    minor: bool = True  # drawn
    apart: bool = True  # each threat of medium severity has its own lane


_Part = tuple[Sort, tuple[Ray, ...], float]  # kind, rays and width of a lane
_FITS = (
    _Fit(11.0, 10.0, 7.0),
    _Fit(4.5, 9.0, 5.0),
    _Fit(4.5, 9.0, 5.0, minor=False),
    _Fit(4.5, 9.0, 5.0, minor=False, apart=False),
)


def lay_out(
    bundled: Sequence[Bundle], left: float, right: float, unit: float, names: Mapping[Family, float]
) -> tuple[FamilyBand, ...]:
    """Divide the field from `left` to `right` among the families. `names`: the width of each name in pixels."""
    if not bundled:
        return ()
    room = max(1.0, right - left)
    for fit in _FITS:
        parts, needed, least = _measured(bundled, fit, unit, names)
        spare = room - fit.gap * unit * (len(bundled) - 1)
        if sum(least) <= spare:
            break
    if fit is _FITS[0]:
        wider = [_wider(bundle, fit) * unit for bundle in bundled]
        most = sum(max(each, content + more) for each, content, more in zip(least, needed, wider, strict=True))
        grown = 1.0 if most <= spare else max(0.0, (spare - sum(least)) / max(1.0, sum(wider)))
        fit = _Fit(
            fit.gap,
            fit.serious + (_WIDEST["serious"] - fit.serious) * grown,
            fit.medium + (_WIDEST["medium"] - fit.medium) * grown,
        )
        parts, needed, least = _measured(bundled, fit, unit, names)
    widths = _shared_out(needed, least, spare)
    firm, loose = 1.0, 1.0  # factors for the room of serious lanes and of others
    if sum(needed) > spare:
        serious = [sum(its for _, rays, its in part if rays[0].kind in SERIOUS) * unit for part in parts]
        others = [content - its for content, its in zip(needed, serious, strict=True)]
        loose = max(_LEAST, (spare - sum(serious)) / max(1.0, sum(others)))
        firm = min(1.0, (spare - sum(others) * loose) / max(1.0, sum(serious)))
        if firm < loose:
            firm = loose = spare / sum(needed)
        widths = needed = [its * firm + rest * loose for its, rest in zip(serious, others, strict=True)]
    lettered = iter(LETTERS)
    places, at = [], left
    for bundle, part, content, width in zip(bundled, parts, needed, widths, strict=True):
        x = at + (width - content) / 2
        lanes = []
        for sort, rays, its in part:
            wide = its * unit * (firm if rays[0].kind in SERIOUS else loose)
            letter = next(lettered, "") if sort is Sort.RAY and rays[0].kind in SERIOUS else ""
            lanes.append(Lane(sort, rays, int(x + wide / 2) + 0.5, wide, letter))
            x += wide
        places.append(FamilyBand(bundle.family, at, at + width, tuple(lanes)))
        at += width + fit.gap * unit
    return tuple(places)


def _measured(
    bundled: Sequence[Bundle], fit: _Fit, unit: float, names: Mapping[Family, float]
) -> tuple[list[list[_Part]], list[float], list[float]]:
    """The lanes of each family, their total width in pixels, and the width that the family's name needs at least."""
    parts = [_parts(bundle, fit) for bundle in bundled]
    needed = [sum(width for _, _, width in part) * unit for part in parts]
    least = [max(names.get(bundle.family, 0.0), each) for bundle, each in zip(bundled, needed, strict=True)]
    return parts, needed, least


def _parts(bundle: Bundle, fit: _Fit) -> list[_Part]:
    """The lanes of a family: the rays in each, and its width in design lengths."""
    found: list[_Part] = [(Sort.RAY, (ray,), fit.serious) for ray in bundle.rays if ray.kind in SERIOUS]
    medium = tuple(ray for ray in bundle.rays if ray.kind is ThreatOutcome.MEDIUM)
    if fit.apart:
        found += [(Sort.RAY, (ray,), fit.medium) for ray in medium]
    shared = {
        Sort.MEDIUM: () if fit.apart else medium,
        Sort.MINOR: tuple(ray for ray in bundle.rays if ray.kind is ThreatOutcome.LOW) if fit.minor else (),
        Sort.UNKNOWN: tuple(ray for ray in bundle.rays if ray.kind is ThreatOutcome.UNKNOWN),
    }
    found += [(sort, rays, _SHARED) for sort, rays in shared.items() if rays]
    stopped = tuple(
        ray for ray in bundle.rays if ray.kind in (ThreatOutcome.HOST, ThreatOutcome.ONCE, ThreatOutcome.DEEPER)
    )
    return [*found, (Sort.STOPPED, stopped, _STOPPED)] if stopped else found


def _wider(bundle: Bundle, fit: _Fit) -> float:
    """How much wider the lanes of a family may become."""
    serious = sum(ray.kind in SERIOUS for ray in bundle.rays)
    medium = sum(ray.kind is ThreatOutcome.MEDIUM for ray in bundle.rays)
    return serious * (_WIDEST["serious"] - fit.serious) + medium * (_WIDEST["medium"] - fit.medium)


def _shared_out(needed: list[float], least: list[float], room: float) -> list[float]:
    """The width of each family: what it needs with its name, plus its share of the rest. If there is too little room
    for the names, these are cut first."""
    total, names = sum(needed), sum(least)
    if names <= room:
        more = (room - names) / max(1.0, names)
        return [each * (1 + more) for each in least]
    part = max(0.0, (room - total) / max(1.0, names - total))
    return [each + (wide - each) * part for each, wide in zip(needed, least, strict=True)]


def stops(lane: Lane) -> tuple[Stop, ...]:
    """Where the rays of a bar end, from the top."""
    left = len(lane.rays)
    found = []
    for band in sorted({ray.end for ray in lane.rays}, reverse=True):
        here = [ray for ray in lane.rays if ray.end == band]
        left -= len(here)
        least = min(ray.state.depth[0] for ray in here)
        found.append(Stop(band, len(here), least, band != GROUND and all(band in ray.asked for ray in here), left))
    return tuple(found)


def largest_bar(places: Sequence[FamilyBand]) -> int:
    """The number of rays in the largest bar, which the widths of all bars are relative to."""
    return max((len(lane.rays) for place in places for lane in place.lanes if lane.sort is Sort.STOPPED), default=1)


def bar_width(running: int, largest: int, unit: float) -> float:
    """The width of a bar where `running` of its rays continue."""
    return (2 + 8 * (running / max(1, largest)) ** 0.5) * unit if running else 0.0


def place_names(
    lanes: Sequence[Lane],
    widths: Mapping[str, float],
    left: float,
    right: float,
    unit: float,
    most: int = ROWS[1],
) -> tuple[tuple[Name, ...], int]:
    """Place the names of open serious threats in columns of `most` rows, in the order of their rays; and count those
    without room.

    `widths`: the width of each name with its letter and margins. If some have no room, the last place is kept for the
    text that counts them.
    """
    named = [lane for lane in lanes if lane.letter]
    serious = sum(lane.ray is not None and lane.ray.kind in SERIOUS for lane in lanes)
    gap = 10 * unit
    for columns in range(min(COLUMNS, ceil(len(named) / ROWS[0])), 0, -1):
        rows = min(most, max(ROWS[0], ceil(len(named) / columns)))
        shown = named if serious <= columns * rows else named[: columns * rows - 1]
        taken = [shown[at : at + rows] for at in range(0, len(shown), rows)]
        wide = [max(widths[lane.id] for lane in column) for column in taken]
        free = right - left - sum(wide) - gap * (len(wide) - 1)
        if free >= 0:
            break
    else:
        return (), serious
    between = gap + max(0.0, min(40 * unit, free / len(wide)))
    names, at = [], left
    for column, width in zip(taken, wide, strict=True):
        for row, lane in enumerate(column):
            critical = lane.rays[0].kind is ThreatOutcome.CRITICAL
            room = min(widths[lane.id], right - at)
            names.append(Name(lane.id, lane.letter, critical, at, room, row, rows))
        at += width + between
    return tuple(names), serious - len(shown)


def nearest(places: Sequence[FamilyBand], x: float, reach: float) -> Lane | None:
    """The lane at `x`, at most `reach` away; for a shared lane, within its width."""
    lanes = [lane for place in places for lane in place.lanes]
    found = min(lanes, key=lambda lane: abs(lane.x - x), default=None)
    if found is None:
        return None
    return found if abs(found.x - x) <= (reach if found.sort is Sort.RAY else max(reach, found.width / 2)) else None
