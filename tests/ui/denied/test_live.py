"""The page on a real container of a real engine, refused by the real kernel, watched by the real observer."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rig.engine import Rig
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.widgets.page_switch import View
from stratascope.wiring.engines import LateEngines, live_view

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def test_refused_while_it_is_observed(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, docker_rootful: Rig
) -> None:
    """From the button to the row, with who refused it; the rows stay when the observation is ended."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{docker_rootful.kind}={docker_rootful.endpoint}")
    ui.make_application(["test"])
    late = LateEngines()
    learning = start.learning_of(late)
    window = ui.make_window(live_view(late), hardening=start.hardening_of(late), learning=learning)
    qtbot.addWidget(window)
    window.show()
    window.start()
    try:
        with docker_rootful.container(
            "--cap-drop", "ALL", name="refused", command=("sh", "-c", "while :; do chown 1 /tmp; sleep 0.2; done")
        ):
            qtbot.waitUntil(lambda: window.selection.current is not None)
            window.pages.show_view(View.DENIED)
            page = window.pages.denied
            assert page is not None
            qtbot.waitUntil(page.nothing.observe.isVisible)
            page.nothing.observe.click()
            qtbot.waitUntil(lambda: bool(page.table.model_.rows))
            qtbot.waitUntil(lambda: ("/tmp", "EPERM") in {(row.path, row.errno) for row in page.table.model_.rows})
            page.end.click()
            qtbot.waitUntil(page.observe.isVisible)
            assert page.table.model_.rows
    finally:
        window.stop()
        learning.close()
