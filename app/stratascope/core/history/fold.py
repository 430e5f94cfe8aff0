"""A container's history within a time range: when it was recorded, exposure as steps, usage in equal intervals, and one
`Change` for each event that a person would name.

Bounded: a line has at most `PARTS` points, however long the range. A row of usage holds until the next one, since equal
rows are not written. A difference that only comes from reading with or without root is not a change of the container,
and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby, pairwise
from operator import attrgetter

from stratascope.core.container import Status
from stratascope.core.history.entry import (
    GONE,
    Exposed,
    HistoryEntry,
    Limits,
    Part,
    PartKind,
    Run,
    Standing,
    Subject,
    Unlike,
    UsageRow,
    WatchSpan,
    standing_of,
)
from stratascope.value import Value, replace

PARTS = 360  # intervals of a range, and so the points of a line
MEASURES = ("memory", "cpu", "pids", "io")


class Step(Value):
    """Exposure and limits from `began` to `until`; None: not known."""

    began: float
    until: float
    exposed: Exposed | None
    limits: Limits | None


class Past(Value):
    """The history in the range. `watched`: when it was both running and recorded. `used`: one row per interval, None
    where nothing is known. `first`: when its history begins; `then` and `now`: its state at the start and end of the
    range.
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
        """Periods in which a process had other rights than the first; never before recording began."""
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
    """Compute the history in a range. `entries`: all of them; `rows`, `watches`: with the last one before `since`."""
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
    """The state at that moment; the first known state if its history began later."""
    every = list(entries)
    begin = max(at, every[0].at) if every else at
    return standing_of([(each.kind, each.value) for each in every if each.at <= begin])


def joined(watches: Iterable[WatchSpan]) -> tuple[WatchSpan, ...]:
    """Merge periods with only a short gap between them."""
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
    """The periods in which it was both running and recorded."""
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
    """The steps; if there are more than can be drawn, the most exposed one of each interval."""
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
    """Sums for one interval: weight, weighted sum and peak for each measure."""

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

    `until`: their end, a multiple of `width`. A row that held beyond its own interval also counts in the next one only:
    written there, it holds from then on.
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
    if merged and not nearly_equal(merged[-1], last) and merged[-1].at >= until:
        merged.append(replace(last, at=until + 1.0, span=1.0))
    return tuple(merged)


def _most(values: Iterable[float | None]) -> float | None:
    return max((each for each in values if each is not None), default=None)


def nearly_equal(one: UsageRow, other: UsageRow) -> bool:
    """Whether two rows differ too little for a person to see, so that the later one need not be written."""
    return all(_near(name, getattr(one, name), getattr(other, name)) for name in MEASURES) and all(
        _near(name, getattr(one, f"{name}_peak"), getattr(other, f"{name}_peak")) for name in MEASURES
    )


_LEAST = {"memory": float(1 << 20), "cpu": 0.01, "pids": 0.5, "io": float(16 << 10)}


def _near(name: str, one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(_LEAST[name], 0.03 * max(one, other))


TOGETHER = 120.0  # seconds: an end and a start this close are one restart, and shorter gaps in recording are ignored
_DOWN = frozenset({GONE, Status.CREATED, Status.EXITED, Status.DEAD, Status.REMOVING})


class What(StrEnum):
    """Kinds of changes; their values are printed in the JSON report."""

    FIRST = "first-seen"
    STARTED = "started"
    RESTARTED = "restarted"
    ENDED = "ended"
    GONE = "removed"
    REPLACED = "created-anew"
    RELAUNCHED = "relaunched"
    UNDONE = "relaunch-undone"
    IMAGE = "image"
    SETTINGS = "settings"
    LIMITS = "limits"
    EXPOSURE = "exposure"
    LAYERS = "layers"
    OPENED = "threats-opened"
    CLOSED = "threats-closed"
    DRIFT = "drift"
    DRIFT_ENDED = "drift-ended"
    REFUSED = "refused"


RESTARTS = frozenset({What.STARTED, What.RESTARTED})
MADE_ANEW = frozenset({What.REPLACED, What.RELAUNCHED, What.UNDONE})


class Change(Value):
    """One event. `plus`, `minus`: what was added and removed (options, ids of threats, verdicts as `seccomp OPEN`);
    `drift`: processes that differ from the first. `before`, `after`: exposures. `code`: exit code. `id`: of the
    container that has the name from then on. `unseen_from`: nothing was recorded since then, so it happened at some
    time between that and `at`.
    """

    at: float
    what: What
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    before: float | None = None
    after: float | None = None
    code: int | None = None
    out_of_memory: bool = False
    unseen_from: float | None = None
    id: str = ""
    drift: tuple[Unlike, ...] = ()


def up(run: Run | None) -> bool:
    """Whether it has running processes; True also if that is not known."""
    return run is None or run.status not in _DOWN


def changes(
    entries: Iterable[HistoryEntry], watches: Sequence[WatchSpan] = (), former: Iterable[str] = ()
) -> tuple[Change, ...]:
    """All events of a history, oldest first. `former`: ids of containers that had this name, or are kept for it."""
    found: list[Change] = []
    before, looked, ids = Standing(), 0.0, set(former)
    for at, group in groupby(entries, attrgetter("at")):
        parts = [(each.kind, each.value) for each in group]
        now = standing_of(parts, before)
        if before == Standing():
            found.append(Change(at, What.FIRST))
        else:
            unseen = _unseen(at, watches)
            for each in _between(before, now, dict(parts), at, ids):
                # Reading takes a while: an event that began before the last reading ended was not seen by it, so it is
                # dated after that one.
                found.append(replace(each, at=max(each.at, looked), unseen_from=unseen))
        if now.made is not None:
            ids.add(now.made.id)
        before, looked = now, at
    return tuple(_together(found))


def _unseen(at: float, watches: Sequence[WatchSpan]) -> float | None:
    """The end of the last recording before `at`, if that is long ago."""
    earlier = [each for each in watches if each.began <= at]
    if not earlier:
        return None
    last = max(earlier, key=attrgetter("began"))
    if at - last.began > TOGETHER:
        return None
    former = [each.until for each in earlier if each is not last]
    return max(former) if former and at - max(former) > TOGETHER else None


def _between(
    before: Standing, now: Standing, parts: dict[PartKind, Part], at: float, ids: set[str]
) -> Iterator[Change]:
    anew = PartKind.MADE in parts and before.made is not None and now.made is not None and before.made.id != now.made.id
    if anew and now.made is not None:
        back = now.made.id in ids
        yield Change(at, What.UNDONE if back else What.RELAUNCHED if now.made.by_us else What.REPLACED, id=now.made.id)
    if PartKind.RUN in parts and now.run is not None:
        yield from _run(before.run, now.run, at, anew=anew)
    if PartKind.IMAGE in parts and before.image is not None and now.image is not None:
        yield Change(at, What.IMAGE, (now.image.name,), (before.image.name,))
    if PartKind.SETTINGS in parts and before.settings is not None:
        yield _difference(at, What.SETTINGS, before.settings, now.settings or ())
    elif PartKind.LIMITS in parts and before.limits is not None:
        yield _difference(at, What.LIMITS, _named(before.limits), _named(now.limits))
    if not other_reader(before, now):
        yield from _judged(before, now, parts, at)


def other_reader(before: Standing, now: Standing) -> bool:
    """Whether one of the two was read as root and the other was not."""
    return before.exposed is not None and now.exposed is not None and before.exposed.root is not now.exposed.root


def _judged(before: Standing, now: Standing, parts: dict[PartKind, Part], at: float) -> Iterator[Change]:
    if PartKind.EXPOSED in parts and before.exposed is not None and now.exposed is not None:
        was, new = before.exposed.worst, now.exposed.worst
        if round(was, 1) != round(new, 1):
            yield Change(at, What.EXPOSURE, before=was, after=new)
    if PartKind.THREATS in parts and before.threats is not None:
        difference = _difference(at, What.OPENED, before.threats, now.threats or ())
        if difference.plus:
            yield replace(difference, minus=())
        if difference.minus:
            yield replace(difference, what=What.CLOSED, plus=())
    if PartKind.LAYERS in parts and before.layers is not None:
        yield _difference(at, What.LAYERS, _verdicts(before.layers), _verdicts(now.layers or ()))
    if PartKind.DRIFT in parts and before.drift is not None:
        drift = now.drift or ()
        if came := tuple(each for each in drift if each not in before.drift):
            yield Change(at, What.DRIFT, drift=came)
        if went := tuple(each for each in before.drift if each not in drift):
            yield Change(at, What.DRIFT_ENDED, drift=went)


def _run(before: Run | None, now: Run, at: float, *, anew: bool) -> Iterator[Change]:
    if now.status == GONE:
        yield Change(at, What.GONE)
        return
    again = before is not None and now.started > 0 and now.started != before.started
    if again and not anew:
        began = now.started if now.started <= at else at
        yield Change(began, What.RESTARTED if up(before) else What.STARTED)
    elif up(now) and not up(before) and not anew:
        yield Change(at, What.STARTED)
    if not up(now) and (up(before) or again):
        yield Change(at, What.ENDED, code=now.exit_code, out_of_memory=now.out_of_memory)


def _difference(at: float, what: What, before: Sequence[str], now: Sequence[str]) -> Change:
    return Change(
        at, what, tuple(each for each in now if each not in before), tuple(each for each in before if each not in now)
    )


def _named(limits: Part | None) -> tuple[str, ...]:
    names = ("memory", "pids", "cpu")
    values = [(name, getattr(limits, name, None)) for name in names]
    return tuple(f"{name} {value:g}" if name == "cpu" else f"{name} {value}" for name, value in values if value)


def _verdicts(layers: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{layer} {verdict}" for layer, verdict in layers)


def _together(found: Sequence[Change]) -> Iterator[Change]:
    """Merge events that belong together, in order. An end shortly followed by a start is one restart; an end shortly
    followed by another container of the same name is part of that replacement. The first start of a replacement is not
    a restart, even if the replacement was recorded before it.
    """
    pending: Change | None = None  # an end that may be the first half of an event
    made_at: float | None = None
    for change in sorted(found, key=attrgetter("at")):
        if change.what in MADE_ANEW:
            made_at = change.at
        if pending is not None:
            near = change.at - pending.at <= TOGETHER
            if near and change.what in RESTARTS:
                if pending.at != made_at:
                    yield replace(change, what=What.RESTARTED, code=pending.code, out_of_memory=pending.out_of_memory)
                pending = None
                continue
            if not (near and change.what in MADE_ANEW):
                if near and change.what not in (What.ENDED, What.GONE):
                    yield change  # changed together with the end; the start may still follow
                    continue
                yield pending
            pending = None
        if change.what in (What.ENDED, What.GONE):
            pending = change
        else:
            yield change
    if pending is not None:
        yield pending
