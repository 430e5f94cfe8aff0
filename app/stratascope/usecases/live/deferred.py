"""A live view that is still being created: finding engines and loading their SDKs must not delay the first picture.

If that fails, the snapshot says why, and `refresh` tries again, so that a window does not wait for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from stratascope.core.ground import UNREAD
from stratascope.core.machine_capture import MachineCapture
from stratascope.core.message import Message, msg
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import Snapshot
from stratascope.fault_log import fault_logger
from stratascope.usecases.live.live_view import LiveView, Publish

logger = fault_logger(__name__)


class DeferredLiveView:
    """Creates the real one on a thread of its own and forwards everything to it."""

    def __init__(self, make: Callable[[], tuple[LiveView, Callable[[], None]]]) -> None:
        """`make` returns the view and a function that releases its resources; it may take seconds."""
        self._make = make
        self._lock = threading.Lock()
        self._watch: LiveView | None = None
        self._give_back: Callable[[], None] = _nothing
        self._focus: tuple[str, str] | None = None
        self._pace: float | None = None
        self._ended = False
        self._publish: Publish | None = None
        self._thread: threading.Thread | None = None

    def start(self, publish: Publish) -> None:
        """Start; returns at once."""

        def run() -> None:
            try:
                watch, give_back = self._make()
            except ProbeError as error:
                self._failed(publish, error.message)
                return
            except Exception as error:  # even after a bug of ours, the window must not wait for ever
                logger.exception("engines can't be looked for")
                why = str(error) or type(error).__name__
                self._failed(publish, msg("This is a bug in this program ({why}).", why=why))
                return
            with self._lock:
                if not self._ended:
                    self._watch, self._give_back = watch, give_back
                    watch.focus(self._focus)
                    if self._pace is not None:
                        watch.pace(self._pace)
                    watch.start(publish)
                    return
            give_back()

        self._publish = publish
        self._thread = threading.Thread(target=run, name="find engines", daemon=True)
        self._thread.start()

    def _failed(self, publish: Publish, why: Message) -> None:
        with self._lock:
            self._thread = None
            if not self._ended:
                publish(Snapshot(time.time(), UNREAD, (), (), unsought=why))

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """See `LiveView`; if creating it failed, try again."""
        if self._watch is not None:
            self._watch.refresh(key)
        elif self._thread is None and self._publish is not None:
            self.start(self._publish)

    def focus(self, key: tuple[str, str] | None) -> None:
        """See LiveView."""
        self._focus = key
        if self._watch is not None:
            self._watch.focus(key)

    def pace(self, seconds: float) -> None:
        """See LiveView."""
        self._pace = seconds
        if self._watch is not None:
            self._watch.pace(seconds)

    def elevate(self) -> None:
        """See LiveView."""
        if self._watch is not None:
            self._watch.elevate()

    def capture(self) -> MachineCapture | None:
        """See LiveView."""
        return None if self._watch is None else self._watch.capture()

    def stop(self) -> None:
        """End everything; returns after a few seconds at most."""
        with self._lock:
            self._ended = True
            watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        self._give_back()


def _nothing() -> None:
    return None
