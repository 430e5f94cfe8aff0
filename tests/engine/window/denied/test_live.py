"""The page on a real container of a real engine, refused by the real kernel, watched by the real observer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rig.engine import Rig
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.denied.page import DeniedPage
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.wiring.engines import LateEngines
from stratascope.wiring.views import live_view

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


@pytest.fixture
def live(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, docker_rootful: Rig) -> Iterator[MainWindow]:
    """The window on that engine, started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{docker_rootful.kind}={docker_rootful.endpoint}")
    ui.make_application(["test"])
    late = LateEngines()
    learning = start.learning_of(late)
    window = ui.make_window(live_view(late), Services(hardening=start.hardening_of(late), learning=learning))
    qtbot.addWidget(window)
    window.show()
    window.start()
    yield window
    window.stop()
    learning.close()


def shown(window: MainWindow, qtbot: QtBot) -> DeniedPage:
    qtbot.waitUntil(lambda: window.selection.current is not None)
    window.pages.show_view(View.DENIED)
    return window.pages.of(DeniedPage)


def test_refused_while_it_is_observed(live: MainWindow, qtbot: QtBot, docker_rootful: Rig) -> None:
    """From the button to the row, with who refused it; the rows stay when the observation is ended."""
    with docker_rootful.container(
        "--cap-drop", "ALL", name="refused", command=("sh", "-c", "while :; do chown 1 /tmp; sleep 0.2; done")
    ):
        page = shown(live, qtbot)
        qtbot.waitUntil(page.nothing.observe.isVisible)
        page.nothing.observe.click()
        qtbot.waitUntil(lambda: bool(page.table.model_.rows))
        qtbot.waitUntil(lambda: ("/tmp", "EPERM") in {(row.path, row.errno) for row in page.table.model_.rows})
        page.end.click()
        qtbot.waitUntil(page.observe.isVisible)
        assert page.table.model_.rows


def test_one_that_has_ended_is_relaunched_with_what_it_lacked(
    live: MainWindow, qtbot: QtBot, docker_rootful: Rig
) -> None:
    """From the reason to one that runs."""
    assert live.endings is not None
    assert live.hardening is not None
    view, dialog = live.endings.view, live.hardening.dialog
    command = "mkdir /made || exit 3; trap 'exit 0' TERM; sleep 3600 & wait"
    docker_rootful.run("run", "-d", "--name", "lacking", "--read-only", "busybox", "sh", "-c", command)
    try:
        shown(live, qtbot)
        anew = "Relaunch it: Make its root filesystem writable…"  # before it ended, the plan was all that was offered
        qtbot.waitUntil(lambda: [button.text() for button in view.buttons][:1] == [anew])
        view.buttons[0].click()
        qtbot.waitUntil(dialog.isVisible)
        assert dialog.title.text() == "Relaunch lacking with more permissions?"
        dialog.watch.setValue(1)
        dialog.go.click()
        qtbot.waitUntil(lambda: dialog.after.ended is not None)
        assert dialog.title.text() == "Relaunched. Not tested."
        state = docker_rootful.inspect("lacking")
        assert (state["State"]["Running"], state["HostConfig"]["ReadonlyRootfs"]) == (True, False)
        qtbot.waitUntil(lambda: live.selection.current is not None and live.selection.current.container.pid is not None)
    finally:
        named = docker_rootful.run("ps", "-a", "--format", "{{.Names}}", "--filter", "name=lacking").split()
        docker_rootful.run("rm", "-f", *named)
