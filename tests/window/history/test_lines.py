"""The list's sparklines come from the history, and appear by themselves."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.history import remembered
from stratascope.ui.app.app import make_window
from stratascope.ui.containers import row_paint
from stratascope.ui.window.main_window import Services


def test_the_list_has_a_line_of_what_is_remembered(qtbot: QtBot) -> None:
    past = remembered.days(sample.states(), but="web").make()
    window = make_window(sample.StillWatch(), Services(history=past))
    qtbot.addWidget(window)
    window.history_feed.see(sample.snapshot())
    lines = window.exposure_lines
    states = {state.container.name: state for state in sample.states()}
    qtbot.waitUntil(lambda: bool(lines.of(states[remembered.HELD])))
    steps = lines.of(states[remembered.HELD])
    assert all(0.0 <= days <= row_paint.DAYS + 0.01 and 0.0 <= exposure <= 10.0 for days, exposure in steps)
    assert len({exposure for _, exposure in steps}) > 1
    assert lines.of(states["web"]) == (), "of it nothing is remembered"
    window.stop()
