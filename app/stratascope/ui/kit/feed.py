"""From the watching threads to the window: a snapshot is handed over by a queued signal, and only there.

The window knows the watch and the settings by these protocols alone. Decided against letting widgets call the
watch: one place decides what runs on which thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal, Slot

from stratascope.core.message import Message
from stratascope.core.snapshot import Snapshot


class WatchLike(Protocol):
    """What follows the engines. None of these calls may block."""

    def start(self, publish: Callable[[Snapshot], None]) -> None:
        """Begin; `publish` is called from any thread."""

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """Read one container, or all, again soon."""

    def focus(self, key: tuple[str, str] | None) -> None:
        """The container that is looked at: its present use is read again and again."""

    def pace(self, seconds: float) -> None:
        """How often that is done."""

    def elevate(self) -> None:
        """Ask for what only root can read; each snapshot's `privilege` tells how it goes."""

    def stop(self) -> None:
        """End the threads."""


class SettingsLike(Protocol):
    """Small texts remembered between runs; both calls answer from memory.

    `trouble`: what was wrong with them as they were found; `unkept`: why the last change could not be kept.
    """

    trouble: Message | None
    unkept: Message | None

    def get(self, key: str) -> str | None:
        """The text kept under `key`."""

    def set(self, key: str, value: str) -> None:
        """Keep `value`; never raises."""


class MemorySettings:
    """Settings that live as long as the program."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self.trouble: Message | None = None
        self.unkept: Message | None = None

    def get(self, key: str) -> str | None:
        return self._kept.get(key)

    def set(self, key: str, value: str) -> None:
        self._kept[key] = value


class Feed(QObject):
    """Emits `snapshot` on the window's thread, whatever thread published it; the newest wins."""

    snapshot = Signal(object)
    _arrived = Signal()

    def __init__(self, watch: WatchLike) -> None:
        super().__init__()
        self._watch = watch
        self._newest: Snapshot | None = None
        self._begun = False
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Begin, if it has not begun. What comes before the window's thread handles events waits for that."""
        if not self._begun:
            self._begun = True
            self._watch.start(self.publish)

    def stop(self) -> None:
        self._watch.stop()

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        self._watch.refresh(key)

    def focus(self, key: tuple[str, str] | None) -> None:
        self._watch.focus(key)

    def pace(self, seconds: float) -> None:
        self._watch.pace(seconds)

    def elevate(self) -> None:
        self._watch.elevate()

    def publish(self, snapshot: Snapshot) -> None:
        """Called from any thread. Storing a reference is atomic; a burst costs one delivery."""
        pending = self._newest is not None
        self._newest = snapshot
        if not pending:
            self._arrived.emit()

    @Slot()
    def _deliver(self) -> None:
        newest, self._newest = self._newest, None
        if newest is not None:
            self.snapshot.emit(newest)
