"""A store of captures in memory: which were shown, and which were saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stratascope.core.snapshot import MachineCapture
from stratascope.state import capture_file
from stratascope.wiring import views
from stratascope.wiring.engines import demo_capture


class CaptureStore:
    """Replaces the files."""

    def __init__(self) -> None:
        self.shown: list[Path] = []
        self.saved: list[tuple[Path, bool]] = []
        self.held: MachineCapture | None = demo_capture()

    def capture(self) -> MachineCapture | None:
        return self.held

    def save(self, capture: MachineCapture, path: Path, *, labels: bool) -> None:
        self.saved.append((path, labels))
        views.save(capture, path, labels=labels)

    def check(self, path: Path) -> None:
        capture_file.load(path)

    def show(self, paths: Sequence[Path]) -> None:
        self.shown += paths
