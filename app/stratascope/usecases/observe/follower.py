"""An observer's stream, followed on a thread of its own: what was seen so far, and what was refused.

Whoever watches a container (the window, a command, a trial on twins, what comes after a relaunch) has one of these.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

from stratascope.core.observation.fold import Fold
from stratascope.core.observation.observation import Observation, Stream
from stratascope.core.ports import ProbeError
from stratascope.core.refusals.ring import RefusalEntry, RefusalRing
from stratascope.linux.capability import CapabilitySet
from stratascope.value import Value, replace

_END = 10.0  # seconds in which its last events have come


class RefusalLog(Value):
    """What a container was refused while it was watched; `forgotten`: kinds that are not remembered any more."""

    entries: tuple[RefusalEntry, ...] = ()
    forgotten: int = 0


def _nobody() -> None:
    pass


class Follower:
    """May be asked from any thread."""

    def __init__(
        self,
        stream: Stream,
        held: CapabilitySet | None = None,
        changed: Callable[[], None] = _nobody,
        over: Callable[[], None] = _nobody,
    ) -> None:
        """`held`: the container's bounding set, if known. `changed`, `over`: called by the thread that follows, after
        each event and at the end.
        """
        self.trouble: ProbeError | None = None  # why it ended before its time
        self._stream, self._changed, self._over = stream, changed, over
        self._fold, self._ring = Fold(held), RefusalRing()
        self._lock = threading.Lock()  # of both
        self._came = threading.Event()  # the first event, or the end
        self._latest = 0.0  # by the monotonic clock, when the last event came; 0.0: there is none that may follow
        self._attached = False
        self._thread = threading.Thread(target=self._follow, name="observe", daemon=True)

    def start(self) -> Self:
        """Follow it."""
        self._thread.start()
        return self

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def attached(self, seconds: float) -> bool:
        """Whether the observer is attached, at the latest after so many seconds."""
        return self._came.wait(seconds) and self._attached

    def wait(self, seconds: float) -> bool:
        """Whether it is over, at the latest after so many seconds."""
        self._thread.join(seconds)
        return not self.alive

    def end(self, seconds: float = _END) -> bool:
        """No more of it. Whether its last events have come within so many seconds."""
        self._stream.close()
        return self.wait(seconds)

    def seen(self) -> Observation:
        """With the time since the last event, as long as there may be more: it was watched then, too."""
        with self._lock:
            found = self._fold.observation()
            quiet = time.monotonic() - self._latest if self._latest else 0.0
        return replace(found, seen=replace(found.seen, seconds=found.seen.seconds + quiet)) if quiet else found

    def refused(self) -> RefusalLog:
        """So far."""
        with self._lock:
            return RefusalLog(self._ring.entries(), self._ring.forgotten)

    def _follow(self) -> None:
        try:
            for event in self._stream:
                with self._lock:
                    self._ring.feed(event, self._fold.program_of(getattr(event, "pid", 0)))
                    self._fold.feed(event)
                    self._latest = time.monotonic()
                self._attached = True
                self._came.set()
                self._changed()
        except ProbeError as error:
            self.trouble = error
        with self._lock:
            self._latest = 0.0
        self._came.set()
        self._over()
