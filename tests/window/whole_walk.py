"""The tour through the whole window, on the demo's containers as if they were of this machine."""

from __future__ import annotations

from collections.abc import Iterator

from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import picture, side_of
from rig.window.staged_hardening import StagedHardening
from stratascope.ui.app import app as ui
from window import tour
from window.all_services import all_services
from window.denied import denied_stops


def stops(qtbot: QtBot, width: int, height: int = 900) -> Iterator[tour.Stop]:
    """Yield each stop, in a window of that size."""
    staged = StagedHardening(picture().engines, picture().ground)
    window = ui.make_window(sample.StillWatch(), all_services(staged, picture()))
    denied_stops.tell_no_ends(window)
    qtbot.addWidget(window)
    window.resize(width, height)
    window.show()
    window.selection.show_snapshot(picture())
    window.activateWindow()
    try:
        tour.choose(qtbot, window, "ci-runner")
        yield from tour.views(qtbot, window)
        yield from tour.sheets(window)
        yield from tour.hardening(qtbot, window, staged)
    finally:
        side = side_of(window)
        window.clock.stop()
        window.looks.stop()
        qtbot.waitUntil(lambda: not side.busy)
        side.queries.end()
