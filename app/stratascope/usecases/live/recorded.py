"""Captures presented like this machine's containers: read one after the other, and joined into one snapshot.

What many captures have in common (a profile, a filter, a limit, a missing file) is most of a capture's memory, and is
stored once. A source that follows from process and name is dropped, or no two containers would have equal readings.
Entries that were not seen again among as many others are evicted: they are in few captures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from sys import intern
from typing import Generic, TypeVar

from stratascope.bounded_cache import alike
from stratascope.core.capture import Capture, Gap, Reading, process_folder
from stratascope.core.container import Engine
from stratascope.core.ground import UNREAD, Ground
from stratascope.core.message import msg
from stratascope.core.ports import ContainerCapture, ProbeError
from stratascope.core.snapshot import Captured, CapturedContainer, ContainerState, MachineCapture, Snapshot
from stratascope.fault_log import fault_logger
from stratascope.usecases.live.predictions import Predictions
from stratascope.value import replace

Publish = Callable[[Snapshot], None]
Read = Callable[[], Snapshot]  # raises ProbeError, OSError
logger = fault_logger(__name__)
_MORE = 1.25  # times as many captures as were last published
_PATIENCE = 1.0  # seconds without a new snapshot


class Joining:
    """One snapshot of several captures, built incrementally: earlier captures are not processed again."""

    def __init__(self, *, alone: bool) -> None:
        """`alone`: there is only one, whose engines keep their names. With several, ids of engines are prefixed with
        the capture's name, and each has its own machine's ground.
        """
        self._alone = alone
        self._newest: Snapshot | None = None
        self._captures: list[Captured] = []
        self._engines: list[Engine] = []
        self._containers: list[ContainerState] = []
        self._elsewhere: list[tuple[str, Ground]] = []

    def add(self, captured: Captured, snapshot: Snapshot | None) -> None:
        """Add one; None: it could not be read."""
        if snapshot is None:
            self._captures.append(captured)
            return
        self._captures.append(_with_engines(captured, snapshot, alone=self._alone))
        if self._newest is None or snapshot.taken_at > self._newest.taken_at:
            self._newest = snapshot
        if not self._alone:
            self._engines += (replace(engine, id=named(captured, engine.id)) for engine in snapshot.engines)
            self._containers += (_of(captured, state) for state in snapshot.containers)
            self._elsewhere += (
                (named(captured, engine.id), snapshot.ground_of(engine.id)) for engine in snapshot.engines
            )

    def picture(self) -> Snapshot:
        """All captures so far."""
        captures = tuple(self._captures)
        if self._newest is None:
            return Snapshot(0.0, UNREAD, (), (), demo=True, captures=captures)
        if self._alone:
            return replace(self._newest, demo=True, captures=captures)
        return replace(
            self._newest,
            demo=True,
            captures=captures,
            engines=tuple(self._engines),
            containers=tuple(self._containers),
            elsewhere=tuple(self._elsewhere),
            trouble=None,
        )


def joined(parts: Sequence[tuple[Captured, Snapshot | None]]) -> Snapshot:
    """One snapshot of several; None for those that could not be read."""
    joining = Joining(alone=len(parts) == 1)
    for captured, snapshot in parts:
        joining.add(captured, snapshot)
    return joining.picture()


def _with_engines(captured: Captured, snapshot: Snapshot, *, alone: bool) -> Captured:
    engines = tuple(engine.id if alone else named(captured, engine.id) for engine in snapshot.engines)
    return replace(captured, engines=engines, kernels=snapshot.kernels)


def named(captured: Captured, engine: str) -> str:
    """An engine's id when several captures are shown."""
    return f"{captured.name}:{engine}"


def _of(captured: Captured, state: ContainerState) -> ContainerState:
    return replace(state, container=replace(state.container, engine=named(captured, state.container.engine)))


class RecordedView:
    """Takes the place of a live view in the window. Its snapshots grow as captures are read.

    The window processes a whole snapshot each time. So it gets one when there is a quarter more to see, or after a
    second: one for each of a thousand captures would cost as much as all of them five hundred times.
    """

    def __init__(self, reads: Sequence[tuple[str, Read]], predictions: Predictions | None = None) -> None:
        """`reads`: unique names, and functions that read the captures."""
        self._reads, self._predictions = tuple(reads), predictions or Predictions()
        self._ending, self._looked = threading.Event(), threading.Event()

    def start(self, publish: Publish) -> None:
        """Start; returns at once."""
        threading.Thread(target=self._run, args=(publish,), name="read captures", daemon=True).start()

    def _run(self, publish: Publish) -> None:
        joining, total = Joining(alone=len(self._reads) == 1), len(self._reads)
        published, since = 0, time.monotonic()
        # published first, so that the window knows what it waits for
        publish(Snapshot(0.0, UNREAD, (), (), asking=("",)))
        for count, (name, read) in enumerate(self._reads, 1):
            if self._ending.is_set():
                return
            joining.add(*_read(name, read))
            if count == total:
                publish(joining.picture())
            elif count >= published * _MORE or time.monotonic() - since >= _PATIENCE:
                publish(replace(joining.picture(), asking=("",)))
                published, since = count, time.monotonic()
        whole = joining.picture()
        while self._looked.wait() and not self._ending.is_set():
            self._looked.clear()
            publish(self._predictions.added(whole))

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """No effect: a capture does not change."""

    def focus(self, key: tuple[str, str] | None) -> None:
        """If it is not running, it is shown as it would start, once all captures are read."""
        if self._predictions.look_at(key):
            self._looked.set()

    def pace(self, seconds: float) -> None:
        """No effect: a capture does not change."""

    def elevate(self) -> None:
        """No effect: root here knows nothing of a capture."""

    def stop(self) -> None:
        """End, after the capture that is being read."""
        self._ending.set()
        self._looked.set()


def _read(name: str, read: Read) -> tuple[Captured, Snapshot | None]:
    try:
        snapshot = read()
    except ProbeError as error:
        return Captured(name, trouble=error.message), None
    except OSError as error:
        return Captured(name, trouble=msg("It can't be read: {why}.", why=error.strerror or str(error))), None
    except Exception:  # a bug in one capture must not hide the others
        logger.exception("a capture can't be shown")
        return Captured(name, trouble=msg("It can't be shown because of a bug in this program.")), None
    return Captured(name, snapshot.taken_at), snapshot


K = TypeVar("K")
V = TypeVar("V")
_MOST = 10_000  # entries seen lately, and as many from before


class _Seen(Generic[K, V]):
    """A cache of two generations."""

    def __init__(self) -> None:
        self.now: dict[K, V] = {}
        self._before: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self.now.get(key)
        if found is None:
            found = self._before.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        if len(self.now) >= _MOST:
            self._before, self.now = self.now, {}
        self.now[key] = value


class SharedTexts:
    """Shares equal parts among the captures of one fleet. Not thread-safe."""

    def __init__(self) -> None:
        self._readings = _Seen[tuple[str, str, str | None, Gap | None], Reading]()
        self._texts = _Seen[str, str]()

    def of(self, machine: MachineCapture) -> MachineCapture:
        """The same capture, with equal parts replaced by the ones seen before."""
        return replace(
            machine,
            host=self._capture(machine.host),
            engines=tuple(replace(engine, facts=alike(engine.facts)) for engine in machine.engines),
            hosts=tuple((engine, self._capture(host)) for engine, host in machine.hosts),
            containers=tuple(map(self._container, machine.containers)),
        )

    def _container(self, captured: CapturedContainer) -> CapturedContainer:
        found = captured.found
        if found is None:
            return captured
        return replace(captured, found=self._found(found))

    def _found(self, found: ContainerCapture) -> ContainerCapture:
        return replace(found, first=self._capture(found.first), members=tuple(map(self._capture, found.members)))

    def _capture(self, capture: Capture) -> Capture:
        """Processes thousands of readings a second, so it avoids calls."""
        folder, seen = f"{process_folder(capture.pid)}/", self._readings
        found = []
        for reading in capture.readings:
            name, source, text = reading.name, reading.source, reading.text
            if source == folder + name:
                source = ""
            key = name, source, text, reading.gap
            known = seen.now.get(key) or seen.get(key)
            if known is None:
                known = Reading(intern(name), source, self._text(text), reading.gap)
                seen.put((known.name, source, known.text, known.gap), known)
            found.append(known)
        return Capture(capture.pid, tuple(found), capture.via)

    def _text(self, text: str | None) -> str | None:
        if text is None:
            return None
        known = self._texts.get(text)
        if known is None:
            self._texts.put(text, text)
            return text
        return known
