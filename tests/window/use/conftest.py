"""The window with an observation service; see `watched`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.ui.app.app import make_window
from stratascope.ui.kit.page import View
from stratascope.ui.use.page import UsePage
from stratascope.ui.window.main_window import MainWindow, Services
from window.use.watched import Rig, named


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.learning.close()


@pytest.fixture
def window(qtbot: QtBot, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = make_window(sample.StillWatch(), Services(learning=rig.learning))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(sample.snapshot())
    made.selection.go_to(named(made, "web").key)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.clock.stop()
    made.watching.stop()


@pytest.fixture
def page(window: MainWindow, qtbot: QtBot) -> UsePage:
    """The page in view, with what is known of `web`."""
    window.pages.show_view(View.USE)
    qtbot.waitUntil(window.pages.of(UsePage).strip.isVisible)
    return window.pages.of(UsePage)
