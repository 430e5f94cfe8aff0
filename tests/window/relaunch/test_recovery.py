"""What a crash left half done is repaired, at the start and when the engine is back."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import side_of
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.snapshot import Snapshot
from stratascope.ui.app import app as ui
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_what_could_not_be_put_right_is_tried_again_when_the_engine_is_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = side_of(window)
    state = next(each for each in picture.containers if each.container.name == "web")
    staged.broken_off = (staged.transaction(staged.plan(state, staged.preset(state, Preset.RECOMMENDED))),)
    staged.recover_fails = EngineError(EngineState.STOPPED, msg("The engine is stopped."), "connection refused")
    side.recovery.recover()
    qtbot.waitUntil(side.column.told.isVisible)
    assert "can't be repaired yet: The engine is stopped." in side.column.told.text()
    away = tuple(replace(each, state=EngineState.STOPPED) for each in picture.engines)
    window.feed.snapshot.emit(replace(picture, engines=away))
    staged.calls.clear()
    staged.recover_fails = None
    window.feed.snapshot.emit(picture)
    qtbot.waitUntil(lambda: "recover" in {name for name, _ in staged.calls})


def test_what_a_crash_left_is_told(
    qtbot: QtBot, staged: StagedHardening, picture: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    state = next(each for each in picture.containers if each.container.name == "web")
    staged.broken_off = (staged.transaction(staged.plan(state, staged.preset(state, Preset.RECOMMENDED))),)
    made = ui.make_window(sample.StillWatch(), Services(hardening=staged))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    side = side_of(made)
    qtbot.waitUntil(side.column.told.isVisible)
    assert "web" in side.column.told.text()
    made.clock.stop()
    made.close()
