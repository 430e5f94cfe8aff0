"""From the watching threads to the window: a snapshot is handed over on the window's thread, and only there.

The window knows the watch and the settings by these protocols alone. Decided against letting widgets call the
watch: one place decides what runs on which thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from stratascope.core.message import Message
from stratascope.core.snapshot import Snapshot
from stratascope.ui.kit.background import Bell


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

    def __init__(self, watch: WatchLike) -> None:
        super().__init__()
        self._watch = watch
        self._newest: Snapshot | None = None
        self._begun = False
        self._bell = Bell(self._deliver, self)

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
        """Called from any thread; a burst costs one delivery."""
        self._newest = snapshot
        self._bell.ring()

    def _deliver(self) -> None:
        if self._newest is not None:
            self.snapshot.emit(self._newest)
