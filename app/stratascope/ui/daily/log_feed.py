"""A container's log on its way to the window: read on a thread, handed over in portions, bounded whatever comes.

A container that prints faster than a window can show loses its older lines, and it is told how many. Where the
container ends and starts again, it is read on from where it was.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer, Signal

from stratascope.core.ports import LogLine, LogStream
from stratascope.ui.kit.background import Failure, ThreadRun
from stratascope.usecases.daily.log_text import plain_line
from stratascope.value import Value

LINES = 5000  # that are kept, and asked for at the beginning
PORTION, PACE = 500, 100  # lines at a time, and ms between two portions

Read = Callable[[int, str], LogStream]  # the last so many lines, from that moment on


class _End(Value):
    """Of what was there to be read."""

    failure: Failure | None = None


def _end(error: Exception | None) -> _End:
    return _End() if error is None else _End(Failure(error))


class LogFeed(QObject):
    """`came`: some lines as plain text, and how many were left out before them. `ended`: None, or a Failure."""

    came = Signal(list, int)
    ended = Signal(object)

    def __init__(self, read: Read, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read = read
        self._waiting: deque[str] = deque(maxlen=LINES)
        self._lock = threading.Lock()
        self._dropped = 0
        self._last: tuple[str, list[str]] = "", []  # the newest moment, and what was printed in it
        self._stream: LogStream | None = None
        self._run: ThreadRun | None = None
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setInterval(PACE)
        self._timer.timeout.connect(self._hand_over)

    @property
    def reading(self) -> bool:
        """Whether more may come."""
        return self._run is not None

    def start(self) -> None:
        """From the beginning, or from where it ended before. Nothing where it is being read."""
        if self._run is None and not self._closed:
            self._run = ThreadRun(self._work, _end, "log", self, idle=True)
            self._run.over.connect(self._tell_over)
            self._timer.start()
            self._run.start()

    def stop(self) -> None:
        """For good."""
        self._closed = True
        self._timer.stop()
        stream = self._stream
        if stream is not None:
            stream.close()

    def _work(self, _: Callable[[], bool]) -> Iterator[_End]:
        moment, seen = self._last
        seen = list(seen)
        stream = self._stream = self._read(LINES, moment)
        if self._closed:
            stream.close()
        for line in stream:
            if seen and line.moment == moment and line.text in seen:
                seen.remove(line.text)  # told before: engines give all of the moment that is asked for
                continue
            self._take(line)
        yield _End()

    def _take(self, line: LogLine) -> None:
        moment, texts = self._last
        if line.moment != moment:
            self._last = line.moment, [line.text]
        elif len(texts) < LINES:
            texts.append(line.text)
        text = plain_line(line.text)
        with self._lock:
            self._dropped += len(self._waiting) == LINES
            self._waiting.append(text)

    def _hand_over(self) -> None:
        with self._lock:
            lines = [self._waiting.popleft() for _ in range(min(PORTION, len(self._waiting)))]
            dropped, self._dropped = self._dropped, 0
        if lines:
            self.came.emit(lines, dropped)
        elif self._run is None:
            self._timer.stop()

    def _tell_over(self, end: _End) -> None:
        if not self._closed:
            self._run = None
            while self._waiting:
                self._hand_over()
            self.ended.emit(end.failure)
