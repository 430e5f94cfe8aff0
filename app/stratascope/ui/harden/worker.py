"""Engine work off the window's thread: questions one after the other of each engine, and a relaunch told step by step.

As in the feed, a plain thread hands over by a queued signal, and only there. A run's thread is no daemon: the program
does not end before the engine is as it should be.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.core.relaunch.transaction import BusyError, Ended, Ending, JournalError
from stratascope.usecases.relaunch.carry_out import Event

Asking = Callable[[], Any]
_Question = tuple[str, int, Asking, Callable[[Any], None]]  # topic, its number, what is asked, who gets the answer
FAILURES = (EngineError, NoSuchContainerError, ProbeError, ToggleError, JournalError, BusyError, OSError)


def reason(error: Exception) -> tuple[Message, str]:
    """Why it failed as a sentence, and the other side's own words."""
    match error:
        case EngineError() | ProbeError():
            return error.message, error.words
        case ToggleError():
            return error.message, ""
        case NoSuchContainerError():
            return msg("The engine no longer knows this container."), ""
        case JournalError():
            return msg("The journal can't be written, and without it there would be no way back."), error.words
        case BusyError():
            return error.message, ""
    return msg("It could not be done."), str(error)


class Failure:
    """What a question came to when it came to nothing."""

    def __init__(self, error: Exception) -> None:
        self.message, self.words = reason(error)


class QueryRunner(QObject):
    """Asks on threads of its own; of questions with the same `topic` only the newest.

    Those of one lane are asked one after the other, and no lane waits for another: an engine that is slow to answer
    holds up what it is asked itself.
    """

    _answered = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes: dict[tuple[str, str], queue.SimpleQueue[_Question | None]] = {}
        self._newest: dict[str, int] = {}
        self._ended = False
        self._answered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def ask(self, topic: str, asking: Asking, then: Callable[[Any], None], lane: str = "") -> None:
        """`then` gets the answer, or a Failure, on the window's thread; nothing where a newer question came.

        `lane`: the id of the engine that is asked; empty where it is no single one: then the topic has its own.
        """
        if self._ended:
            return
        number = self._newest[topic] = self._newest.get(topic, 0) + 1
        place = (lane, "" if lane else topic)
        if place not in self._lanes:
            asked = self._lanes[place] = queue.SimpleQueue()
            name = f"hardening-query {lane or topic}"
            threading.Thread(target=self._work, args=(asked,), name=name, daemon=True).start()
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
        while (item := asked.get()) is not None:
            topic, number, asking, then = item
            if self._ended or number != self._newest.get(topic):
                continue
            try:
                answer = asking()
            except FAILURES as error:
                answer = Failure(error)
            if not self._ended:
                self._answered.emit((topic, number, then), answer)

    @Slot(object, object)
    def _deliver(self, what: tuple[str, int, Callable[[Any], None]], answer: Any) -> None:
        topic, number, then = what
        if not self._ended and number == self._newest.get(topic):
            then(answer)


class ThreadRun(QObject):
    """Something long on a thread of its own. `told` has each event but the last; `over` has that one, always."""

    told = Signal(object)
    over = Signal(object)
    _event = Signal(object)
    _last = Signal()

    def __init__(
        self,
        make: Callable[[Callable[[], bool]], Iterator[Any]],
        last: Callable[[Exception | None], Any],
        name: str,
        parent: QObject | None = None,
    ) -> None:
        """`last` makes the last event where there is none: of what was raised, or of nothing."""
        super().__init__(parent)
        self._make, self._make_last = make, last
        self._kind = type(last(None))
        self._cancel = threading.Event()
        self._ended: Any = None
        self._event.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._last.connect(self._finish, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._work, name=name)

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
        try:
            for event in self._make(self._cancel.is_set):
                self._event.emit(event)
        except FAILURES as error:
            self._event.emit(self._make_last(error))
        finally:
            self._last.emit()

    @Slot(object)
    def _deliver(self, event: Any) -> None:
        if isinstance(event, self._kind):
            self._ended = event
        else:
            self.told.emit(event)

    @Slot()
    def _finish(self) -> None:
        self.over.emit(self._make_last(None) if self._ended is None else self._ended)


class RelaunchRun(ThreadRun):
    """One relaunch or undo; the last event is the `Ended`."""

    def __init__(self, make: Callable[[Callable[[], bool]], Iterator[Event]], parent: QObject | None = None) -> None:
        super().__init__(make, _ended, "relaunch", parent)


def _ended(error: Exception | None) -> Ended:
    if error is None:
        text = msg("It was interrupted without a result. What is set aside shows what remains to be done.")
        return Ended(Ending.REFUSED, None, text)
    return Ended(Ending.REFUSED, None, *reason(error))
