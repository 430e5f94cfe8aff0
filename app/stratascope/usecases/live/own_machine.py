"""This machine's facts: read once, again on request, and later where they were not readable; its mounts more often."""

from __future__ import annotations

import threading
import time

from stratascope.core.capture import Capture, whole_gap
from stratascope.core.ground import Ground, decode_ground, with_mounts_of
from stratascope.usecases.live.reader import Reader

AGAIN = 5.0  # seconds until a machine that could not be read is tried again


class OwnMachine:
    """May be asked from several threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._host: Capture | None = None
        self._ground: Ground | None = None
        self._asked = False  # whether it is to be read again
        self._due = 0.0  # when to try again, where it could not be read

    def forget(self) -> None:
        """Read it again the next time."""
        self._asked = True  # not under the lock: it may be in the midst of being read

    def read_mounts(self) -> None:
        """Read what it has mounted again: a container has started."""
        with self._lock:
            if self._host is None:
                return
            host = with_mounts_of(self._host, self._reader.host())
            if host is not self._host:
                self._host, self._ground = host, decode_ground(host)

    def facts(self) -> tuple[Capture, Ground]:
        """Its raw text, and that decoded."""
        with self._lock:  # the others wait for the one that reads
            now = time.monotonic()
            failed = self._host is not None and whole_gap(self._host) is not None
            if self._host is None or self._ground is None or self._asked or (failed and now >= self._due):
                self._asked = False  # before it is read: what is asked from now on is another reading
                self._host = self._reader.host()
                self._ground = decode_ground(self._host)
                self._due = now + AGAIN
            return self._host, self._ground
