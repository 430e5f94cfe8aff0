"""The daily verbs on real containers, as a person uses them in the real window: log, shell, stop, restart, start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from rig.engine import Rig
from stratascope.core.container import Status
from stratascope.core.snapshot import ContainerState
from stratascope.ui.app import app as ui
from stratascope.ui.daily.controller import TitleButtons
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.wiring.engines import LateEngines, daily
from stratascope.wiring.views import live_view

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
QUICK = ("sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait")
TALKS = (
    *("sh", "-c"),
    "trap 'exit 0' TERM; printf 'one\\n\\033[31mred\\033[0m\\n'; while :; do echo tick; sleep 0.2; done",
)


@contextmanager
def live(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, rig: Rig) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{rig.kind}={rig.endpoint}")
    ui.make_application(["test"])
    late = LateEngines()
    window = ui.make_window(live_view(late), Services(daily=daily(late)))
    qtbot.addWidget(window)
    window.resize(1440, 900)
    window.show()
    window.start()
    try:
        yield window
    finally:
        qtbot.waitUntil(lambda: not window.daily.under_way)
        window.stop()


def state_of(window: MainWindow, name: str) -> ContainerState | None:
    states = window.selection.snapshot.containers if window.selection.snapshot is not None else ()
    return next((state for state in states if state.container.name == name), None)


def choose(qtbot: QtBot, window: MainWindow, name: str) -> TitleButtons:
    qtbot.waitUntil(lambda: (found := state_of(window, name)) is not None and found.matrix is not None)
    found = state_of(window, name)
    assert found is not None
    window.selection.go_to(found.key)
    return window.strata_page.header.findChildren(TitleButtons)[0]


def status_of(window: MainWindow, name: str) -> Status | None:
    found = state_of(window, name)
    return None if found is None else found.container.status


def question(qtbot: QtBot, window: MainWindow) -> QMessageBox:
    qtbot.waitUntil(lambda: window.daily.question is not None)
    assert window.daily.question is not None
    return window.daily.question


def go(box: QMessageBox) -> None:
    next(button for button in box.findChildren(QPushButton) if button.objectName() == "go").click()


def menu_of(window: MainWindow, name: str) -> dict[str, QAction]:
    state = state_of(window, name)
    assert state is not None
    window.daily.open_menu(state.key, QPoint(50, 50))
    assert window.daily.menu is not None
    window.daily.menu.hide()
    return {action.text(): action for action in window.daily.menu.actions()}


def test_its_log_is_followed_searched_copied_and_goes_on_after_a_restart(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig, tmp_path: Path
) -> None:
    with each_api.container(name="talks", command=TALKS), live(qtbot, monkeypatch, each_api) as window:
        buttons = choose(qtbot, window, "talks")
        buttons.logs.click()
        log = next(iter(window.daily.windows.values()))
        qtbot.waitUntil(lambda: log.text.toPlainText().count("tick") > 2)
        assert log.text.toPlainText().splitlines()[:2] == ["one", "red"]
        log.field.setText("red")
        assert log.text.textCursor().selectedText() == "red"
        assert not log.follow.isChecked()
        log.field.setText("no such text")
        assert log.found.text() == "No matches"
        log.copy.click()
        assert QGuiApplication.clipboard().text().startswith("one\nred\ntick")
        log.save_to(tmp_path / "it.log")
        assert (tmp_path / "it.log").read_text().startswith("one\nred\ntick")
        each_api.run("stop", "-t", "5", "talks")
        qtbot.waitUntil(lambda: not log.feed.reading)
        assert "It ended at" in log.told.text()
        before = log.text.toPlainText().splitlines()
        each_api.run("start", "talks")
        qtbot.waitUntil(lambda: log.text.toPlainText().count("one") == 2)
        assert log.text.toPlainText().splitlines()[: len(before)] == before, "what was told is not told again"
        log.close()
        assert not window.daily.windows


def test_a_log_without_a_line_says_so(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig) -> None:
    with each_api.container(name="silent", command=QUICK), live(qtbot, monkeypatch, each_api) as window:
        choose(qtbot, window, "silent")
        window.daily.logs()
        log = next(iter(window.daily.windows.values()))
        qtbot.waitUntil(lambda: log.told.text() == "It has printed nothing yet.")
        assert log.feed.reading


def test_a_log_that_is_not_kept_is_told(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig) -> None:
    with (
        each_api.container("--log-driver", "none", name="mute", command=QUICK),
        live(qtbot, monkeypatch, each_api) as window,
    ):
        choose(qtbot, window, "mute")
        window.daily.logs()
        log = next(iter(window.daily.windows.values()))
        qtbot.waitUntil(lambda: "none" in log.told.text())
        assert log.told.text() == "Its log driver, none, stores nothing that can be read here."


def test_a_restart_asks_and_is_done(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig) -> None:
    with (
        each_api.container("--tmpfs", "/cache", name="web", command=QUICK) as container,
        each_api.container("--network", "container:web", name="beside", command=QUICK),
        live(qtbot, monkeypatch, each_api) as window,
    ):
        buttons = choose(qtbot, window, "web")
        qtbot.waitUntil(lambda: state_of(window, "beside") is not None)
        before = each_api.pid(container)
        QTest.mouseClick(buttons.run, Qt.MouseButton.LeftButton)
        box = question(qtbot, window)
        assert "What it keeps in memory is lost: /cache." in box.informativeText()
        assert "beside shares its network, and loses it until it is restarted as well." in box.informativeText()
        QTest.keyClick(box, Qt.Key.Key_Escape)
        qtbot.waitUntil(lambda: window.daily.question is None)
        assert each_api.pid(container) == before
        buttons.run.click()
        go(question(qtbot, window))
        assert buttons.run.text() == "Restarting…"
        assert not buttons.run.isEnabled()
        qtbot.waitUntil(lambda: not window.daily.under_way)
        assert each_api.pid(container) != before
        qtbot.waitUntil(lambda: status_of(window, "web") is Status.RUNNING)
        each_api.run("restart", "-t", "1", "beside")


def test_a_stop_says_what_is_deleted_and_a_start_needs_no_question(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig
) -> None:
    with (
        each_api.container("--stop-timeout", "30", name="stays", command=QUICK),
        live(qtbot, monkeypatch, each_api) as window,
    ):
        each_api.run("run", "-d", "--rm", "-v", "/data", "--name", "goes", "busybox", *QUICK)
        choose(qtbot, window, "goes")
        menu_of(window, "goes")["Stop…"].trigger()
        box = question(qtbot, window)
        assert (
            "once it has stopped, its engine deletes it with its log, everything that it wrote and 1 anonymous volume"
            in box.informativeText()
        )
        go(box)
        qtbot.waitUntil(lambda: state_of(window, "goes") is None)
        buttons = choose(qtbot, window, "stays")
        assert not menu_of(window, "stays")["Start"].isEnabled()
        menu_of(window, "stays")["Stop…"].trigger()
        box = question(qtbot, window)
        assert "It has 30 seconds to end by itself." in box.informativeText()
        go(box)
        qtbot.waitUntil(lambda: status_of(window, "stays") is Status.EXITED)
        qtbot.waitUntil(lambda: buttons.run.text() == "Start")
        assert not buttons.shell.isEnabled()
        assert "It is not running." in buttons.shell.toolTip()
        buttons.run.click()
        qtbot.waitUntil(lambda: status_of(window, "stays") is Status.RUNNING)
        assert window.daily.question is None


def test_what_the_engine_refuses_is_told_in_its_words(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig
) -> None:
    with (
        each_api.container(name="broken", command=("no-such-program",), start=False),
        live(qtbot, monkeypatch, each_api) as window,
    ):
        qtbot.waitUntil(lambda: state_of(window, "broken") is not None)
        menu_of(window, "broken")["Start"].trigger()
        box = question(qtbot, window)
        assert "broken" in box.text()
        assert "no-such-program" in box.informativeText()
        box.reject()


def test_a_shell_opens_in_the_terminal_by_words_and_never_by_a_line_of_text(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig, tmp_path: Path
) -> None:
    said, terminal = tmp_path / "said", tmp_path / "my terminal"
    terminal.write_text(f'#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >{said}\nsleep 5\n')
    terminal.chmod(0o755)
    monkeypatch.setenv("TERMINAL", f"'{terminal}' --title 'a b'")
    with each_api.container(name="web", command=QUICK) as container, live(qtbot, monkeypatch, each_api) as window:
        monkeypatch.setenv("PATH", f"{each_api.env['PATH']}:{os.environ['PATH']}")
        choose(qtbot, window, "web").shell.click()
        qtbot.waitUntil(lambda: said.exists() and said.read_text().endswith("sh\n"))
        words = said.read_text().splitlines()
        assert words[:4] == ["--title", "a b", "-e", each_api.kind]
        assert words[-4:] == ["exec", "-it", container, "sh"]
        assert each_api.endpoint in words


def test_where_there_is_no_shell_it_says_so(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig) -> None:
    with (
        each_api.container("-e", "PATH=/nowhere", name="bare", command=("/bin/sleep", "3600")),
        live(qtbot, monkeypatch, each_api) as window,
    ):
        choose(qtbot, window, "bare").shell.click()
        box = question(qtbot, window)
        assert box.informativeText() == "There is no shell in bare: its image has no sh."
        box.reject()
