"""Work off the window's thread, and the one way back to it: a bell that any thread rings and the window's hears.

Questions one after the other of each engine, a long run with its events, and the watch's snapshots. Decided against
QThread and Qt's thread pool: what works here knows no Qt; and against letting widgets call the watch: one place decides
what runs on which thread.
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
_Question = tuple[str, int, Asking, Callable[[Any], object]]  # topic, its number, what is asked, who gets the answer
FAILURES = (EngineError, NoSuchContainerError, ProbeError, ToggleError, JournalError, BusyError, OSError)


def reason(error: Exception) -> tuple[Message, str]:
    """Why it failed as a sentence, and the other side's own words."""
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
    """A timer that, once started, does it after so many ms; started again before that, it waits anew."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(wait)
    timer.timeout.connect(call)
    return timer


class Failure:
    """What a question came to when it came to nothing."""

    def __init__(self, error: Exception) -> None:
        self.message, self.words = reason(error)


class Bell(QObject):
    """Rung on any thread, heard on the window's, once for all that rang until then."""

    _rung = Signal()

    def __init__(self, heard: Callable[[], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heard, self._pending = heard, False
        self._rung.connect(self._hear, Qt.ConnectionType.QueuedConnection)

    def ring(self) -> None:
        """Put down first what there is to hear: storing a reference is atomic."""
        if not self._pending:
            self._pending = True
            with suppress(RuntimeError):  # the window was closed meanwhile, and Qt's half of this is gone with it
                self._rung.emit()

    @Slot()
    def _hear(self) -> None:
        self._pending = False  # first: what comes from now on rings again
        self._heard()


class QueryRunner(QObject):
    """Asks on threads of its own; of questions with the same `topic` only the newest.

    Those of one lane are asked one after the other, and no lane waits for another: an engine that is slow to answer
    holds up what it is asked itself.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes: dict[tuple[str, str], queue.SimpleQueue[_Question | None]] = {}
        self._newest: dict[str, int] = {}
        self._answers: deque[tuple[_Question, Any]] = deque()
        self._bell = Bell(self._deliver, self)
        self._ended = False

    def ask(self, topic: str, asking: Asking, then: Callable[[Any], object], lane: str = "") -> None:
        """`then` gets the answer, or a Failure, on the window's thread; nothing where a newer question came.

        `lane`: the id of the engine that is asked; empty where it is no single one: then the topic has its own.
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
        """Its answer is not wanted any more."""
        self._newest[topic] = self._newest.get(topic, 0) + 1

    def end(self) -> None:
        """No more answers; may be called twice."""
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
            self._answers.append((question, answer))
            self._bell.ring()

    def _deliver(self) -> None:
        while self._answers:
            (topic, number, _, then), answer = self._answers.popleft()
            if not self._ended and number == self._newest.get(topic):
                then(answer)


class ThreadRun(QObject):
    """Something long on a thread of its own. `told` has each event but the last; `over` has that one, always.

    The program does not end before it has ended, unless that is `idle`: then nothing is left undone.
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
        """`last` makes the last event where there is none: of what was raised, or of nothing."""
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
        """Stop at the next safe place; may be called at any time."""
        self._cancel.set()

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancel.is_set()

    def wait(self, seconds: float) -> bool:
        """Until its thread has ended; False where it has not in that time."""
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
    """What follows the engines. None of these calls may block."""

    def start(self, publish: Callable[[Snapshot], None]) -> None:
        """Begin; `publish` is called from any thread."""

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """Read one container, or all, again soon."""

    def focus(self, key: tuple[str, str] | None) -> None:
        """The container that is looked at: its present use is read again and again."""

    def pace(self, seconds: float) -> None:
        """How often that is done."""

    def elevate(self) -> None:
        """Ask for what only root can read; each snapshot's `privilege` tells how it goes."""

    def stop(self) -> None:
        """End the threads."""


class SettingsLike(Protocol):
    """Small texts remembered between runs; both calls answer from memory.

    `trouble`: what was wrong with them as they were found; `unkept`: why the last change could not be kept.
    """

    trouble: Message | None
    unkept: Message | None

    def get(self, key: str) -> str | None:
        """The text kept under `key`."""

    def set(self, key: str, value: str) -> None:
        """Keep `value`; never raises."""


class MemorySettings:
    """Settings that live as long as the program."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self.trouble: Message | None = None
        self.unkept: Message | None = None

    def get(self, key: str) -> str | None:
        return self._kept.get(key)

    def set(self, key: str, value: str) -> None:
        self._kept[key] = value


class Feed(QObject):
    """Emits `snapshot` on the window's thread, whatever thread published it; the newest wins."""

    snapshot = Signal(object)

    def __init__(self, watch: WatchLike) -> None:
        super().__init__()
        self._watch = watch
        self._newest: Snapshot | None = None
        self._begun = False
        self._bell = Bell(self._deliver, self)

    def start(self) -> None:
        """Begin, if it has not begun. What comes before the window's thread handles events waits for that."""
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
        """Called from any thread; a burst costs one delivery."""
        self._newest = snapshot
        self._bell.ring()

    def _deliver(self) -> None:
        if self._newest is not None:
            self.snapshot.emit(self._newest)
