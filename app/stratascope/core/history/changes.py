"""What happened to a container, from its history's entries: one `Change` for each event that a person would name.

A difference that only comes from another reader (as root, or no longer) is not a change of the container, and is left
out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from stratascope.core.container import Status
from stratascope.core.history.entry import (
    GONE,
    HistoryEntry,
    Part,
    PartKind,
    Run,
    Standing,
    Unlike,
    WatchSpan,
    standing_of,
)
from stratascope.value import Value, replace

TOGETHER = 120.0  # seconds: an end and a start this close are one restart, and a gap in watching this short is none
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
    """`plus` and `minus`: what appeared and what went (options, ids of threats, verdicts as `seccomp OPEN`); likewise
    `drift`: processes that differ from the first. `before`, `after`: exposures. `code`: exit code. `id`: of the
    container that has the name from then on. `unseen_from`: nobody was watching since then, so it happened at some time
    between that and `at`.
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


def changes(entries: Sequence[HistoryEntry], watches: Sequence[WatchSpan] = ()) -> tuple[Change, ...]:
    """Everything that happened, oldest first."""
    found: list[Change] = []
    before, looked, ids = Standing(), 0.0, set[str]()
    for at, group in groupby(entries, attrgetter("at")):
        parts = [(each.kind, each.value) for each in group]
        now = standing_of(parts, before)
        if before == Standing():
            found.append(Change(at, What.FIRST))
        else:
            unseen = _unseen(at, watches)
            for each in _between(before, now, dict(parts), at, ids):
                # Reading takes a while: an event that began before the last reading ended was not in it, so it is dated
                # after that one.
                found.append(replace(each, at=max(each.at, looked), unseen_from=unseen))
        if now.made is not None:
            ids.add(now.made.id)
        before, looked = now, at
    return tuple(_together(found))


def _unseen(at: float, watches: Sequence[WatchSpan]) -> float | None:
    """When it was last watched before, if that is long ago."""
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
    """In order. An end shortly followed by a start is one restart; one shortly followed by another container of the
    name is part of that replacement. Nor is the first start of a replacement a restart, even if the replacement was
    recorded before it.
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
