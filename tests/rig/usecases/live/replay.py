"""A capture in place of the live view, with the members of `Watch`: for pictures of the window, and tests of it."""

from __future__ import annotations

from collections.abc import Callable

from stratascope.core.snapshot import MachineCapture, Snapshot
from stratascope.usecases.live.assembler import Assembler


class Replay:
    """A capture in place of the live view: one snapshot, and nothing changes."""

    def __init__(self, capture: MachineCapture, assembler: Assembler, *, demo: bool = True) -> None:
        self._capture = capture
        self._assembler = assembler
        self._demo = demo

    def start(self, publish: Callable[[Snapshot], None]) -> None:
        publish(self._assembler.snapshot(self._capture, demo=self._demo))

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """Nothing to read again."""

    def pace(self, seconds: float) -> None:
        """The same."""

    def focus(self, key: tuple[str, str] | None) -> None:
        """Nothing to look at more closely."""

    def elevate(self) -> None:
        """Nothing to read as root."""

    def capture(self) -> MachineCapture | None:
        return self._capture

    def stop(self) -> None:
        """Nothing runs."""
