"""Where the parts of the chart are: flags on top, the exposure, what is used, and the time at the bottom. Pure."""

from __future__ import annotations

from PySide6.QtCore import QRectF

from stratascope.core.history.changes import Change, What
from stratascope.core.history.entry import Limits, UsageRow
from stratascope.core.history.fold import MEASURES, Past
from stratascope.ui.kit.theme import Theme
from stratascope.value import Value

LEFT, RIGHT = 44, 14  # px beside the time
LANE, AXIS, HEAD, GAP = 24, 22, 20, 8
EXPOSED, USED = 150, 56  # as drawn; both give way where it is low
EXPOSED_LEAST, USED_LEAST = 66, 26
NEAR = 9  # px between two flags that are one


class Places(Value, eq=False):
    """In pixels of the chart. `uses`: of each measure that finds room, its head and its plot; `peaks`: of that use."""

    lane: QRectF
    exposed: QRectF
    uses: tuple[tuple[str, QRectF, QRectF], ...]
    axis: QRectF
    peaks: UsageRow | None

    @property
    def bottom(self) -> float:
        """Of the lowest plot."""
        return self.uses[-1][2].bottom() if self.uses else self.exposed.bottom()


class Flag(Value):
    """Changes that are so near to each other that they have one flag."""

    x: float
    changes: tuple[Change, ...]


def places(theme: Theme, width: int, height: int, past: Past) -> Places:
    """What finds room: measures of which nothing is known leave first, then disks, processes, CPU."""
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
    What.REPLACED,
    What.SETTINGS,
    What.IMAGE,
    What.LIMITS,
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
)  # whose sign stands for all of a flag: the first of these


def flags(found: list[tuple[float, Change]], near: float) -> tuple[Flag, ...]:
    """From left to right, of changes with their places."""
    made: list[Flag] = []
    for x, change in sorted(found, key=lambda each: each[0]):
        if made and x - made[-1].x <= near:
            made[-1] = Flag(made[-1].x, (*made[-1].changes, change))
        else:
            made.append(Flag(x, (change,)))
    return tuple(made)


def leading(flag: Flag) -> Change:
    """The change that its sign stands for."""
    return min(flag.changes, key=lambda each: SHOWN.index(each.what))


def pieces(values: list[float | None]) -> list[list[tuple[int, float]]]:
    """Runs of what is known, with their places."""
    found: list[list[tuple[int, float]]] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        if found and found[-1][-1][0] == place - 1:
            found[-1].append((place, value))
        else:
            found.append([(place, value)])
    return found


def limit_of(limits: Limits | None, name: str) -> float | None:
    """Of that measure; None where there is none, or none is known."""
    found: float | None = getattr(limits, name, None)
    return found


def scale_top(name: str, past: Past, peaks: UsageRow | None, proposed: Limits) -> float:
    """Of the measure's scale: above all that was used, and the limits where they are not far away."""
    peak = (getattr(peaks, f"{name}_peak") if peaks is not None else None) or 0.0
    limits = [limit_of(each, name) for each in (proposed, *(step.limits for step in past.steps))]
    near = [each for each in limits if each is not None and each <= max(peak, 1e-9) * 4]
    return rounded_up(max([peak * 1.05, *near]), binary=name in ("memory", "io"))


def lines_drawn(past: Past, proposed: Limits) -> frozenset[str]:
    """Which lines of limits are within a scale: "limit", "proposed"."""
    found, peaks = set(), past.peaks
    for name in MEASURES:
        top = scale_top(name, past, peaks, proposed)
        if any((limit_of(step.limits, name) or top + 1) <= top for step in past.steps):
            found.add("limit")
        if (limit_of(proposed, name) or top + 1) <= top:
            found.add("proposed")
    return frozenset(found)


def rounded_up(value: float, *, binary: bool) -> float:
    """To 1, 2 or 5 of a power of ten, of two for bytes; never 0."""
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
