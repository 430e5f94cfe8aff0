"""Between the window and the recording and reading of the history, none of which runs on the window's thread.

Both are created on a background thread when the first snapshot of this machine's containers comes; requests wait in the
same lane until then. The sparklines of the list are requested together, and rarely.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, partial

from PySide6.QtCore import QObject, Signal

from stratascope.core.history.entry import HistoryError, Subject
from stratascope.core.history.fold import Past
from stratascope.core.history.machine import Moved
from stratascope.core.message import Message
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.state.running_service import Running, running
from stratascope.ui.containers import row_paint
from stratascope.ui.kit.background import Bell, Failure, QueryRunner, later
from stratascope.usecases.history.history import History, Point
from stratascope.usecases.history.recorder import Recorder
from stratascope.value import Value

GATHER = 1000  # ms between a write and the page's next request
Made = tuple[History, Recorder]
MakeHistory = Callable[[], Made]


class HistoryAnswer(Value):
    """The answer to a request. `trouble`: why the history cannot be read, or is not being recorded; `service`: the
    background service, if it runs.
    """

    past: Past | None = None
    trouble: Message | None = None
    recording: bool = False
    service: Running | None = None


class MovedAnswer(Value):
    """What changed over all containers since a moment. `began`: since when this machine is recorded; None: not yet.
    `trouble`: why the history cannot be read, or is not being recorded.
    """

    rows: tuple[Moved, ...] = ()
    began: float | None = None
    trouble: Message | None = None
    recording: bool = False


Then = Callable[[HistoryAnswer], None]


class HistoryFeed(QObject):
    """The history's requests. `wrote`: more is known now. Without `make` there is no history at all."""

    wrote = Signal()

    def __init__(self, make: MakeHistory | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make, self._made = make, threading.Event()
        self._both: Made | None = None
        self._begun = False
        self._newest: Snapshot | None = None
        self._queries = QueryRunner(self)
        self._later = later(self, GATHER, self.wrote)
        self._bell = Bell(self._gather, self)

    @property
    def able(self) -> bool:
        """Whether there is a history at all."""
        return self._make is not None

    def see(self, snapshot: Snapshot) -> None:
        """Record what is new in a snapshot."""
        if self._make is None or snapshot.demo:
            return
        self._newest = snapshot
        if self._both is not None:
            self._both[1].see(snapshot)
        self._start()

    def ask(self, topic: str, subject: Subject, since: float, until: float | None, then: Then) -> None:
        """Request a span of the history; `then` gets it on the window's thread, unless a newer request of that topic
        came.
        """
        self._start()
        asking = partial(self._answer, subject, since, until)
        self._queries.ask(topic, asking, lambda found: then(_known(found)), "history")

    def ask_lines(self, since: float, then: Callable[[dict[Subject, tuple[Point, ...]]], None]) -> None:
        """Request the steps of the exposure of all containers since that moment, for sparklines, in one query; none if
        there is no history, or it cannot be read.
        """
        self._start()
        self._queries.ask("history lines", partial(self._lines, since), lambda found: then(_lines_of(found)), "history")

    def ask_moved(self, topic: str, since: float, then: Callable[[MovedAnswer], None]) -> None:
        """Request what changed over all containers since that moment, likewise."""
        self._start()
        self._queries.ask(topic, partial(self._moved, since), lambda found: then(_moved_of(found)), "history")

    def _start(self) -> None:
        if self._make is not None and not self._begun:
            self._begun = True
            self._queries.ask("make", partial(self._begin, self._make), lambda _: None, "history")

    def stop(self) -> None:
        """Write what is left and stop reporting. May be called twice."""
        self._later.stop()
        if self._begun and self._make is not None:
            self._made.wait(2.0)
        self._queries.end()
        both, self._both, self._make = self._both, None, None
        if both is not None:
            both[1].close()

    # -- on background threads

    def _begin(self, make: MakeHistory) -> None:
        try:
            both = make()
            both[1].wrote = self._bell.ring
            both[1].start()
            if self._newest is not None:
                both[1].see(self._newest)
            self._both = both
        finally:
            self._made.set()

    def _answer(self, subject: Subject, since: float, until: float | None) -> HistoryAnswer:
        _load_graphs()
        if self._both is None:
            return HistoryAnswer()
        history, recorder = self._both
        try:
            past = history.of(subject, since, until)
            return HistoryAnswer(past, recorder.trouble, recorder.recording, running())
        except HistoryError as error:
            return HistoryAnswer(None, error.message)

    def _moved(self, since: float) -> MovedAnswer:
        if self._both is None:
            return MovedAnswer()
        history, recorder = self._both
        try:
            return MovedAnswer(history.moved(since), history.began(), recorder.trouble, recorder.recording)
        except HistoryError as error:
            return MovedAnswer(trouble=error.message)

    def _lines(self, since: float) -> dict[Subject, tuple[Point, ...]]:
        if self._both is None:
            return {}
        try:
            return self._both[0].lines(since)
        except HistoryError:
            return {}

    def _gather(self) -> None:
        if not self._later.isActive():
            self._later.start()


@cache
def _load_graphs() -> None:
    """Import pyqtgraph off the window's thread, since it takes a moment; the chart is made after the first answer."""
    importlib.import_module("stratascope.ui.history.chart")


def _lines_of(found: dict[Subject, tuple[Point, ...]] | Failure) -> dict[Subject, tuple[Point, ...]]:
    return {} if isinstance(found, Failure) else found


def _moved_of(found: MovedAnswer | Failure) -> MovedAnswer:
    return found if isinstance(found, MovedAnswer) else MovedAnswer(trouble=found.message)


def _known(found: HistoryAnswer | Failure) -> HistoryAnswer:
    return found if isinstance(found, HistoryAnswer) else HistoryAnswer(None, found.message)


AGAIN = 60_000  # ms between two requests
_DAY, _LEAST = 86400.0, 3600.0  # seconds


class ExposureLines(QObject):
    """The steps of each container's exposure; calls `changed` when there is more to draw."""

    def __init__(self, history_feed: HistoryFeed, changed: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history_feed, self._changed = history_feed, changed
        self._known: dict[Subject, tuple[Point, ...]] = {}
        self._later = later(self, AGAIN, self._ask)
        self._asked = False
        history_feed.wrote.connect(self._news)

    def of(self, state: ContainerState) -> Sequence[row_paint.Step]:
        """Return its steps; none if too little is known."""
        points = self._known.get(Subject(state.container.engine, state.container.recorded_as), ())
        now = time.time()
        if not points or now - points[0].at < _LEAST:
            return ()
        return [(max(0.0, now - point.at) / _DAY, point.worst) for point in points if point.worst is not None]

    def _news(self) -> None:
        if not self._asked:
            self._asked = True
            self._ask()
        elif not self._later.isActive():
            self._later.start()

    def _ask(self) -> None:
        self._history_feed.ask_lines(time.time() - row_paint.DAYS * _DAY, self._take)

    def _take(self, found: dict[Subject, tuple[Point, ...]]) -> None:
        if found != self._known:
            self._known = found
            self._changed()
