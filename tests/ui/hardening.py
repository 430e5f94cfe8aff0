"""The window with hardening, for tests: its parts, and the demo's containers as if they were of this machine."""

from __future__ import annotations

from functools import cache

from stratascope.core.container import EngineState
from stratascope.core.snapshot import Snapshot
from stratascope.ui.harden.docking import HardenDock
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_record
from usecases.live.replay import Replay


@cache
def picture() -> Snapshot:
    """The demo's containers, as if they were of this machine."""
    record = demo_record()
    record = replace(record, engines=tuple(replace(each, state=EngineState.CONNECTED) for each in record.engines))
    found: list[Snapshot] = []
    Replay(record, assembler(), demo=False).start(found.append)
    return found[0]


def side_of(window: MainWindow) -> RelaunchController:
    """The right side of the window: column, dialogs, runs."""
    assert window.hardening is not None
    return window.hardening


def dock_of(window: MainWindow) -> HardenDock:
    """Where the column stands."""
    assert window.window_layout.dock is not None
    return window.window_layout.dock
