"""What containers can get at, as far as it was read: of the container in view, and of every agent that runs.

It is read on one background thread: at once for the container in view, one agent after the other for the list. A
reading stays until another is there; one of a container that is gone is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from functools import partial

from PySide6.QtCore import QObject, Signal

from stratascope.core.container import OTHER_KERNEL, other_kernel
from stratascope.core.message import Message, msg
from stratascope.core.reach.row import Reached, ReachRow
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation.takeover import runs
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.ui.kit.selection import Key, Selection
from stratascope.usecases.reach.agents import AgentReach, as_root, likeness
from stratascope.value import Value

Read = Callable[[Snapshot, ContainerState], Reached]
OLD = 60.0  # seconds after which it is read again when its page is opened
LEAST = 5.0  # seconds between two readings of the container in view that changes
PAUSE = 1000  # ms between the agents' readings


class KnownReach(Value):
    """What is known of one container. `found`: None if it could not be read, and `trouble`, why; `root`: by root;
    `tried`: it was really tried.
    """

    found: Reached | None = None
    worst: ReachRow | None = None  # if it is serious
    pid: int = 0
    root: bool = False
    tried: bool = False
    trouble: Message | None = None
    words: str = ""


class ReachFeed(QObject):
    """`told` when more is known of a container; `grew`, an Alert: an agent gets at more. `read`: None: nothing is.
    `tries`: the same, really tried.
    """

    told = Signal(object)  # Key
    grew = Signal(object)

    def __init__(
        self, read: Read | None, selection: Selection, parent: QObject | None = None, tries: Read | None = None
    ) -> None:
        super().__init__(parent)
        self._tries, self._trying = tries, set[Key]()
        self._read, self._selection = read, selection
        self._known: dict[Key, KnownReach] = {}
        self._asked: dict[Key, tuple[Hashable, float]] = {}
        self._reading: Key | None = None  # of the container in view
        self.agents = AgentReach()
        self._queries = QueryRunner(self)
        self._next = later(self, PAUSE, self._ask_agent)
        self._again = later(self, round(LEAST * 1000), self._look)
        if read is not None:
            selection.container_changed.connect(self._look)
            selection.snapshot_changed.connect(self._see)

    @property
    def able(self) -> bool:
        """Whether anything can be read."""
        return self._read is not None

    def of(self, key: Key | None) -> KnownReach | None:
        """What is known of that container; None: nothing yet."""
        return None if key is None else self._known.get(key)

    def busy(self, key: Key | None) -> bool:
        """Whether it is being read."""
        return key is not None and key == self._reading

    @property
    def can_try(self) -> bool:
        """Whether it can really be tried."""
        return self._tries is not None

    def trying(self, key: Key | None) -> bool:
        """Whether it is being tried."""
        return key in self._trying

    def try_it(self) -> None:
        """Try what the container in view can get at: harmless, and takes some seconds."""
        state, snapshot, tries = self._selection.current, self._selection.snapshot, self._tries
        if state is None or snapshot is None or tries is None or self.why_not() is not None:
            return
        if state.key not in self._trying:
            self._trying.add(state.key)
            self._asked[state.key] = likeness(state, snapshot), time.monotonic()
            take = partial(self._take_tried, state, root=as_root(snapshot))
            self._queries.ask(f"try {state.key}", partial(tries, snapshot, state), take, "try")

    def worst(self, state: ContainerState) -> ReachRow | None:
        """The worst that a sandbox can get at, if it is serious and known."""
        known = self._known.get(state.key) if state.container.sandbox is not None else None
        return None if known is None else known.worst

    def why_not(self) -> Message | None:
        """Why the container in view can't be asked about; None: it can."""
        state, snapshot = self._selection.current, self._selection.snapshot
        if state is None or snapshot is None:
            return None
        if snapshot.demo:
            return msg("This was recorded elsewhere. What it can get at is read from processes that run.")
        if not runs(state) or not state.container.pid:
            return msg("It does not run. What it can get at is read from its processes.")
        if other_kernel(state.container):
            return OTHER_KERNEL
        return None

    def refresh(self, *, old: float = 0.0) -> None:
        """Read the container in view again, if the last reading is as old as this, in seconds."""
        state = self._selection.current
        if state is None or self.why_not() is not None or self._read is None:
            return
        asked, known = self._asked.get(state.key), self._known.get(state.key)
        if old and known is not None and known.tried:
            return
        if asked is None or time.monotonic() - asked[1] >= old:
            self._ask(state)

    def stop(self) -> None:
        """Drop what is pending."""
        self._queries.end()

    # -- internals

    def _look(self) -> None:
        """Read the container in view, if it is another one or has changed."""
        state, snapshot = self._selection.current, self._selection.snapshot
        if state is None or snapshot is None or self.why_not() is not None:
            return
        asked, like = self._asked.get(state.key), likeness(state, snapshot)
        if asked is not None and asked[0] == like:
            return
        if asked is not None and time.monotonic() - asked[1] < LEAST:
            self._again.start()
        else:
            self._ask(state)

    def _ask(self, state: ContainerState) -> None:
        snapshot, read = self._selection.snapshot, self._read
        if snapshot is None or read is None:
            return
        if self._reading is not None:
            self._asked.pop(self._reading, None)  # its answer is dropped
        self._asked[state.key] = likeness(state, snapshot), time.monotonic()
        self._reading = state.key
        asking = partial(read, snapshot, state)
        self._queries.ask("reach", asking, partial(self._take, state, root=as_root(snapshot)))

    def _see(self, snapshot: Snapshot) -> None:
        there = {state.key for state in snapshot.containers}
        for gone in [key for key in self._known if key not in there]:
            del self._known[gone]
        for gone in [key for key in self._asked if key not in there]:
            del self._asked[gone]
        if not self._next.isActive():
            self._ask_agent()

    def _ask_agent(self) -> None:
        snapshot, read = self._selection.snapshot, self._read
        state = None if snapshot is None else self.agents.due(snapshot, time.monotonic())
        if state is not None and snapshot is not None and read is not None:
            self._next.start()
            take = partial(self._take_agent, state, root=as_root(snapshot))
            self._queries.ask(f"agent {state.key}", partial(read, snapshot, state), take, "agents")

    def _take_agent(self, state: ContainerState, answer: Reached | Failure, *, root: bool) -> None:
        self._store(state, answer, root=root)
        grown = None if isinstance(answer, Failure) else self.agents.take(state, answer, root=root)
        if grown is not None:
            self.grew.emit(grown)

    def _take(self, state: ContainerState, answer: Reached | Failure, *, root: bool) -> None:
        self._reading = None
        self._store(state, answer, root=root)

    def _take_tried(self, state: ContainerState, answer: Reached | Failure, *, root: bool) -> None:
        self._trying.discard(state.key)
        self._store(state, answer, root=root, tried=True)

    def _store(self, state: ContainerState, answer: Reached | Failure, *, root: bool, tried: bool = False) -> None:
        pid = state.container.pid or 0
        if isinstance(answer, Failure):
            found = KnownReach(None, None, pid, root, trouble=answer.message, words=answer.words)
        else:
            serious = (row for row in answer.open if row.thing.severity in SERIOUS)
            found = KnownReach(answer, next(serious, None), pid, root, tried)
        self._known[state.key] = found
        self.told.emit(state.key)
