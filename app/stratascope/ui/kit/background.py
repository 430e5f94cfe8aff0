"""Work off the window's thread, and the one way back to it: a bell that any thread rings and the window's thread hears.

Requests (one at a time for each engine), long runs with their events, and the watch's snapshots. Decided against
QThread and Qt's thread pool: the workers know no Qt; and against letting widgets call the watch: one place decides what
runs on which thread.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from stratascope.core.message import Message, MessageError, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.core.relaunch.transaction import BusyError, JournalError
from stratascope.core.snapshot import Snapshot

Asking = Callable[[], Any]
# topic, its number, the request, the callback for its answer
_Question = tuple[str, int, Asking, Callable[[Any], object]]
FAILURES = (EngineError, NoSuchContainerError, ProbeError, ToggleError, JournalError, BusyError, OSError)


def reason(error: Exception) -> tuple[Message, str]:
    """Return why a call failed as a sentence, and the other side's own words."""
    match error:
        case MessageError():
            return error.message, error.words
        case NoSuchContainerError():
            return msg("The engine no longer knows this container."), ""
        case JournalError():
            return msg("The journal can't be written, and without it there would be no way back."), error.words
        case BusyError():
            return error.message, ""
    return msg("It could not be done."), str(error)


def later(parent: QObject, wait: int, call: Any) -> QTimer:
    """Return a timer that calls once, `wait` ms after it was last started."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(wait)
    timer.timeout.connect(call)
    return timer


class Failure:
    """The answer to a request that failed."""

    def __init__(self, error: Exception) -> None:
        self.message, self.words = reason(error)


class Bell(QObject):
    """Rung on any thread, heard on the window's thread, once for all rings up to then."""

    _rung = Signal()

    def __init__(self, heard: Callable[[], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heard, self._pending = heard, False
        self._rung.connect(self._hear, Qt.ConnectionType.QueuedConnection)

    def ring(self) -> None:
        """Ring. Store what is to be read before ringing; storing a reference is atomic."""
        if not self._pending:
            self._pending = True
            with suppress(RuntimeError):  # the window was closed meanwhile, and Qt's object is gone with it
                self._rung.emit()

    @Slot()
    def _hear(self) -> None:
        self._pending = False  # reset first: what comes from now on rings again
        self._heard()


class QueryRunner(QObject):
    """Runs requests on background threads; of requests with the same `topic` only the newest is answered.

    Requests of one lane run one after the other, and lanes are independent: a slow engine only delays its own requests.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes: dict[tuple[str, str], queue.SimpleQueue[_Question | None]] = {}
        self._newest: dict[str, int] = {}
        self._answers: deque[tuple[_Question, Any]] = deque()
        self._bell = Bell(self._deliver, self)
        self._ended = False

    def ask(self, topic: str, asking: Asking, then: Callable[[Any], object], lane: str = "") -> None:
        """Run a request. `then` gets the answer, or a Failure, on the window's thread, unless a newer request of the
        topic came.

        `lane`: the id of the engine that is asked; empty if it is no single engine: then the topic is the lane.
        """
        if self._ended:
            return
        number = self._newest[topic] = self._newest.get(topic, 0) + 1
        place = (lane, "" if lane else topic)
        if place not in self._lanes:
            asked = self._lanes[place] = queue.SimpleQueue()
            threading.Thread(target=self._work, args=(asked,), name=f"query {lane or topic}", daemon=True).start()
        self._lanes[place].put((topic, number, asking, then))

    def drop(self, topic: str) -> None:
        """Drop the pending request of a topic."""
        self._newest[topic] = self._newest.get(topic, 0) + 1

    def end(self) -> None:
        """Drop all pending requests; may be called twice."""
        self._ended = True
        for asked in self._lanes.values():
            asked.put(None)

    def _work(self, asked: queue.SimpleQueue[_Question | None]) -> None:
        while (question := asked.get()) is not None:
            topic, number, asking, _ = question
            if self._ended or number != self._newest.get(topic):
                continue
            try:
                answer = asking()
            except FAILURES as error:
                answer = Failure(error)
            except Exception as error:  # noqa: BLE001 - a fault of ours: it is logged, and the lane lives on
                fault = (type(error), error, error.__traceback__, threading.current_thread())
                threading.excepthook(threading.ExceptHookArgs(fault))
                answer = Failure(error)
            self._answers.append((question, answer))
            self._bell.ring()

    def _deliver(self) -> None:
        while self._answers:
            (topic, number, _, then), answer = self._answers.popleft()
            if not self._ended and number == self._newest.get(topic):
                then(answer)


class ThreadRun(QObject):
    """A long run on a thread of its own. `told` emits each event but the last; `over` always emits the last one.

    The program waits for it at exit unless it is `idle`, which leaves nothing undone.
    """

    told = Signal(object)
    over = Signal(object)

    def __init__(
        self,
        make: Callable[[Callable[[], bool]], Iterator[Any]],
        last: Callable[[Exception | None], Any],
        name: str,
        parent: QObject | None = None,
        *,
        idle: bool = False,
    ) -> None:
        """`last` makes the final event if the run yields none: from the exception, or from None."""
        super().__init__(parent)
        self._make, self._make_last = make, last
        self._kind = type(last(None))
        self._cancel = threading.Event()
        self._events: deque[Any] = deque()
        self._bell = Bell(self._deliver, self)
        self._thread = threading.Thread(target=self._work, name=name, daemon=idle)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to stop at the next safe point; may be called at any time."""
        self._cancel.set()

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancel.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for its thread to end; False if it has not within that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        last, error = None, None
        try:
            for event in self._make(self._cancel.is_set):
                if isinstance(event, self._kind):
                    last = event
                else:
                    self._tell(event)
        except FAILURES as raised:
            error = raised
        finally:
            self._tell(self._make_last(error) if last is None or error is not None else last)

    def _tell(self, event: Any) -> None:
        self._events.append(event)
        self._bell.ring()

    def _deliver(self) -> None:
        while self._events:
            event = self._events.popleft()
            (self.over if isinstance(event, self._kind) else self.told).emit(event)


class WatchLike(Protocol):
    """The watch on the engines. No call may block."""

    def start(self, publish: Callable[[Snapshot], None]) -> None:
        """Begin; `publish` is called on any thread."""

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """Read one container, or all, again soon."""

    def focus(self, key: tuple[str, str] | None) -> None:
        """Set the container in view: its current usage is read repeatedly."""

    def pace(self, seconds: float) -> None:
        """Set the interval of those readings."""

    def elevate(self) -> None:
        """Request what only root can read; each snapshot's `privilege` says how it goes."""

    def stop(self) -> None:
        """End the threads."""


class SettingsLike(Protocol):
    """Small texts kept between runs; both calls answer from memory.

    `trouble`: what was wrong with the stored file; `unkept`: why the last change could not be stored.
    """

    trouble: Message | None
    unkept: Message | None

    def get(self, key: str) -> str | None:
        """Return the text stored under `key`."""

    def set(self, key: str, value: str) -> None:
        """Store `value`; never raises."""


class MemorySettings:
    """Settings kept in memory only."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self.trouble: Message | None = None
        self.unkept: Message | None = None

    def get(self, key: str) -> str | None:
        return self._kept.get(key)

    def set(self, key: str, value: str) -> None:
        self._kept[key] = value


class Feed(QObject):
    """Emits `snapshot` on the window's thread, whichever thread published it; older ones are skipped."""

    snapshot = Signal(object)

    def __init__(self, watch: WatchLike) -> None:
        super().__init__()
        self._watch = watch
        self._newest: Snapshot | None = None
        self._begun = False
        self._bell = Bell(self._deliver, self)

    def start(self) -> None:
        """Begin, unless it has begun. Snapshots wait until the window's thread handles events."""
        if not self._begun:
            self._begun = True
            self._watch.start(self.publish)

    def stop(self) -> None:
        self._watch.stop()

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        self._watch.refresh(key)

    def focus(self, key: tuple[str, str] | None) -> None:
        self._watch.focus(key)

    def pace(self, seconds: float) -> None:
        self._watch.pace(seconds)

    def elevate(self) -> None:
        self._watch.elevate()

    def publish(self, snapshot: Snapshot) -> None:
        """Publish a snapshot; called on any thread. A burst costs one delivery."""
        self._newest = snapshot
        self._bell.ring()

    def _deliver(self) -> None:
        if self._newest is not None:
            self.snapshot.emit(self._newest)
