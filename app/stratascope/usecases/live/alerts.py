"""Decides from successive snapshots what to notify a person about who is not looking at the window. Pure, except for
its memory.

Anything present when an engine was first seen is not news. Neither is a replacement, if the container formerly of that
name was no better. Each is reported once; a failure again only after the container was well in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratascope.core.container import Container, Status
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind
from stratascope.core.snapshot import ContainerState, Snapshot, raised
from stratascope.value import Value

Key = tuple[str, str]
_STOPPED_ON_REQUEST = (0, 130, 137, 143)  # by itself with success, or by SIGINT, SIGKILL, SIGTERM (128 + signal(7))


class Alert(Value):
    """`key`: the container it is about."""

    key: Key
    title: Message
    text: Message


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

    def see(
        self, snapshot: Snapshot, limit: float | None, hardened: Sequence[Transaction], *, failures: bool
    ) -> tuple[Alert, ...]:
        """`limit`: the exposure above which a new container is reported, None: never; `hardened`: transactions set
        aside.
        """
        if snapshot.demo:
            return ()
        found = [*self._rose(snapshot, limit), *self._appeared(snapshot, limit)]
        found += self._failed_since_hardening(snapshot, hardened) if failures else ()
        for state in snapshot.containers:
            if state.matrix is not None:
                self._worst[(state.container.engine, state.container.name)] = state.matrix.exposure.worst
        # an engine counts as seen only from the next snapshot on, so its first containers are not news
        self._engines |= snapshot.listed
        return tuple(found)

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
            seen = state.key in self._known - self._awaited and state.container.engine in self._engines
            if text is None or limit is None or not seen or now <= before.get(state.key, frozenset()):
                continue
            if any(process.kind or (process.exposure or 0.0) > limit for process in state.raising):
                yield Alert(state.key, msg("More is possible in it now: {name}", name=state.container.name), text)

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
                yield Alert(key, msg("{name} has been failing since it was hardened", name=container.name), text)


def _exposed(state: ContainerState, limit: float) -> Alert:
    assert state.matrix is not None
    exposure, name = state.matrix.exposure, state.container.name
    if exposure.best < exposure.worst:
        text = msg("Its exposure is {number} of 10, at best {best}, because not everything could be read.",
                   number=f"{exposure.worst:.1f}", best=f"{exposure.best:.1f}")  # fmt: skip
    else:
        text = msg("Its exposure is {number} of 10.", number=f"{exposure.worst:.1f}")
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
