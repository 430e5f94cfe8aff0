"""The page on a real container of a real engine, watched by the real observer."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rig.engine import Rig
from stratascope.ui.app import app as ui
from stratascope.ui.app.start import learning_of
from stratascope.ui.kit.page import View
from stratascope.ui.use.page import UsePage
from stratascope.ui.window.main_window import Services
from stratascope.wiring.engines import LateEngines
from stratascope.wiring.views import live_view

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def test_observed_by_the_button(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, docker_rootful: Rig
) -> None:
    """From the button to the card: what it does is shown while it does it, and kept when it is ended."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{docker_rootful.kind}={docker_rootful.endpoint}")
    ui.make_application(["test"])
    late = LateEngines()
    learning = learning_of(late)
    window = ui.make_window(live_view(late), Services(learning=learning))
    qtbot.addWidget(window)
    window.show()
    window.start()
    try:
        with docker_rootful.container(
            name="watched", command=("sh", "-c", "while :; do chown 1 /tmp; sleep 0.2; done")
        ):
            qtbot.waitUntil(lambda: window.selection.current is not None)
            window.pages.show_view(View.USE)
            page = window.pages.of(UsePage)
            assert page is not None
            qtbot.waitUntil(page.strip.observe.isVisible)
            page.strip.observe.click()
            qtbot.waitUntil(page.strip.end.isVisible)
            qtbot.waitUntil(lambda: page.capabilities.used.model_.place_of("CHOWN") >= 0)
            qtbot.waitUntil(lambda: bool(page.calls.notable.model_.rows))
            page.strip.end.click()
            qtbot.waitUntil(page.strip.observe.isVisible)
            assert page.strip.title.text().startswith("Learned from")
            assert list(tmp_path.rglob("needs/*.json"))
    finally:
        window.stop()
        learning.close()
