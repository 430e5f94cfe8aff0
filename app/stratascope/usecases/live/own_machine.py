"""This machine's facts: read once, again on request, and retried while unreadable; its mounts are read more often."""

from __future__ import annotations

import threading
import time

from stratascope.core.capture import Capture, whole_gap
from stratascope.core.ground import Ground, decode_ground, with_mounts_of
from stratascope.usecases.live.reader import Reader

AGAIN = 5.0  # seconds until an unreadable machine is tried again


class OwnMachine:
    """Thread-safe."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._host: Capture | None = None
        self._ground: Ground | None = None
        self._asked = False  # whether to read it again
        self._due = 0.0  # when to retry after a failure

    def forget(self) -> None:
        """Read everything again next time."""
        self._asked = True  # without the lock: a reading may be in progress

    def read_mounts(self) -> None:
        """Read its mounts again, since a container has started."""
        with self._lock:
            if self._host is None:
                return
            host = with_mounts_of(self._host, self._reader.host())
            if host is not self._host:
                self._host, self._ground = host, decode_ground(host)

    def facts(self) -> tuple[Capture, Ground]:
        """Its raw text, and the decoded form."""
        with self._lock:  # other threads wait for the one that reads
            now = time.monotonic()
            failed = self._host is not None and whole_gap(self._host) is not None
            if self._host is None or self._ground is None or self._asked or (failed and now >= self._due):
                self._asked = False  # cleared first: a request during the reading asks for another one
                self._host = self._reader.host()
                self._ground = decode_ground(self._host)
                self._due = now + AGAIN
            return self._host, self._ground
