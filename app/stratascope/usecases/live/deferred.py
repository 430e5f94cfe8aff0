"""A live view that is still being made: to find engines and load their SDKs must not delay the first picture."""

from __future__ import annotations

import threading
from collections.abc import Callable

from stratascope.core.record import Record
from stratascope.usecases.live.live_view import LiveView, Publish


class DeferredLiveView:
    """Makes the real one on a thread of its own and passes everything on to it."""

    def __init__(self, make: Callable[[], tuple[LiveView, Callable[[], None]]]) -> None:
        """`make` returns it, and how to give back what it stands on; it may take seconds."""
        self._make = make
        self._lock = threading.Lock()
        self._watch: LiveView | None = None
        self._give_back: Callable[[], None] = _nothing
        self._focus: tuple[str, str] | None = None
        self._pace: float | None = None
        self._ended = False
        self._thread: threading.Thread | None = None

    def start(self, publish: Publish) -> None:
        """Begin; returns at once."""

        def run() -> None:
            watch, give_back = self._make()
            with self._lock:
                if not self._ended:
                    self._watch, self._give_back = watch, give_back
                    watch.focus(self._focus)
                    if self._pace is not None:
                        watch.pace(self._pace)
                    watch.start(publish)
                    return
            give_back()

        self._thread = threading.Thread(target=run, name="find engines", daemon=True)
        self._thread.start()

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """See `LiveView`; nothing to do before it exists."""
        if self._watch is not None:
            self._watch.refresh(key)

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

    def record(self) -> Record | None:
        """See LiveView."""
        return None if self._watch is None else self._watch.record()

    def stop(self) -> None:
        """End everything; returns after a few seconds at the most."""
        with self._lock:
            self._ended = True
            watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        self._give_back()


def _nothing() -> None:
    return None
