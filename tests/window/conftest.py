"""A theme and a window for the tests of this folder; no engine, no display."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.ui.app.app import make_window
from stratascope.ui.kit.theme import Theme, ThemeMode
from stratascope.ui.window.main_window import MainWindow


@pytest.fixture
def theme(qtbot: QtBot) -> Theme:
    """The light theme, whatever the desktop's."""
    return Theme(ThemeMode.LIGHT)


@pytest.fixture
def watch() -> sample.StillWatch:
    return sample.StillWatch()


@pytest.fixture
def window(qtbot: QtBot, watch: sample.StillWatch, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """The shown window at 1440 x 900 with the containers of `sample`."""
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = make_window(watch)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(sample.snapshot())
    made.activateWindow()
    made.containers.view.setFocus()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.clock.stop()
