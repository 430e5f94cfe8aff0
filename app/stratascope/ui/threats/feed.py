"""What came of trying threats of the container in view, on a copy of it or in it: on a thread, one at a time.

Results are of a container and its start: they go with it, and when it is started anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from stratascope.core.container import OTHER_KERNEL, other_kernel
from stratascope.core.message import Message, MessageError, msg, plural
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.presentation.takeover import runs
from stratascope.ui.kit.background import ThreadRun, reason
from stratascope.ui.kit.registry import NONE_CHOSEN
from stratascope.ui.kit.selection import Key, Selection
from stratascope.usecases.attempts.reasons import IN_A_POD
from stratascope.value import Value, replace

# The threats of these ids, all without any; yields what begins (with a `text`), and outcomes
Tries = Callable[[Snapshot, ContainerState, Sequence[str], Callable[[], bool]], Iterator[Any]]


class Where(StrEnum):
    COPY = "copy"
    ITSELF = "itself"  # only by attempts that change nothing


class TriedThreat(Value):
    """One outcome, where it was tried, and when it was found, in seconds since the epoch."""

    outcome: AttemptOutcome
    where: Where
    at: float


class _Ended(Value):
    """The last event of a run. `trouble`: why it did not get to its end."""

    trouble: Message | None = None


class _Known(Value):
    pid: int | None
    tried: dict[str, TriedThreat]
    trouble: Message | None = None


class AttemptsFeed(QObject):
    """`told`, a container's key: more is known of it, or its attempts began or ended. `tries`: by where."""

    told = Signal(object)

    def __init__(self, tries: Mapping[Where, Tries], selection: Selection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tries, self._selection = tries, selection
        self._known: dict[Key, _Known] = {}
        self._run: ThreadRun | None = None
        self._whose: Key | None = None
        self._where = Where.COPY
        self._one = False  # whether these were asked for by name
        self._doing: Message | None = None
        self._done = 0
        selection.snapshot_changed.connect(self._see)

    @property
    def able(self) -> bool:
        """Whether anything can be tried at all."""
        return bool(self._tries)

    def of(self, key: Key | None) -> Mapping[str, TriedThreat]:
        """What is known of that container, by threat."""
        known = None if key is None else self._known.get(key)
        return {} if known is None else known.tried

    def trouble(self, key: Key | None) -> Message | None:
        """Why the last attempts on it ended early; None: they did not."""
        known = None if key is None else self._known.get(key)
        return None if known is None else known.trouble

    def trying(self, key: Key | None) -> bool:
        """Whether threats of that container are being tried."""
        return key is not None and key == self._whose

    @property
    def progress(self) -> Message | None:
        """What is being done; None: nothing."""
        if self._whose is None:
            return None
        if self._done:
            return plural("Tried {count} threat", "Tried {count} threats", self._done)
        return self._doing or msg("Trying")

    def places(self) -> tuple[Where, ...]:
        """Where threats of the container in view may be tried."""
        state = self._selection.current
        sandbox = state is not None and state.container.sandbox is not None
        return tuple(where for where in self._tries if where is not Where.COPY or not sandbox)

    def why_not(self, where: Where) -> Message | None:
        """Why nothing of the container in view can be tried there; None: it can."""
        state, snapshot = self._selection.current, self._selection.snapshot
        if state is None or snapshot is None:
            return NONE_CHOSEN
        if snapshot.demo:
            return msg("This was recorded elsewhere. Only what runs here can be tried.")
        if where is Where.COPY and state.container.sandbox is not None:
            return msg("No engine starts this sandbox, so no copy of it can be made.")
        if not runs(state):
            return msg("It does not run, so nothing can be tried.")
        if where is Where.COPY and (state.container.pod or state.container.infra):
            return IN_A_POD
        if where is Where.ITSELF and other_kernel(state.container):
            return OTHER_KERNEL
        if where not in self._tries:
            return msg("Nothing can be tried here.")
        if self._whose is not None and self._whose != state.key:
            return msg("Another container is being tried.")
        return None

    def try_it(self, where: Where, threats: Sequence[str] = ()) -> None:
        """Try these threats of the container in view, all if there are none; does nothing while others are tried."""
        state, snapshot, tries = self._selection.current, self._selection.snapshot, self._tries.get(where)
        if state is None or snapshot is None or tries is None:
            return
        if self._run is not None or self.why_not(where) is not None:
            return
        self._whose, self._doing, self._done = state.key, None, 0
        self._where, self._one = where, bool(threats)
        known = self._known.get(state.key)
        self._known[state.key] = _Known(state.container.pid, {} if known is None else dict(known.tried))
        self._run = run = ThreadRun(
            partial(_run, partial(tries, snapshot, state, tuple(threats))), _ended, "attempts", self
        )
        run.told.connect(self._take)
        run.over.connect(self._over)
        run.start()
        self.told.emit(state.key)

    def cancel(self) -> None:
        """Stop trying; what was found so far stays."""
        if self._run is not None:
            self._run.cancel()

    def stop(self) -> None:
        """End it, as at the window's end; the copy is removed."""
        self.cancel()

    # -- internals

    def _see(self, snapshot: Snapshot) -> None:
        pids = {state.key: state.container.pid for state in snapshot.containers}
        for key in [key for key, known in self._known.items() if pids.get(key) != known.pid]:
            del self._known[key]
            self.told.emit(key)

    def _take(self, event: Any) -> None:
        if isinstance(event, AttemptOutcome):
            known = None if self._whose is None else self._known.get(self._whose)
            untried = event.tried is Tried.NOT_TRIED
            if known is not None and not (untried and not self._one and event.threat in known.tried):
                known.tried[event.threat] = TriedThreat(event, self._where, time.time())
            self._done += not untried
        else:
            self._doing = event.text
        self.told.emit(self._whose)

    def _over(self, ended: _Ended) -> None:
        key, self._whose, self._run = self._whose, None, None
        known = None if key is None else self._known.get(key)
        if key is not None and known is not None:
            self._known[key] = replace(known, trouble=ended.trouble)
        self.told.emit(key)


def _run(tries: Callable[[Callable[[], bool]], Iterator[Any]], cancelled: Callable[[], bool]) -> Iterator[Any]:
    try:
        yield from tries(cancelled)
    except MessageError as error:
        yield _Ended(error.message)


def _ended(error: Exception | None) -> _Ended:
    return _Ended(None if error is None else reason(error)[0])
