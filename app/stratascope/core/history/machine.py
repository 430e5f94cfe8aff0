"""What changed over all containers since a moment: one row a container, by what it could do then and now; containers
that changed alike share a row, and what hit all of them is one row of the machine. Pure.

Readings as root and as an ordinary user differ, so that each is compared with one of its own kind only. Entries come in
the order in which they were written, which a step of the clock does not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from stratascope.core.history.entry import (
    GONE,
    HistoryEntry,
    Made,
    PartKind,
    Run,
    Standing,
    Subject,
    Unlike,
    WatchSpan,
    standing_of,
)
from stratascope.core.history.fold import MADE_ANEW, RESTARTS, TOGETHER, Change, What, changes, up
from stratascope.value import Value, replace

REACH = 7 * 86400.0  # seconds before the moment in which a reading of the same kind is looked for
LEAST_OF_ALL = 3  # containers: what hit fewer did not hit the machine
_WEAKER = ("ENFORCED", "WEAKENED", "OPEN")
_ASIDE = re.compile(r"(.+)\.old-[0-9a-f]{8}").fullmatch
_NUMBERED = re.compile(r"(?:[-_.](?:\d+|[0-9a-f]{6,64})|\d+)\Z")


class Direction(StrEnum):
    """Where a container went; the values are printed in the JSON report. OTHER: what it could do stayed the same."""

    WORSE = "worse"
    NEW = "new"
    BETTER = "better"
    GONE = "gone"
    OTHER = "other"


class Moved(Value):
    """A row. `subjects`: the containers, the worst first; the rest is of that one. `at`: when it last changed;
    `unseen_from`: it may have been at any time since then. `then`, `now`: the states that can be compared; `before`,
    `after`: exposures, None where not known. `changes`: events, oldest first. `everywhere`: it hit all containers of
    the machine, `of` in number. `refused`: calls that were refused to it since then, where that is known.
    """

    direction: Direction
    subjects: tuple[Subject, ...]
    at: float
    then: Standing = Standing()
    now: Standing = Standing()
    before: float | None = None
    after: float | None = None
    unseen_from: float | None = None
    changes: tuple[Change, ...] = ()
    everywhere: bool = False
    of: int = 0
    refused: int = 0

    @property
    def subject(self) -> Subject:
        """The first of its containers."""
        return self.subjects[0]

    @property
    def key(self) -> tuple[Direction, bool, Subject]:
        """What identifies the row while its contents change."""
        return self.direction, self.everywhere, self.subjects[0]

    @property
    def gained(self) -> tuple[str, ...]:
        """Options that it was not asked for with before."""
        return _only(self.now.settings, self.then.settings)

    @property
    def lost(self) -> tuple[str, ...]:
        """Options that it is no longer asked for with."""
        return _only(self.then.settings, self.now.settings)

    @property
    def opened(self) -> tuple[str, ...]:
        """Ids of serious threats that are open now and were not, worst first."""
        return _only(self.now.threats, self.then.threats)

    @property
    def closed(self) -> tuple[str, ...]:
        """Ids of serious threats that are no longer open."""
        return _only(self.then.threats, self.now.threats)

    @property
    def sessions(self) -> tuple[Unlike, ...]:
        """Processes with other rights than the first that were not there before."""
        before = self.then.drift or ()
        return tuple(each for each in self.now.drift or () if each not in before)

    @property
    def passed(self) -> tuple[str, ...]:
        """Options that came and went: it was asked for with them meanwhile, and neither before nor now."""
        return self._passed(What.SETTINGS, What.SETTINGS, (*(self.then.settings or ()), *(self.now.settings or ())))

    @property
    def returned(self) -> tuple[str, ...]:
        """Options that it was without meanwhile, asked for before and now."""
        went = (each for change in self.changes if change.what is What.SETTINGS for each in change.minus)
        ends = set(self.then.settings or ()) & set(self.now.settings or ())
        return tuple(dict.fromkeys(each for each in went if each in ends))

    @property
    def passed_threats(self) -> tuple[str, ...]:
        """Ids of serious threats that were open meanwhile, and neither before nor now."""
        return self._passed(What.OPENED, What.CLOSED, (*(self.then.threats or ()), *(self.now.threats or ())))

    @property
    def passed_sessions(self) -> tuple[Unlike, ...]:
        """Processes with other rights than the first that came and went."""
        ends = (*(self.then.drift or ()), *(self.now.drift or ()))
        came = (each for change in self.changes if change.what is What.DRIFT for each in change.drift)
        return tuple(dict.fromkeys(each for each in came if each not in ends))

    def _passed(self, opens: What, closes: What, ends: Sequence[str]) -> tuple[str, ...]:
        came = (each for change in self.changes if change.what is opens for each in change.plus)
        went = {each for change in self.changes if change.what is closes for each in change.minus}
        return tuple(dict.fromkeys(each for each in came if each in went and each not in ends))

    @property
    def layers(self) -> tuple[tuple[str, str, str], ...]:
        """Layers whose verdict changed: id, before, now."""
        was = dict(self.then.layers or ())
        return tuple((each, was[each], now) for each, now in self.now.layers or () if was.get(each, now) != now)

    @property
    def restarts(self) -> tuple[Change, ...]:
        """When it was started again."""
        return tuple(each for each in self.changes if each.what in RESTARTS)

    @property
    def image_moved(self) -> bool:
        """Whether it is of another image now."""
        return None not in (self.then.image, self.now.image) and self.then.image != self.now.image


class Rows:
    """Works the rows out, each container's again only where something was added to its history."""

    def __init__(self) -> None:
        self._since = 0.0
        self._known: dict[Subject, tuple[int, tuple[float, float], Moved | None, bool]] = {}

    def of(
        self, histories: Mapping[Subject, Sequence[HistoryEntry]], watches: Sequence[WatchSpan], since: float
    ) -> tuple[Moved, ...]:
        """All rows, the worst first. `histories`: each with its last parts from before `since`, or REACH before it, to
        which entries are only ever added.
        """
        if since != self._since:
            self._since = since
            self._known.clear()
        recorded = min((each.began for each in watches), default=since)
        of_engine: dict[str, float] = {}
        for subject, entries in histories.items():
            at = min(each.at for each in entries)
            of_engine[subject.engine] = min(at, of_engine.get(subject.engine, at))
        aside = _aside(histories)
        for subject in aside:
            self._known.pop(subject, None)
        kept: dict[Subject, tuple[str, ...]] = {}
        for base, ids in aside.values():
            kept[base] = (*kept.get(base, ()), *ids)
        for subject, entries in histories.items():
            if subject in aside:
                continue
            now = len(entries), (recorded, of_engine[subject.engine])
            if self._known.get(subject, ())[:2] != now:
                former = kept.get(subject, ())
                self._known[subject] = *now, *_of(subject, entries, watches, since, now[1], former)
        found = [row for _, _, row, _ in self._known.values() if row is not None]
        comparable = sum(compared for _, _, _, compared in self._known.values())
        return tuple(sorted(_alike(_of_all(found, comparable)), key=_rank))


def moved(
    histories: Mapping[Subject, Sequence[HistoryEntry]], watches: Sequence[WatchSpan], since: float
) -> tuple[Moved, ...]:
    """See `Rows.of`."""
    return Rows().of(histories, watches, since)


def counted(rows: Iterable[Moved]) -> dict[Direction, int]:
    """How many containers went each way; what hit all of them counts once."""
    found = dict.fromkeys(Direction, 0)
    for row in rows:
        found[row.direction] += 1 if row.everywhere else len(row.subjects)
    return found


def with_refused(rows: Sequence[Moved], refused: Mapping[Subject, tuple[int, float]]) -> tuple[Moved, ...]:
    """The rows with what is known of refusals, which are not recorded: their number and the last one's time, by
    container. One of which nothing else changed has a row of its own.
    """
    left = dict(refused)
    found = []
    for row in rows:
        count = sum(left.pop(each, (0, 0.0))[0] for each in row.subjects) if not row.everywhere else 0
        found.append(replace(row, refused=count) if count else row)
    found += [Moved(Direction.OTHER, (each,), at, refused=count) for each, (count, at) in left.items() if count]
    return tuple(sorted(found, key=_rank))


class _Walked(Value):
    """A history up to its end. `by_root`, `based`: the last states of each kind of reader, at the end and at the moment
    (or the first after it).
    """

    then: Standing
    now: Standing
    by_root: dict[bool, tuple[float, Standing]]
    based: dict[bool, Standing]


def _walk(entries: Sequence[HistoryEntry], since: float) -> _Walked:
    now, then = Standing(), None
    by_root: dict[bool, tuple[float, Standing]] = {}
    based: dict[bool, Standing] = {}
    for at, group in groupby(entries, attrgetter("at")):
        if at > since and then is None:
            then, based = now, {root: standing for root, (_, standing) in by_root.items()}
        now = standing_of([(each.kind, each.value) for each in group], now)
        if now.exposed is not None:
            by_root[now.exposed.root] = at, now
            if then is not None:
                based.setdefault(now.exposed.root, now)
    if then is None:
        then, based = now, {root: standing for root, (_, standing) in by_root.items()}
    return _Walked(then, now, by_root, based)


def _of(
    subject: Subject, entries: Sequence[HistoryEntry], watches: Sequence[WatchSpan], since: float,
    known: tuple[float, float], former: Sequence[str]
) -> tuple[Moved | None, bool]:  # fmt: skip
    """The row of one container, if it changed, and whether it could be compared. `known`: since when this machine is
    recorded, and its engine; `former`: ids of containers that are kept for it.
    """
    former = (*former, *(each.value.id for each in entries if isinstance(each.value, Made) and each.at <= since))
    begun = entries[0].at if entries[0].at > since else None
    if begun is not None:
        recorded, of_engine = known
        run = next((each.value for each in entries if isinstance(each.value, Run)), None)
        if not (of_engine < begun or (run is not None and run.started > recorded)):
            # it was there before anything was recorded: compared with its first state
            since, begun = begun, None
    walked = _walk(entries, since)
    then, now = _pair(walked, since)
    compared = then.exposed is not None and now.exposed is not None and up(now.run)
    happened = tuple(each for each in changes(_from(entries, walked.then, since), watches, former) if each.at > since)
    first = next((each for each in happened if each.what is What.FIRST), None)
    happened = tuple(each for each in happened if each.what is not What.FIRST)
    was_gone = walked.then == Standing() or _gone(walked.then)
    last = happened[-1] if happened else first
    # what changed between two readers is no event, and still a change where each is compared with its own kind
    at, unseen = (entries[-1].at, None) if last is None else (last.at, last.unseen_from)
    row = Moved(Direction.OTHER, (subject,), at, then, now, _worst(then), _worst(now), unseen, happened)
    if _gone(walked.now):
        row = replace(row, direction=Direction.GONE, before=_worst(now), after=None)
    elif not was_gone:
        row = replace(row, direction=_direction(row))
    else:
        row = replace(row, direction=Direction.NEW)
    if was_gone:
        row = replace(row, then=Standing(), before=row.before if row.direction is Direction.GONE else None)
    unchanged = last is None if was_gone or row.direction is Direction.GONE else row.direction is Direction.OTHER
    return None if at <= since or (unchanged and not happened) else row, compared


def _aside(histories: Mapping[Subject, Sequence[HistoryEntry]]) -> dict[Subject, tuple[Subject, tuple[str, ...]]]:
    """Containers that a relaunch or an undo keeps for another one, which they had the name of: neither new nor gone.
    Each with that one, and its ids.
    """
    found = {}
    for subject in histories:
        named = _ASIDE(subject.name)
        base = None if named is None else Subject(subject.engine, named[1])
        if base is None or base not in histories:
            continue
        made = [each.value for each in histories[base] if isinstance(each.value, Made)]
        ids = tuple(each.value.id for each in histories[subject] if isinstance(each.value, Made))
        if any(each.by_us or each.id in ids for each in made):
            found[subject] = base, ids
    return found


def _from(entries: Sequence[HistoryEntry], then: Standing, since: float) -> Iterator[HistoryEntry]:
    """The history from that moment on, which begins with the state then."""
    if then != Standing():
        parts = ((kind, then.part(kind)) for kind in PartKind)
        yield from (HistoryEntry(since, kind, part) for kind, part in parts if part is not None)
    late = False
    for each in entries:
        late = late or each.at > since
        if late:
            yield each


def _pair(walked: _Walked, since: float) -> tuple[Standing, Standing]:
    """The states to compare, both of one kind of reader; parts of which only the other knows are unknown."""
    now = walked.now
    if now.exposed is None:
        return walked.then, now
    root = now.exposed.root
    if not root and (seen := walked.by_root.get(True)) is not None:
        at, standing = seen
        if at > since and standing.made == now.made:
            root, now = True, replace(standing, made=now.made, image=now.image, run=now.run, settings=now.settings)
    judged = walked.based.get(root, Standing())
    then = walked.then
    return replace(then, exposed=judged.exposed, layers=judged.layers, threats=judged.threats, drift=judged.drift), now


def _gone(standing: Standing) -> bool:
    return standing.run is not None and standing.run.status == GONE


def _worst(standing: Standing) -> float | None:
    return None if standing.exposed is None else round(standing.exposed.worst, 1)


def _direction(row: Moved) -> Direction:
    if row.before is not None and row.after is not None and row.before != row.after:
        return Direction.WORSE if row.after > row.before else Direction.BETTER
    if row.opened or (row.sessions and up(row.now.run)):
        return Direction.WORSE
    weaker = sum(_weakness(now) - _weakness(before) for _, before, now in row.layers)
    if weaker:
        return Direction.WORSE if weaker > 0 else Direction.BETTER
    return Direction.BETTER if row.closed else Direction.OTHER


def _weakness(verdict: str) -> int:
    return _WEAKER.index(verdict) if verdict in _WEAKER else 0


def _only(these: tuple[str, ...] | None, others: tuple[str, ...] | None) -> tuple[str, ...]:
    if these is None or others is None:
        return ()
    return tuple(each for each in these if each not in others)


def _rank(row: Moved) -> tuple[int, float, float, float]:
    """The worst number first, then the largest rise, then the newest."""
    after = row.after if row.after is not None else row.before
    rise = 0.0 if row.before is None or row.after is None else row.after - row.before
    return list(Direction).index(row.direction), -(-1.0 if after is None else after), -rise, -row.at


# -- several in one row


def _of_all(rows: list[Moved], comparable: int) -> Iterator[Moved]:
    """The rows, and those without a cause of their own as one of the machine if they are most of all containers."""
    own = [each for each in rows if not _uncaused(each)]
    direction = attrgetter("direction")
    for _, same in groupby(sorted(filter(_uncaused, rows), key=direction), direction):
        for near in _near(sorted(same, key=attrgetter("at"))):
            if len(near) >= LEAST_OF_ALL and 2 * len(near) >= comparable:
                near.sort(key=_rank)
                subjects = tuple(each.subject for each in near)
                yield replace(_common(near), subjects=subjects, everywhere=True, of=comparable)
            else:
                own += near
    yield from own


def _uncaused(row: Moved) -> bool:
    """Whether what it could do changed, and nothing of its own that may be why."""
    if row.direction not in (Direction.WORSE, Direction.BETTER):
        return False
    anew = any(each.what in MADE_ANEW or each.what in (What.SETTINGS, What.LIMITS) for each in row.changes)
    return not (anew or row.gained or row.lost or row.image_moved or row.sessions)


def _near(rows: Sequence[Moved]) -> Iterator[list[Moved]]:
    held: list[Moved] = []
    for row in rows:
        if held and row.at - held[-1].at > TOGETHER:
            yield held
            held = []
        held.append(row)
    if held:
        yield held


def _common(rows: Sequence[Moved]) -> Moved:
    """The first row with only what all of them have in common."""
    first = rows[0]
    layers = set.intersection(*(set(each.layers) for each in rows))
    opened = set.intersection(*(set(each.opened) for each in rows))
    closed = set.intersection(*(set(each.closed) for each in rows))
    then = replace(first.then, layers=tuple((each, before) for each, before, _ in first.layers
                                            if (each, before) in {(one, was) for one, was, _ in layers}),
                   threats=tuple(each for each in first.closed if each in closed))  # fmt: skip
    now = replace(first.now, layers=tuple((each, now) for each, before, now in first.layers
                                          if (each, before, now) in layers),
                  threats=tuple(each for each in first.opened if each in opened))  # fmt: skip
    return replace(first, then=then, now=now)


def _alike(rows: Iterable[Moved]) -> Iterator[Moved]:
    """The rows, with containers that changed alike in one."""
    found: dict[object, list[Moved]] = {}
    for row in rows:
        found.setdefault(row.key if row.everywhere else _likeness(row), []).append(row)
    for same in found.values():
        same.sort(key=_rank)
        first = same[0]
        if len(same) > 1:
            first = replace(first, subjects=tuple(each.subject for each in same), at=max(each.at for each in same))
        yield first


def _likeness(row: Moved) -> tuple[object, ...]:
    image = None if row.now.image is None else row.now.image.name
    if row.direction in (Direction.NEW, Direction.GONE):
        short = row.then == Standing()
        return row.direction, row.subject.engine, image or row.subject, row.before, row.after, row.now.threats, short
    events = frozenset(each.what for each in row.changes)
    stem = _NUMBERED.sub("", row.subject.name) or row.subject.name
    was = None if row.then.image is None else row.then.image.name
    return (row.direction, row.subject.engine, stem, row.before, row.after, row.gained, row.lost, row.opened,
            row.closed, row.passed, row.returned, row.layers, row.sessions, was, image, events)  # fmt: skip
