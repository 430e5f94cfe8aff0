"""Watches running containers and stores what they were seen to use; shared by the window and the command line.

Each watch (by the window, a command, a trial on twins, or after a relaunch) has a `Follower`, which reads an observer's
stream on its own thread. The service adds the observation to the stored needs once, at the end: when somebody stops the
watch, the container exits, or this program does. Until then it is kept beside them every few seconds, so that another
command has it too, and nothing is lost if this program is killed.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from stratascope.core.container import Container
from stratascope.core.message import Message, msg
from stratascope.core.observation.fold import Fold
from stratascope.core.observation.observation import (
    FilterAnswer,
    Needs,
    NeedsError,
    NeedsStore,
    Observation,
    Observer,
    ObserverRequest,
    Stream,
    added,
    places_of,
)
from stratascope.core.ports import ProbeError
from stratascope.core.refusals.ring import RefusalEntry, RefusalRing
from stratascope.core.snapshot import ContainerState
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.refusals import unusual_answers
from stratascope.linux.capability import CapabilitySet
from stratascope.value import Value, replace

_LAST_EVENTS = 10.0  # seconds to wait for the last events after closing a stream


class RefusalLog(Value):
    """What a container was refused while it was watched; `forgotten`: how many kinds the full ring has dropped."""

    entries: tuple[RefusalEntry, ...] = ()
    forgotten: int = 0


def _nobody() -> None:
    pass


class Follower:
    """Reads one observer's stream. Thread-safe."""

    def __init__(
        self,
        stream: Stream,
        held: CapabilitySet | None = None,
        changed: Callable[[], None] = _nobody,
        over: Callable[[], None] = _nobody,
    ) -> None:
        """`held`: the container's bounding set, if known. `changed`, `over`: called on the reading thread after each
        event and at the end.
        """
        self.trouble: ProbeError | None = None  # why it ended early
        self._stream, self._changed, self._over = stream, changed, over
        self._fold, self._ring = Fold(held), RefusalRing()
        self._lock = threading.Lock()  # guards `_fold`, `_ring` and `_latest`
        self._came = threading.Event()  # the first event, or the end
        self._latest = 0.0  # monotonic time of the last event; 0.0 before the first event and after the end
        self._attached = False
        self._thread = threading.Thread(target=self._follow, name="observe", daemon=True)

    def start(self) -> Self:
        """Start the reading thread."""
        self._thread.start()
        return self

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def attached(self, seconds: float) -> bool:
        """Wait up to `seconds` for the observer to attach; whether it did."""
        return self._came.wait(seconds) and self._attached

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for the stream to end; whether it did."""
        self._thread.join(seconds)
        return not self.alive

    def end(self, seconds: float = _LAST_EVENTS) -> bool:
        """Close the stream, and wait up to `seconds` for its last events; whether it has ended."""
        self._stream.close()
        return self.wait(seconds)

    def seen(self) -> Observation:
        """The observation so far. While it runs, the quiet time since the last event counts as watched."""
        with self._lock:
            found = self._fold.observation()
            quiet = time.monotonic() - self._latest if self._latest else 0.0
        return replace(found, seen=replace(found.seen, seconds=found.seen.seconds + quiet)) if quiet else found

    def refused(self) -> RefusalLog:
        """The refusals so far."""
        with self._lock:
            return RefusalLog(self._ring.entries(), self._ring.forgotten)

    def _follow(self) -> None:
        try:
            for event in self._stream:
                with self._lock:
                    self._ring.feed(event, self._fold.program_of(getattr(event, "pid", 0)))
                    self._fold.feed(event)
                    self._latest = time.monotonic()
                self._attached = True
                self._came.set()
                self._changed()
        except ProbeError as error:
            self.trouble = error
        with self._lock:
            self._latest = 0.0
        self._came.set()
        self._over()


_BEGINS = 60.0  # seconds to wait for an observer to attach
_END = 5.0  # seconds to wait for a closed stream to end
KEEPS = 3.0  # seconds after which what was seen so far is kept
_QUIET = 30.0  # … where nothing but time has passed


class ObservedContainer(Value):
    """A container that this program observes or has observed. `trouble`: why the observation ended early."""

    container: Container
    observation: Observation
    alive: bool
    trouble: Message | None = None


class _Watch:
    """One observation, running or ended."""

    def __init__(self, container: Container) -> None:
        self.container, self.number = container, secrets.token_hex(8)
        self.follower: Follower
        self.trouble: Message | None = None
        self.kept = False
        self.keeping = threading.Lock()  # guards `kept`, and that nothing is kept so far once it is added


class ObservationService:
    """See the module. Thread-safe; `begin` and `end` may take a while."""

    def __init__(self, store: NeedsStore, observer: Callable[[], Observer]) -> None:
        """`observer` is called when one is first needed, as it may ask for a password. It raises ProbeError."""
        self._store, self._observer = store, observer
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._lock = threading.Lock()
        self.changed: Callable[[Container], None] = lambda container: None  # called on a reading thread

    def known(self, container: Container) -> Needs | None:
        """The stored needs, combined with the observation under way. Raises NeedsError."""
        watch = self._watches.get(container.key)
        if watch is None or watch.kept:
            return self._store.of(container)
        kept = self._store.of(container, but=watch.number)
        known = kept or Needs(container.image, container.command)
        return Needs(
            known.image, known.command, added(known.observation, watch.follower.seen()), known.containers, known.updated
        )

    def watched(self, container: Container) -> ObservedContainer | None:
        """The container's latest observation by this program; None if there was none."""
        watch = self._watches.get(container.key)
        if watch is None:
            return None
        return ObservedContainer(watch.container, watch.follower.seen(), watch.follower.alive, watch.trouble)

    def refused(self, container: Container) -> RefusalLog:
        """What was refused to it during the latest observation."""
        watch = self._watches.get(container.key)
        return RefusalLog() if watch is None else watch.follower.refused()

    def begin(self, state: ContainerState, start: str = "", seconds: float | None = None) -> None:
        """Start watching it. Raises ProbeError if that is impossible, naming what would allow it."""
        container = state.container
        if container.pid is None:
            raise ProbeError(msg("It is not running, so it can't be watched."))
        with self._lock:
            there = self._watches.get(container.key)
            if there is not None and there.follower.alive:
                return
        target = ObserverRequest(
            container.pid, start, container.id, answers=answers(state), places=places_of(container.asked)
        )
        stream = self._observer().begin(target if seconds is None else replace(target, seconds=seconds))
        watch = _Watch(container)
        watch.follower = Follower(stream, held(state), lambda: self.changed(container), lambda: self._over(watch))
        with self._lock:
            self._watches[container.key] = watch
        watch.follower.start()
        threading.Thread(target=self._keep_so_far, args=(watch,), name="keep", daemon=True).start()

    def end(self, container: Container) -> None:
        """Stop watching it, and wait until the observation is stored. Raises NeedsError if it can't be."""
        watch = self._watches.get(container.key)
        if watch is None:
            return
        watch.follower.end(_END)
        self._keep(watch)

    def ready(self, container: Container, seconds: float = _BEGINS) -> bool:
        """Wait up to `seconds` for the observer to attach; whether it did."""
        watch = self._watches.get(container.key)
        return watch is not None and watch.follower.attached(seconds)

    def wait(self, container: Container, seconds: float) -> bool:
        """Wait up to `seconds` for the observation to end; whether it did."""
        watch = self._watches.get(container.key)
        return watch is None or watch.follower.wait(seconds)

    def forget(self, container: Container) -> bool:
        """Delete everything stored for its image and command. Raises NeedsError."""
        return self._store.forget(container)

    def close(self) -> None:
        """Stop all observations; a storage error is left in `trouble`."""
        for watch in tuple(self._watches.values()):
            try:
                self.end(watch.container)
            except NeedsError as error:
                watch.trouble = _not_kept(error)

    # -- internal

    def _over(self, watch: _Watch) -> None:
        if watch.follower.trouble is not None:
            watch.trouble = watch.follower.trouble.message
        try:
            self._keep(watch)
        except NeedsError as error:
            watch.trouble = _not_kept(error)
        self.changed(watch.container)

    def _keep_so_far(self, watch: _Watch) -> None:
        last = Observation()
        while not watch.follower.wait(KEEPS):
            seen = watch.follower.seen()
            quiet = seen.seen.seconds - last.seen.seconds < _QUIET and replace(seen, seen=last.seen) == last
            if quiet or seen.why_nothing:
                continue
            last = seen
            with watch.keeping:
                if watch.kept:
                    return
                with suppress(NeedsError):  # told at the end, when it can't be added either
                    self._store.so_far(watch.container, watch.number, seen)

    def _keep(self, watch: _Watch) -> None:
        with watch.keeping:
            if watch.kept:
                return
            watch.kept = True
        seen = watch.follower.seen()
        if why := seen.why_nothing:
            watch.trouble = watch.trouble or msg("It can't be watched: {why}", why=why)
        elif seen != Observation():
            self._store.add(watch.container, seen, watch.number)


def held(state: ContainerState) -> CapabilitySet | None:
    """The bounding set of its first process; None if it was not read."""
    for layer in state.layers:
        bounding = getattr(layer.facts, "bounding", None)
        if isinstance(bounding, CapabilitySet):
            return bounding
    return None


def answers(state: ContainerState) -> tuple[FilterAnswer, ...]:
    """Its seccomp filter's answers other than those that the observer always counts as a refusal."""
    facts = state.facts_of(SeccompFacts)
    return () if facts is None else unusual_answers(facts)


def _not_kept(error: NeedsError) -> Message:
    return msg("What was learned can't be saved: {words}", words=error.words)
