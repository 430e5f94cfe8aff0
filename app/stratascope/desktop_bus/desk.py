"""What the desktop is told and shown, on a thread of its own that starts with the first of it: no caller waits.

A bus that is not there, or goes away, is tried again with growing pauses if somebody has a tray to show; else with the
next notice. A notice that nobody takes is offered again for as long as it is `still` true and not old.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from stratascope.desktop_bus.connection import FAILURES, Connection
from stratascope.desktop_bus.notices import Clicked, Notice, Notices, notices
from stratascope.desktop_bus.systemd_start import start
from stratascope.desktop_bus.tray import Tray, TrayIcon

logger = logging.getLogger(__name__)
PAUSES = (5.0, 20.0, 60.0)  # seconds between attempts to reach the bus; the last one repeats
OFFERED = 30.0  # seconds between offers of a notice that nobody took
OLD = 3600.0  # seconds after which it is offered no more
_WAITING_MOST = 64
Still = Callable[[], bool]


def _never() -> bool:
    return False


class _Waiting:
    """A notice to be shown. Times are of the monotonic clock."""

    def __init__(self, notice: Notice, still: Still) -> None:
        self.notice, self.still, self.since, self.next = notice, still, time.monotonic(), 0.0


class Desk:
    """`tell`, `show` and `start` may be called from any thread; `stop` from one. `clicked` is called on ours."""

    def __init__(self, clicked: Clicked) -> None:
        self._clicked = clicked
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._link: Connection | None = None
        self._came = threading.Event()
        self._ending = False
        self._waiting: deque[_Waiting] = deque(maxlen=_WAITING_MOST)
        self._starts: deque[tuple[Sequence[str], Mapping[str, str], Callable[[], None]]] = deque(maxlen=_WAITING_MOST)
        self._tray: Tray | None = None
        self.tray_shown = False  # whether the desktop has taken the tray's icon

    def tell(self, notice: Notice, still: Still = _never) -> None:
        """Show a notice. `still`: whether to offer it again if nobody takes it; called on our thread."""
        self._waiting.append(_Waiting(notice, still))
        self._begin()

    def show(self, tray: Tray) -> None:
        """Show this in the tray from now on."""
        self._tray = tray
        self._begin()

    def start(self, command: Sequence[str], variables: Mapping[str, str], otherwise: Callable[[], None]) -> None:
        """Start a program by systemd; `otherwise` is called, on our thread, where that is impossible."""
        self._starts.append((command, variables, otherwise))
        self._begin()

    def stop(self) -> None:
        """End; returns when the thread has ended or after two seconds. May be called twice."""
        self._ending = True
        self._wake()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and not self._ending:
                self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
                self._thread.start()
                return
        self._wake()

    def _wake(self) -> None:
        self._came.set()
        with self._lock:
            if self._link is not None:
                self._link.wake()

    def _run(self) -> None:
        failures = 0
        while not self._ending:
            self._came.clear()
            began = time.monotonic()
            try:
                self._serve()
            except Exception as error:  # noqa: BLE001  # no bus, one that does not let us in, or one that talks nonsense
                logger.info("the desktop is not told: %s", error)
            self._drop()
            failures = 0 if time.monotonic() - began > PAUSES[-1] else failures + 1
            if not self._ending:
                again = self._tray is not None or bool(self._waiting)
                self._came.wait(PAUSES[min(failures, len(PAUSES)) - 1] if again and failures else None)

    def _drop(self) -> None:
        """What can't be told without a bus: give up what is not worth another try."""
        now = time.monotonic()
        for each in list(self._waiting):
            each.next = now + OFFERED
            if now - each.since > OLD or not each.still():
                self._waiting.remove(each)
        while self._starts:
            self._starts.popleft()[2]()

    def _serve(self) -> None:
        """Connect, and do all there is to do until the end. Raises one of FAILURES if the bus is gone."""
        link = Connection()
        with self._lock:
            self._link = link
        try:
            told, icon = notices(link, self._clicked), TrayIcon(link)
            while not self._ending:
                self._start_all(link)
                self._tell_all(told)
                if self._tray is not None:
                    icon.show(self._tray)
                self.tray_shown = icon.shown
                for message in link.heard(self._patience()):
                    told.hear(message)
                    icon.hear(message)
        finally:
            self.tray_shown = False
            with self._lock:
                self._link = None
                link.close()

    def _patience(self) -> float | None:
        moments = [each.next for each in self._waiting]
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _start_all(self, link: Connection) -> None:
        while self._starts:
            command, variables, otherwise = self._starts.popleft()
            try:
                start(link, command, variables)
            except FAILURES as error:
                logger.info("systemd does not start a window: %s", error)
                otherwise()

    def _tell_all(self, told: Notices) -> None:
        now = time.monotonic()
        for each in [each for each in self._waiting if each.next <= now]:
            try:
                told.show(each.notice)
            except FAILURES as error:
                logger.info("not told: %s", error)
                each.next = now + OFFERED
                if each.still() and now - each.since < OLD:
                    continue
            self._waiting.remove(each)
