"""Captures for a window without a machine behind it: what was shown, and what was saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stratascope.core.record import Record
from stratascope.state import record as records
from stratascope.wiring import captures
from stratascope.wiring.engines import demo_record


class CaptureStore:
    """What a window is given instead of files."""

    def __init__(self) -> None:
        self.shown: list[Path] = []
        self.saved: list[tuple[Path, bool]] = []
        self.held: Record | None = demo_record()

    def record(self) -> Record | None:
        return self.held

    def save(self, record: Record, path: Path, *, labels: bool) -> None:
        self.saved.append((path, labels))
        captures.save(record, path, labels=labels)

    def check(self, path: Path) -> None:
        records.load(path)

    def show(self, paths: Sequence[Path]) -> None:
        self.shown += paths
