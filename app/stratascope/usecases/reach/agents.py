"""Follows what the agents of this machine can get at: when to read it again, and what one gets at since then.

A reading costs some 40 ms of CPU, so it is done when an agent is new, or another than at its last reading, and rarely.
What came is told once. That something was closed before is needed for it, or that it was not there at all: what was not
known before is nothing that an agent gained. Readings as root and without are never compared.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from stratascope.core.capture import or_none
from stratascope.core.message import Message, followed, msg
from stratascope.core.reach.row import Answer, Reached, ReachRow
from stratascope.core.reach.things import FROM_CONTAINERS, FROM_MACHINE
from stratascope.core.sandbox import Group
from stratascope.core.snapshot import ContainerState, PrivilegeState, Snapshot
from stratascope.usecases.live.alerts import Alert, AlertKind, Key
from stratascope.value import Value

LEAST = 20.0  # seconds between two readings of one agent
FREE = 5.0  # the same of what it runs unconfined, which may be short
REMEMBERED = 500  # agents that are gone; their reach is compared when they are back
_LISTED = 100  # characters of a path


def agents(snapshot: Snapshot) -> Iterable[ContainerState]:
    """The agents whose processes can be read."""
    if snapshot.demo:
        return
    for state in snapshot.containers:
        sandbox = state.container.sandbox
        if sandbox is not None and sandbox.group is Group.AGENTS and state.gap is None and state.container.pid:
            yield state


def likeness(state: ContainerState, snapshot: Snapshot) -> Hashable:
    """What a reading depends on, of what is read anyway: as long as it is equal, no new one is due."""
    mounts = None if state.capture is None else or_none(state.capture.text("mountinfo"))
    outcomes = () if state.matrix is None else tuple((each.threat.id, each.outcome) for each in state.matrix.threats)
    sandbox = state.container.sandbox
    outside = () if sandbox is None else sandbox.outside
    return state.container.pid, as_root(snapshot), mounts, outcomes, outside


def as_root(snapshot: Snapshot) -> bool:
    """Whether its readings are root's."""
    return snapshot.privilege.state is PrivilegeState.ON


class _Standing(Value):
    """What an agent got at, by id of the row: `answers`; and the folders that it was given."""

    root: bool
    answers: dict[str, Answer]
    given: frozenset[str]


class AgentReach:
    """`due` says whom to read, `take` what that reading brought. Not thread-safe."""

    def __init__(self) -> None:
        self._asked: dict[Key, tuple[Hashable, float]] = {}
        self._same: dict[Key, ContainerState] = {}  # which need no new reading
        self._root = False
        self._last: dict[Key, _Standing] = {}
        self._open: dict[Key, frozenset[str]] = {}  # of those that run

    def due(self, snapshot: Snapshot, now: float) -> ContainerState | None:
        """The agent to read now, if one is due: new ones first. It counts as read."""
        there = {state.key: state for state in agents(snapshot)}
        self._asked = {key: asked for key, asked in self._asked.items() if key in there}
        again, self._root = as_root(snapshot) is not self._root, as_root(snapshot)
        self._same = {} if again else {key: state for key, state in self._same.items() if key in there}
        self._open = {key: found for key, found in self._open.items() if key in there}
        for key, state in sorted(there.items(), key=lambda item: item[0] in self._asked):
            if self._same.get(key) is state:
                continue  # with hundreds, most are
            like, (before, at) = likeness(state, snapshot), self._asked.get(key, (None, 0.0))
            if like == before:
                self._same[key] = state
            elif before is None or now - at >= (FREE if _is_free(state) else LEAST):
                self._asked[key] = like, now
                return state
        return None

    def take(self, state: ContainerState, found: Reached, *, root: bool) -> Alert | None:
        """What grew since the last reading of this agent, also of one that has ended since."""
        key = state.key
        now = _Standing(root, {row.thing.id: row.answer for row in found.rows}, _given(found))
        before = self._last.pop(key, None)
        self._last[key] = _merged(now, before)
        self._open[key] = frozenset(row.thing.id for row in found.open)
        while len(self._last) > REMEMBERED:
            self._last.pop(next(iter(self._last)))
        if before is None and _is_free(state):  # it had a sandbox, of another name
            return _alert(state, [row for row in found.open if row.thing.id == "outside-sandbox"], [])
        if before is None or before.root is not root:
            return None
        closed = [row for row in found.open if before.answers.get(row.thing.id) in (None, Answer.CLOSED)]
        more = [row for row in closed if row.thing.id not in (FROM_CONTAINERS, FROM_MACHINE)]  # others get at it
        return _alert(state, more, sorted(now.given - before.given))

    def holds(self, alert: Alert) -> bool:
        """Whether what it says is still so."""
        return alert.threats <= self._open.get(alert.key, frozenset()) and alert.key in self._open


def _is_free(state: ContainerState) -> bool:
    sandbox = state.container.sandbox
    return sandbox is not None and sandbox.free


def _given(found: Reached) -> frozenset[str]:
    return frozenset(row.where for row in found.rows if row.answer is Answer.NEEDED)


def _merged(now: _Standing, before: _Standing | None) -> _Standing:
    """What is not known now stays as it was known."""
    if before is None or before.root is not now.root:
        return now
    kept = {
        name: before.answers.get(name, answer) if answer is Answer.UNKNOWN else answer
        for name, answer in now.answers.items()
    }
    return _Standing(now.root, kept, now.given)


def _alert(state: ContainerState, more: list[ReachRow], given: list[str]) -> Alert | None:
    told = [row.thing.can for row in more]
    told += [msg("It can change {path}.", path=path[:_LISTED]) for path in given]
    if not told:
        return None
    title = msg("{name} can get at more now", name=state.container.name)
    return Alert(state.key, title, _sentences(told), AlertKind.REACH, frozenset(row.thing.id for row in more))


def _sentences(told: list[Message]) -> Message:
    match told:
        case [one]:
            return one
        case [one, two]:
            return followed(one, two)
        case [one, two, three]:
            return msg("{one} {two} {three}", one=one, two=two, three=three)
        case [one, two, three, *more]:
            return msg("{one} {two} {three} And {count} more.", one=one, two=two, three=three, count=len(more))
    raise AssertionError(told)
