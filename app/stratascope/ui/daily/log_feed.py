"""A container's log on its way to the window: read on a thread, handed over in portions, bounded whatever comes.

A container that prints faster than a window can show loses its older lines, and it is told how many. Where the
container ends and starts again, it is read on from where it was.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from stratascope.core.ports import LogLine, LogStream
from stratascope.ui.harden.worker import FAILURES, Failure
from stratascope.usecases.daily.log_text import plain_line

LINES = 5000  # that are kept, and asked for at the beginning
PORTION, PACE = 500, 100  # lines at a time, and ms between two portions

Read = Callable[[int, str], LogStream]  # the last so many lines, from that moment on


class LogFeed(QObject):
    """`came`: some lines as plain text, and how many were left out before them. `ended`: None, or a Failure."""

    came = Signal(list, int)
    ended = Signal(object)
    _over = Signal(object, object)

    def __init__(self, read: Read, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read = read
        self._waiting: deque[str] = deque(maxlen=LINES)
        self._lock = threading.Lock()
        self._dropped = 0
        self._last: tuple[str, list[str]] = "", []  # the newest moment, and what was printed in it
        self._stream: LogStream | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._over.connect(self._tell_over, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setInterval(PACE)
        self._timer.timeout.connect(self._hand_over)

    @property
    def reading(self) -> bool:
        """Whether more may come."""
        return self._thread is not None

    def start(self) -> None:
        """From the beginning, or from where it ended before. Nothing where it is being read."""
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="log", daemon=True)
            self._timer.start()
            self._thread.start()

    def stop(self) -> None:
        """For good."""
        self._closed = True
        self._timer.stop()
        stream = self._stream
        if stream is not None:
            stream.close()

    def _work(self) -> None:
        failure: Failure | None = None
        try:
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
        except FAILURES as error:
            failure = Failure(error)
        with suppress(RuntimeError):  # the window was closed meanwhile, and Qt's half of this is gone with it
            self._over.emit(failure, threading.current_thread())

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

    @Slot()
    def _hand_over(self) -> None:
        with self._lock:
            lines = [self._waiting.popleft() for _ in range(min(PORTION, len(self._waiting)))]
            dropped, self._dropped = self._dropped, 0
        if lines:
            self.came.emit(lines, dropped)
        elif self._thread is None:
            self._timer.stop()

    @Slot(object, object)
    def _tell_over(self, failure: Failure | None, thread: object) -> None:
        if thread is self._thread and not self._closed:
            self._thread = None
            while self._waiting:
                self._hand_over()
            self.ended.emit(failure)
