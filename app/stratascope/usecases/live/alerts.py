"""Decides from successive snapshots what to notify a person about who is not looking at the window. Pure, except for
its memory.

Anything present when an engine was first seen is not news. Neither is a replacement, if the container formerly of that
name was no better. Each is reported once; a failure again only after the container was well in between.

That a container could take over the machine, or that more is possible in it than before, is only told of what is known:
an attempt that was not known to be stopped before is nothing that it gained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from stratascope.core.container import Container, Status
from stratascope.core.history.entry import Standing, Subject
from stratascope.core.message import Message, comma, msg
from stratascope.core.relaunch.launch_spec import is_mark
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, PrivilegeState, Snapshot, raised
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.states import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.value import Value

Key = tuple[str, str]
_NAMED = 3  # threats named in an alert
_HELD_MOST = 5000  # containers
_STOPPED_ON_REQUEST = (0, 130, 137, 143)  # by itself with success, or by SIGINT, SIGKILL, SIGTERM (128 + signal(7))


class AlertKind(StrEnum):
    NEW = "new"
    OPEN = "open"  # more threats
    SESSION = "session"  # a process raises its exposure
    FAILED = "failed"
    REACH = "reach"  # an agent gets at more; `usecases/reach/agents.py` decides


class Alert(Value):
    """`key`: the container it is about; `threats`: of kind OPEN, the ids; of kind REACH, those of its rows."""

    key: Key
    title: Message
    text: Message
    kind: AlertKind = AlertKind.NEW
    threats: frozenset[str] = frozenset()


class Alerts:
    """`see` each snapshot; returns what is new."""

    def __init__(self) -> None:
        self._engines: set[str] = set()
        self._known: set[Key] = set()
        self._awaited: set[Key] = set()  # new, and not fully read yet
        self._worst: dict[tuple[str, str], float] = {}  # engine and name -> exposure
        self._raising: dict[Key, frozenset[int]] = {}  # by container, the further processes that raise its exposure
        self._failed: set[Key] = set()
        self._well: set[Key] = set()  # hardened ones that were seen running well
        # by engine and name, also of what is gone: the one that takes its place is news only if it can do more
        self._held: dict[tuple[str, str], _Held] = {}
        self._present: dict[Key, tuple[str, str]] = {}  # engine and name of each container that exists
        self._read: dict[tuple[str, str], tuple[Matrix, bool]] = {}  # what `_held` is of, and whether read as root
        self._recorded: set[str] = set()  # engines of which the history has containers

    def see(
        self,
        snapshot: Snapshot,
        limit: float | None,
        hardened: Sequence[Transaction],
        *,
        failures: bool,
        gains: bool = False,
    ) -> tuple[Alert, ...]:
        """`limit`: the exposure above which a new container is reported, None: never; `hardened`: transactions set
        aside; `gains`: report what could take over the machine, or gains rights.
        """
        if snapshot.demo:
            return ()
        self._present = {state.key: (state.container.engine, state.container.name) for state in snapshot.containers}
        gained = tuple(self._gained(snapshot)) if gains else ()
        told = {alert.key for alert in gained}
        found = [*gained, *(each for each in self._rose(snapshot, limit) if each.key not in told)]
        found += (each for each in self._appeared(snapshot, limit) if each.key not in told)
        found += self._failed_since_hardening(snapshot, hardened) if failures else ()
        for state in snapshot.containers:
            if state.matrix is not None:
                self._worst[(state.container.engine, state.container.name)] = state.matrix.exposure.worst
        # an engine counts as seen only from the next snapshot on, so its first containers are not news
        self._engines |= snapshot.listed
        return tuple(found)

    def holds(self, alert: Alert) -> bool:
        """Whether what it says is still so, by the last snapshot. On any thread."""
        name = self._present.get(alert.key)
        match alert.kind:
            case _ if name is None:
                return False
            case AlertKind.OPEN:
                held = self._held.get(name)
                return held is not None and alert.threats <= held.open
            case AlertKind.SESSION:
                return alert.key in self._raising
            case AlertKind.FAILED:
                return alert.key in self._failed
        return True

    def _appeared(self, snapshot: Snapshot, limit: float | None) -> Iterator[Alert]:
        keys = {state.key for state in snapshot.containers}
        self._awaited &= keys
        for state in snapshot.containers:
            if state.key not in self._known:
                self._known.add(state.key)
                if state.container.engine in self._engines:
                    self._awaited.add(state.key)
            if state.key in self._awaited and state.matrix is not None:
                self._awaited.discard(state.key)
                if limit is not None and state.matrix.exposure.worst > limit and self._is_news(state):
                    yield _exposed(state, limit)

    def _rose(self, snapshot: Snapshot, limit: float | None) -> Iterator[Alert]:
        """An exec session raised its exposure, or another process did so beyond the limit: once each, while it is
        running.
        """
        before, self._raising = self._raising, {}
        for state in snapshot.containers:
            now = frozenset(process.pid for process in state.raising)
            if now:
                self._raising[state.key] = now
            text = raised(state)
            if text is None or limit is None or now <= before.get(state.key, frozenset()):
                continue
            seen = state.key in self._known and state.key not in self._awaited
            if not seen or state.container.engine not in self._engines:
                continue
            if any(process.kind or (process.exposure or 0.0) > limit for process in state.raising):
                yield Alert(state.key, msg("More is possible in it now: {name}", name=state.container.name), text,
                            AlertKind.SESSION)  # fmt: skip

    def remember(self, subjects: Mapping[Subject, Standing]) -> None:
        """What the history knows of containers from before this program: what came since then is news. Before `see`."""
        critical = {each.id for each in all_threats() if each.severity is Severity.CRITICAL}
        for subject, standing in subjects.items():
            self._recorded.add(subject.engine)
            if standing.threats is not None and standing.exposed is not None:
                known = frozenset(standing.threats)
                name = (subject.engine, subject.name)
                self._held[name] = _Held(known, frozenset(), bool(known & critical), standing.exposed.root)

    def _gained(self, snapshot: Snapshot) -> Iterator[Alert]:
        root = snapshot.privilege.state is PrivilegeState.ON
        read, self._read = self._read, {}
        for state in snapshot.containers:
            name, matrix = (state.container.engine, state.container.name), state.matrix
            if is_mark(name[1]) or matrix is None or name in self._read:  # a relaunch under way
                continue
            self._read[name] = matrix, root
            if (last := read.get(name)) is not None and last[0] is matrix and last[1] is root:
                continue
            before = self._held.pop(name, None)
            now = self._held[name] = _held(matrix, before, root=root)
            if before is None:
                if now.critical and name[0] in self._engines | self._recorded:
                    yield _could_take_over(state, now)
            elif before.root is root:
                if now.critical and not before.critical:
                    yield _could_take_over(state, now)
                elif more := now.open & before.stopped:
                    yield _gains(state, more)
        while len(self._held) > _HELD_MOST:
            self._held.pop(next(iter(self._held)))

    def _is_news(self, state: ContainerState) -> bool:
        before = self._worst.get((state.container.engine, state.container.name))
        return before is None or state.matrix is None or state.matrix.exposure.worst > before

    def _failed_since_hardening(self, snapshot: Snapshot, hardened: Sequence[Transaction]) -> Iterator[Alert]:
        new = {
            (done.engine, done.new): done.owner is not None
            for done in hardened
            if done.kind is TransactionKind.HARDEN and done.stage is Stage.DONE and done.new
        }
        states = {state.key: state.container for state in snapshot.containers}
        for key, owned in new.items():
            container = states.get(key)
            if container is None:
                continue
            text = _failure(container, owned=owned)
            if text is None:
                if container.status is Status.RUNNING:
                    self._well.add(key)
                    self._failed.discard(key)
            elif key in self._well and key not in self._failed:
                self._failed.add(key)
                title = msg("{name} has been failing since it was hardened", name=container.name)
                yield Alert(key, title, text, AlertKind.FAILED)


class _Held(Value):
    """What is known to be open and stopped in a container, of the critical and high threats, by id. What is unknown
    now stays as it was known before.
    """

    open: frozenset[str]
    stopped: frozenset[str]
    critical: bool
    root: bool


def _held(matrix: Matrix, before: _Held | None, *, root: bool) -> _Held:
    known = before if before is not None and before.root is root else None
    open_, stopped = set[str](), set[str]()
    critical = False
    for each in matrix.threats:
        name, outcome = each.threat.id, each.outcome
        if each.threat.severity not in (Severity.CRITICAL, Severity.HIGH):
            continue
        if outcome is Outcome.UNKNOWN and known is not None:
            outcome = Outcome.OPEN if name in known.open else Outcome.STOPPED if name in known.stopped else outcome
        if outcome is Outcome.OPEN:
            open_.add(name)
            critical = critical or each.threat.severity is Severity.CRITICAL
        elif outcome is Outcome.STOPPED:
            stopped.add(name)
    return _Held(frozenset(open_), frozenset(stopped), critical, root)


def _could_take_over(state: ContainerState, now: _Held) -> Alert:
    title = msg("{name} could take over", name=state.container.name)
    text = msg("Possible now: {threats}.", threats=_threats(state, now.open))
    return Alert(state.key, title, text, AlertKind.OPEN, now.open)


def _gains(state: ContainerState, more: frozenset[str]) -> Alert:
    title = msg("More is possible in it now: {name}", name=state.container.name)
    return Alert(state.key, title, msg("Possible now: {threats}.", threats=_threats(state, more)), AlertKind.OPEN, more)


def _threats(state: ContainerState, ids: frozenset[str]) -> Message:
    """The worst of these, by their titles."""
    assert state.matrix is not None
    found = [each.threat for each in state.matrix.threats if each.threat.id in ids]
    found.sort(key=lambda each: each.severity.rank)
    named = tuple(each.title for each in found[:_NAMED])
    more = len(found) - len(named)
    match named:
        case (one,) if not more:
            return one
        case (one, two) if not more:
            return comma(one, two)
        case (one, two, three) if not more:
            return comma(comma(one, two), three)
        case (one, two, three):
            return msg("{one}, {two}, {three}, and {count} more", one=one, two=two, three=three, count=more)
    raise AssertionError(ids)


def _exposed(state: ContainerState, limit: float) -> Alert:
    assert state.matrix is not None
    exposure, name = state.matrix.exposure, state.container.name
    number, best = f"{exposure.worst:.1f}", f"{exposure.best:.1f}"
    if number != best:
        text = msg("Its exposure is {number} of 10, at best {best}, because not everything could be read.",
                   number=number, best=best)  # fmt: skip
    else:
        text = msg("Its exposure is {number} of 10.", number=number)
    if exposure.best <= limit:  # it may still be well protected
        return Alert(state.key, msg("New, and not known to be protected: {name}", name=name), text)
    return Alert(state.key, msg("New and poorly protected: {name}", name=name), text)


def _failure(container: Container, *, owned: bool) -> Message | None:
    """What is wrong with it, None if nothing is. `owned`: its owner recreated it, so no original is kept."""
    back = msg("Undo reverts the change.") if owned else msg("Its original is kept: Undo brings it back.")
    if container.out_of_memory and container.status is not Status.RUNNING:
        return msg("It exceeded its memory limit and was killed. {back}", back=back)
    match container.status:
        case Status.RESTARTING:
            return msg("It keeps ending and being restarted. {back}", back=back)
        case Status.EXITED | Status.DEAD if container.exit_code not in (*_STOPPED_ON_REQUEST, None):
            return msg("It exited by itself with status {code}. {back}", code=container.exit_code or 0, back=back)
        case Status.RUNNING if container.health == "unhealthy":
            return msg("Its health check reports it as unhealthy. {back}", back=back)
        case _:
            return None
