"""A container's history within a range of time: when anything is known, exposure as steps, usage in equal intervals.

Bounded: a line has at most `PARTS` points, however long the range. A row of usage holds until the next one, since rows
that are alike are not written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter

from stratascope.core.history.changes import TOGETHER, Change, What, changes, up
from stratascope.core.history.entry import (
    Exposed,
    HistoryEntry,
    Limits,
    PartKind,
    Run,
    Standing,
    Subject,
    UsageRow,
    WatchSpan,
    standing_of,
)
from stratascope.value import Value, replace

PARTS = 360  # intervals of a range, and so points of a line
MEASURES = ("memory", "cpu", "pids", "io")


class Step(Value):
    """Exposure and limits from `began` to `until`; None: not known."""

    began: float
    until: float
    exposed: Exposed | None
    limits: Limits | None


class Past(Value):
    """`watched`: when it was both running and watched. `used`: one per interval, None where nothing is known. `first`:
    when its history begins; `then` and `now`: its state at the beginning and at the end of the range.
    """

    subject: Subject
    since: float
    until: float
    first: float | None = None
    watched: tuple[WatchSpan, ...] = ()
    steps: tuple[Step, ...] = ()
    used: tuple[UsageRow | None, ...] = ()
    changes: tuple[Change, ...] = ()
    then: Standing = Standing()
    now: Standing = Standing()

    @property
    def drifting(self) -> tuple[tuple[float, float], ...]:
        """Times in which a process had other rights than the first; never before watching began."""
        found = []
        began = max(self.since, self.first or self.since) if self.then.drift else None
        for change in self.changes:
            if change.what is What.DRIFT and began is None:
                began = change.at
            elif change.what is What.DRIFT_ENDED and began is not None:
                found.append((began, change.at))
                began = None
        if began is not None and self.now.drift:
            found.append((began, self.until))
        return tuple(found)

    @property
    def peaks(self) -> UsageRow | None:
        """The highest peak of each measure in the range, with the last values."""
        known = [each for each in self.used if each is not None]
        if not known:
            return None
        last = known[-1]
        peaks = {f"{name}_peak": _most(getattr(each, f"{name}_peak") for each in known) for name in MEASURES}
        return UsageRow(last.at, last.span, memory=last.memory, cpu=last.cpu, pids=last.pids, io=last.io, **peaks)


def fold(
    subject: Subject,
    entries: Sequence[HistoryEntry],
    rows: Sequence[UsageRow],
    watches: Sequence[WatchSpan],
    since: float,
    until: float,
    parts: int = PARTS,
) -> Past:
    """`entries`: the whole history; `rows` and `watches` including the last one before `since`."""
    known = tuple(_within(_running(entries, joined(watches), until), since, until))
    happened = changes(entries, watches)
    return Past(
        subject=subject,
        since=since,
        until=until,
        first=entries[0].at if entries else None,
        watched=known,
        steps=tuple(_bounded(tuple(_steps(entries, known)), since, until)),
        used=tuple(_parts(rows, known, since, until, parts)),
        changes=tuple(each for each in happened if since <= each.at <= until),
        then=standing_at(entries, since),
        now=standing_at(entries, until),
    )


def standing_at(entries: Iterable[HistoryEntry], at: float) -> Standing:
    """Its state at that moment; its first known state if its history began later."""
    every = list(entries)
    begin = max(at, every[0].at) if every else at
    return standing_of([(each.kind, each.value) for each in every if each.at <= begin])


def joined(watches: Iterable[WatchSpan]) -> tuple[WatchSpan, ...]:
    """Merge watches with only a short gap between them."""
    found: list[WatchSpan] = []
    for each in sorted(watches, key=attrgetter("began")):
        if found and each.began - found[-1].until <= TOGETHER:
            found[-1] = WatchSpan(found[-1].began, max(found[-1].until, each.until))
        else:
            found.append(each)
    return tuple(found)


def _within(spans: Iterable[WatchSpan], since: float, until: float) -> Iterator[WatchSpan]:
    for each in spans:
        began, end = max(each.began, since), min(each.until, until)
        if began < end:
            yield WatchSpan(began, end)


def _running(entries: Sequence[HistoryEntry], watches: Sequence[WatchSpan], until: float) -> Iterator[WatchSpan]:
    """The times in which it was both running and watched."""
    runs = [(each.at, up(each.value)) for each in entries if isinstance(each.value, Run)]
    for (began, is_up), (end, _) in pairwise([*runs, (until, False)]):
        if is_up:
            yield from _within(watches, began, end)


def _steps(entries: Sequence[HistoryEntry], known: Sequence[WatchSpan]) -> Iterator[Step]:
    marks = [each for each in entries if each.kind in (PartKind.EXPOSED, PartKind.LIMITS)]
    at, standing = 0, Standing()
    for span in known:
        began = span.began
        while at < len(marks) and marks[at].at < span.until:
            mark = marks[at]
            if mark.at > began:
                yield Step(began, mark.at, standing.exposed, standing.limits)
                began = mark.at
            standing = standing_of([(mark.kind, mark.value)], standing)
            at += 1
        yield Step(began, span.until, standing.exposed, standing.limits)


def _bounded(steps: Sequence[Step], since: float, until: float) -> Iterator[Step]:
    """If there are more steps than can be drawn, the most exposed one of each interval."""
    if len(steps) <= PARTS:
        yield from steps
        return
    width = (until - since) / PARTS
    place, held = -1, Step(0.0, 0.0, None, None)
    for step in steps:
        here = int((step.began - since) / width)
        if here != place:
            if place >= 0:
                yield held
            place, held = here, step
        else:
            worse = max((held, step), key=lambda each: -1.0 if each.exposed is None else each.exposed.worst)
            held = Step(held.began, step.until, worse.exposed, worse.limits)
    yield held


class _Part:
    """Sums for one interval: for each measure weight, weighted sum and peak."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: dict[str, list[float]] = {}

    def add(self, row: UsageRow, weight: float) -> None:
        for name in MEASURES:
            mean, peak = getattr(row, name), getattr(row, f"{name}_peak")
            if mean is not None:
                held = self.held.setdefault(name, [0.0, 0.0, 0.0])
                held[0] += weight
                held[1] += weight * mean
                held[2] = max(held[2], mean if peak is None else peak)

    def row(self, at: float, span: float) -> UsageRow | None:
        if not self.held:
            return None
        fields = {}
        for name, (weight, total, peak) in self.held.items():
            fields[name], fields[f"{name}_peak"] = total / weight, peak
        return UsageRow(at, span, **fields)


def _parts(
    rows: Sequence[UsageRow], known: Sequence[WatchSpan], since: float, until: float, count: int
) -> Iterator[UsageRow | None]:
    width = (until - since) / count
    if width <= 0:
        return
    parts = [_Part() for _ in range(count)]
    begins = [row.at - row.span for row in rows]
    for row, (began, end) in zip(rows, pairwise([*begins, until]), strict=True):
        for span in _within(known, began, end):
            for place in range(int((span.began - since) / width), min(count, int((span.until - since) / width) + 1)):
                left = since + place * width
                weight = min(span.until, left + width) - max(span.began, left)
                if weight > 0:
                    parts[place].add(row, weight)
    for place, part in enumerate(parts):
        yield part.row(since + (place + 1) * width, width)


def thinned(rows: Sequence[UsageRow], width: float, until: float) -> tuple[UsageRow, ...]:
    """Merge one container's old rows into one per `width` seconds, each weighted by how long it held.

    `until`: their end, a multiple of `width`. A row that held beyond its own interval also counts in the next one, and
    no further: written there, it holds from then on.
    """
    if not rows:
        return ()
    parts: dict[int, _Part] = {}
    begins = [row.at - row.span for row in rows]
    for row, (began, end) in zip(rows, pairwise([*begins, until]), strict=True):
        place = int(began // width)
        for part in (place, place + 1):
            weight = min(end, (part + 1) * width, until) - max(began, part * width)
            if weight > 0:
                parts.setdefault(part, _Part()).add(row, weight)
    found = [part.row((place + 1) * width, width) for place, part in sorted(parts.items())]
    merged = [each for each in found if each is not None]
    last = rows[-1]
    if merged and not alike(merged[-1], last) and merged[-1].at >= until:
        merged.append(replace(last, at=until + 1.0, span=1.0))
    return tuple(merged)


def _most(values: Iterable[float | None]) -> float | None:
    return max((each for each in values if each is not None), default=None)


def alike(one: UsageRow, other: UsageRow) -> bool:
    """Whether the difference is too small for a person to see, so that the later one need not be written."""
    return all(_near(name, getattr(one, name), getattr(other, name)) for name in MEASURES) and all(
        _near(name, getattr(one, f"{name}_peak"), getattr(other, f"{name}_peak")) for name in MEASURES
    )


_LEAST = {"memory": float(1 << 20), "cpu": 0.01, "pids": 0.5, "io": float(16 << 10)}


def _near(name: str, one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(_LEAST[name], 0.03 * max(one, other))
