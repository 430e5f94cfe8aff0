"""The daily verbs in the window, on an engine that only records its calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import named, press, select, side_of, stopped, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import LogStream, RefusedError, StopFacts
from stratascope.core.relaunch.launch_spec import Executed, RestartPolicy
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.ui.app import app as ui
from stratascope.ui.daily.controller import TitleButtons
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.daily.daily import Daily, Verb
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


class Engine:
    """Carries out every call, and records the ids."""

    client = ("docker",)

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, container: str) -> None:
        self.started.append(container)

    def stop(self, container: str) -> None:
        return None

    def restart(self, container: str) -> None:
        return None

    def stop_facts(self, container: str) -> StopFacts:
        return StopFacts(False, RestartPolicy(), 10, "")

    def follow(self, container: str, lines: int, since: str) -> LogStream:
        raise NotImplementedError

    def execute(self, container: str, words: Sequence[str], seconds: float) -> Executed:
        return Executed(3, "")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def window(
    qtbot: QtBot, staged: StagedHardening, picture: Snapshot, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    daily = Daily(lambda _: engine, environ={"PATH": "/nowhere"})
    made = ui.make_window(sample.StillWatch(), Services(hardening=staged, daily=daily))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    yield made
    made.stop()
    side_of(made).queries.end()


def asked(qtbot: QtBot, window: MainWindow) -> QMessageBox:
    qtbot.waitUntil(lambda: window.daily.question is not None)
    assert window.daily.question is not None
    return window.daily.question


def set_aside(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> tuple[ContainerState, ContainerState]:
    """Return `web`, stopped and set aside, and its replacement; the former is in view."""
    web = named(picture, "web")
    made = staged.transaction(staged.plan(web, ()))
    staged.set_aside.append(made)
    old, new = stopped(web), replace(web, container=replace(web.container, id=made.new))
    window.selection.show_snapshot(with_others(picture, old, new))
    assert window.hardening is not None
    window.hardening.set_aside.look_up()
    select(window, old.container.name)
    qtbot.waitUntil(side_of(window).column.kept.isVisible)
    return old, new


def test_a_start_of_what_is_set_aside_asks_first(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot, engine: Engine
) -> None:
    old, _ = set_aside(qtbot, window, staged, picture)
    start = window.strata_page.header.findChildren(TitleButtons)[0].run
    start.click()
    box = asked(qtbot, window)
    assert "when web took its place, which runs: both would run at once" in box.informativeText()
    assert "use Undo… above the plan" in box.informativeText()
    QTest.keyClick(box, Qt.Key.Key_Return)  # the safe answer is the default
    qtbot.waitUntil(lambda: window.daily.question is None)
    assert not engine.started
    start.click()
    next(each for each in asked(qtbot, window).findChildren(QPushButton) if each.objectName() == "go").click()
    qtbot.waitUntil(lambda: engine.started == [old.container.id])


def test_without_a_terminal_it_does_not_say_that_there_is_no_shell(
    qtbot: QtBot, window: MainWindow, picture: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    select(window, "web")
    window.strata_page.header.findChildren(TitleButtons)[0].shell.click()
    box = asked(qtbot, window)
    assert box.text() == "No shell was opened in web"
    assert "No terminal was found" in box.informativeText()
    assert f"docker exec -it {named(picture, 'web').container.id} sh" in box.informativeText()
    box.reject()


def test_what_is_set_aside_and_runs_is_told_so_and_a_refusal_goes_once_it_is_stopped(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    old, new = set_aside(qtbot, window, staged, picture)
    column = side_of(window).column
    assert "It runs" not in column.kept.text.text()
    web = named(picture, "web")
    running = replace(web, container=replace(web.container, name=old.container.name))
    window.selection.show_snapshot(with_others(picture, running, new))
    assert column.kept.text.text().endswith("It runs all the same.")
    column.draft.show_running("web: starting the original", "start", undoes=True)  # an undo starts it to keep it
    assert column.kept.isHidden()
    column.draft.show_running("")
    assert column.kept.text.text().endswith("It runs all the same.")
    staged.discard_fails = RefusedError(EngineState.CONNECTED, msg("It is running. Stop it first."))
    press(column.kept.discard.click, "discard")
    qtbot.waitUntil(column.told.isVisible)
    window.selection.show_snapshot(with_others(picture, old, new))
    assert column.told.isHidden()


def test_what_is_discarded_leaves_the_view_to_what_took_its_place(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    _, new = set_aside(qtbot, window, staged, picture)
    press(side_of(window).column.kept.discard.click, "discard")
    qtbot.waitUntil(lambda: window.selection.key == new.key)
    window.selection.show_snapshot(with_others(picture, new, without="web"))
    assert window.selection.key == new.key


def test_the_buttons_beside_the_name_are_as_wide_whatever_can_be_done(qtbot: QtBot, theme: Theme) -> None:
    theme.apply()
    made = TitleButtons(theme)
    qtbot.addWidget(made)
    made.show()
    wide = set()
    for verb in (Verb.START, Verb.STOP, Verb.RESTART):
        made.show_state(verb, None, None, None, None)
        wide.add((made.run.width() >= made.run.sizeHint().width(), made.sizeHint().width()))
    assert len(wide) == 1
    assert wide.pop()[0]
