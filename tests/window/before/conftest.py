"""The window with a judge, its page, and a judged text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.ui.app.app import make_window
from stratascope.ui.before.page import BeforePage
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow, Services
from window.judge import Judge


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def window(qtbot: QtBot, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """Without hardening of running containers."""
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = make_window(sample.StillWatch(), Services(before=judge))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.stop()


@pytest.fixture
def page(window: MainWindow) -> BeforePage:
    """Available even without any container."""
    window.pages.show_view(View.BEFORE)
    assert window.pages.of(BeforePage).isVisible()
    return window.pages.of(BeforePage)
