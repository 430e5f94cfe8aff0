"""Between the page and the observation service: its calls on background threads, its news on the window's thread.

An observation has thousands of events a second, so news are gathered: the window is notified at most twice a second,
and once a second without events, since it shows how long it has been observing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from stratascope.core.capture import or_none
from stratascope.core.container import Container
from stratascope.core.message import Message, msg, plural
from stratascope.core.observation.observation import Needs, NeedsError
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.linux.process import parse_stat
from stratascope.presentation.processes import short_age
from stratascope.ui.kit.background import Bell, QueryRunner, later
from stratascope.usecases.observe.service import ObservationService, ObservedContainer
from stratascope.value import Value, replace

Key = tuple[str, str]
GATHER, SOON = 500, 80  # ms between two looks at news, and until the first one after a while without
QUIET = 1000  # ms
OLD = 5.0  # seconds after which stored observations are read again: the command line writes them too
_LANE = "observe"  # one at a time: two password prompts at once would be one too many


class Known(Value):
    """What the service knows of one container. `trouble`: why the last request failed."""

    needs: Needs | None = None
    watched: ObservedContainer | None = None
    trouble: Message | None = None
    words: str = ""  # the words of whoever refused
    damaged: bool = False  # the stored observation cannot be read: forgetting it helps

    @property
    def alive(self) -> bool:
        """Whether it is being observed now."""
        return self.watched is not None and self.watched.alive


def watched_text(known: Known, name: str) -> Message | None:
    """How long the container of that name was watched, and how often it started meanwhile, or that it was others of its
    image; None: none was.
    """
    if known.needs is None:
        return msg("being watched") if known.alive else None
    needs = known.needs
    seen, age = needs.observation.seen, short_age(needs.observation.seen.seconds)
    if needs.elsewhere(name):
        return msg("another container of this image was watched {age}", age=age)
    if set(needs.containers) - {name}:
        return plural("watched {age} with others of this image, {count} start",
                      "watched {age} with others of this image, {count} starts", seen.starts, age=age)  # fmt: skip
    return plural("watched {age}, {count} start", "watched {age}, {count} starts", seen.starts, age=age)


def used(known: Known) -> frozenset[str]:
    """What a container was seen using, without how often: what a plan depends on."""
    if known.needs is None:
        return frozenset()
    seen = known.needs.observation
    return frozenset(
        (
            *(each.name for each in seen.capabilities),
            *(each.name for each in seen.notable()),
            *(f"{path.path} {how}" for path in seen.reached for how in path.access),
            *(f"{port.protocol} {port.port}" for port in seen.ports),
            *(f"{user}:{group}" for user, group in seen.users),
            *seen.devices,
            *seen.written,
        )
    )


class ObservationFeed(QObject):
    """Observations. `told` carries the Key of a container with news. Without a service there never are any."""

    told = Signal(object)  # Key

    def __init__(self, learning: ObservationService | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._learning = learning
        self._known: dict[Key, Known] = {}
        self._read_at: dict[Key, float] = {}
        self._trouble: dict[Key, tuple[Message, str]] = {}
        self._busy: set[Key] = set()
        # observed containers by engine and name, with key and process
        self._wanted: dict[tuple[str, str], tuple[Key, int | None]] = {}
        self._news: dict[Key, Container] = {}  # written by the observations' threads
        self._queries = QueryRunner(self)
        self._timer = later(self, GATHER, self._look_at_news)
        self._looked = 0.0
        self._quiet = QTimer(self)
        self._quiet.setInterval(QUIET)
        self._quiet.timeout.connect(self._look_at_watched)
        self._bell = Bell(self._gather, self)
        if learning is not None:
            learning.changed = self._note_event

    @property
    def able(self) -> bool:
        """Whether there is a service at all."""
        return self._learning is not None

    def known(self, container: Container) -> Known | None:
        """Return what is known of it; None while that is being read. Old data is read again."""
        key = container.key
        if self._learning is None:
            return Known()
        if time.monotonic() - self._read_at.get(key, -OLD) >= OLD:
            self._read_again(container)
        return self._known.get(key)

    def busy(self, key: Key) -> bool:
        """Whether its observation is just being started or stopped."""
        return key in self._busy

    def begin(self, state: ContainerState) -> None:
        """Start observing it; if that fails, its `trouble` says why."""
        learning = self._learning
        if learning is not None:
            container = state.container
            self._wanted[container.engine, container.name] = container.key, container.pid
            self._do(container, partial(learning.begin, state, _start(state)))

    def follow(self, snapshot: Snapshot) -> None:
        """Continue observing a container that was recreated under its name, or restarted, so that a relaunch needs no
        second press of the button. Not if that would ask for a password.
        """
        if not self._wanted or not snapshot.privilege.asks_nobody:
            return
        for state in snapshot.containers:
            container = state.container
            wanted = self._wanted.get((container.engine, container.name))
            known = self._known.get(container.key)
            still = known is not None and known.alive  # still observing its former process: the new one follows later
            if wanted not in (None, (container.key, container.pid)) and container.pid is not None and not still:
                self.begin(state)

    def end(self, container: Container) -> None:
        """Stop observing it."""
        learning = self._learning
        self._wanted.pop((container.engine, container.name), None)
        if learning is not None:
            self._do(container, partial(learning.end, container))

    def forget(self, container: Container) -> None:
        """Delete all observations of its image and command."""
        learning = self._learning
        if learning is not None:
            self._do(container, partial(learning.forget, container))

    def stop(self) -> None:
        """Stop reporting; the service itself belongs to its creator."""
        if self._learning is not None:
            self._learning.changed = lambda container: None
        self._timer.stop()
        self._quiet.stop()
        self._queries.end()

    # -- internals

    def _do(self, container: Container, call: Callable[[], object]) -> None:
        key = container.key
        if key in self._busy:
            return
        self._busy.add(key)
        self._trouble.pop(key, None)

        def done(trouble: tuple[Message, str] | None) -> None:
            self._busy.discard(key)
            if trouble is not None:
                self._wanted.pop((container.engine, container.name), None)
                self._trouble[key] = trouble
            self._read_again(container)
            self.told.emit(key)

        self._queries.ask(f"use {key}", partial(_tried, call), done, _LANE)
        self.told.emit(key)

    def _read_again(self, container: Container) -> None:
        key, learning = container.key, self._learning
        if learning is None:
            return
        self._read_at[key] = time.monotonic()

        def read(known: Known) -> None:
            trouble, words = self._trouble.get(key, (known.trouble, known.words))
            self._known[key] = replace(known, trouble=trouble, words=words)
            if known.alive and not self._quiet.isActive():
                self._quiet.start()
            self.told.emit(key)

        self._queries.ask(f"known {key}", partial(_answer, learning, container), read, "needs")

    def _note_event(self, container: Container) -> None:
        """Note an event; called on an observation's thread."""
        self._news[container.key] = container
        self._bell.ring()

    def _gather(self) -> None:
        if not self._timer.isActive():
            busy = time.monotonic() - self._looked < 2 * GATHER / 1000
            self._timer.start(GATHER if busy else SOON)

    def _look_at_news(self) -> None:
        self._looked = time.monotonic()
        news, self._news = self._news, {}
        for container in news.values():
            self._read_again(container)

    def _look_at_watched(self) -> None:
        watched = [known.watched.container for known in self._known.values() if known.watched and known.alive]
        for container in watched:
            if time.monotonic() - self._read_at.get(container.key, 0.0) >= QUIET / 1000:
                self._read_again(container)
        if not watched:
            self._quiet.stop()


def _tried(call: Callable[[], object]) -> tuple[Message, str] | None:
    """Call; return why it failed, or None."""
    try:
        call()
    except ProbeError as error:
        return error.message, error.words
    except NeedsError as error:
        return _unread(error), ""
    return None


def _answer(learning: ObservationService, container: Container) -> Known:
    watched = learning.watched(container)
    trouble = watched.trouble if watched is not None else None
    try:
        return Known(learning.known(container), watched, trouble)
    except NeedsError as error:
        return Known(None, watched, _unread(error), damaged=True)


def _unread(error: NeedsError) -> Message:
    return msg("What was learned can't be read or saved: {words}", words=error.words)


def _start(state: ContainerState) -> str:
    """Return the start time of its first process, which distinguishes it from another one with its PID."""
    stat = None if state.capture is None else or_none(state.capture.decoded("stat", parse_stat))
    return "" if stat is None else str(stat.start)
