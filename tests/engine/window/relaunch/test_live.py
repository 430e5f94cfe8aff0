"""The real window hardens real containers: a whole relaunch, an undo, a rollback, by keyboard where a person would.

Nothing is replaced: the window's own staged, the engines, and a journal in a folder of the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from rig.cli.hardened import QUICK
from rig.engine import Rig
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.core.snapshot import ContainerState
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.dialog import Page
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.wiring.engines import LateEngines
from stratascope.wiring.views import live_view

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


@contextmanager
def live(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, rig: Rig, state: Path
) -> Iterator[tuple[MainWindow, RelaunchController]]:
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{rig.kind}={rig.endpoint}")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    ui.make_application(["test"])
    late = LateEngines()
    window = ui.make_window(live_view(late), Services(hardening=start.hardening_of(late)))
    qtbot.addWidget(window)
    window.resize(1440, 900)
    window.show()
    window.start()
    side: QObject | None = window.hardening
    assert isinstance(side, RelaunchController)
    side.dialog.watch.setValue(1)
    try:
        yield window, side
    finally:
        qtbot.waitUntil(lambda: not side.busy)
        side.queries.end()
        window.stop()


def find(window: MainWindow, name: str) -> ContainerState | None:
    states = window.selection.snapshot.containers if window.selection.snapshot is not None else ()
    return next((each for each in states if each.container.name == name and each.matrix is not None), None)


def choose(qtbot: QtBot, window: MainWindow, side: RelaunchController, name: str, *toggles: str) -> None:
    """Select it, and switch on just these."""
    qtbot.waitUntil(lambda: find(window, name) is not None)
    state = find(window, name)
    assert state is not None
    window.selection.go_to(state.key)
    qtbot.waitUntil(lambda: side.draft.plan is not None and side.column.name.text() == f"for {name}")
    side.draft.take_choices(state.key, ())
    for toggle in toggles:
        row = side.draft.row_of(toggle)
        if row is not None:
            QTest.keyClick(side.column.changes.rows[row.key], Qt.Key.Key_Space)
        else:
            side.draft.add_option(toggle)
    qtbot.waitUntil(lambda: not side.draft.pending and side.draft.relaunch is not None)
    assert {each.id for each in side.draft.choices} >= set(toggles)


def go(qtbot: QtBot, side: RelaunchController) -> None:
    """As its menu does: without trying it."""
    assert side.column.button.text().startswith("Try it safely"), side.column.foot.sign.text.text()
    side.draft.relaunch_now()
    over(qtbot, side)


def over(qtbot: QtBot, side: RelaunchController) -> None:
    qtbot.waitUntil(lambda: not side.busy)
    assert side.dialog.pages.currentIndex() == Page.AFTER.value


def no_new_privs(rig: Rig, name: str) -> str:
    status = Path(f"/proc/{rig.pid(name)}/status").read_text()
    return next(line.split()[1] for line in status.splitlines() if line.startswith("NoNewPrivs:"))


def press(call: Callable[[], object], name: str) -> None:
    call()
    box = next(each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible())
    next(button for button in box.buttons() if button.objectName() == name).click()


def test_relaunched_proven_undone_and_discarded(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, one_engine: Rig, tmp_path: Path
) -> None:
    name = "hardened-here"
    with (
        one_engine.container(name=name, command=QUICK) as original,
        live(qtbot, monkeypatch, one_engine, tmp_path) as (window, side),
    ):
        try:
            choose(qtbot, window, side, name, "no-new-privileges", "capabilities")
            assert no_new_privs(one_engine, name) == "0"
            go(qtbot, side)
            ended = side.dialog.after.ended
            assert ended is not None
            assert ended.ending is RelaunchOutcome.ENFORCED, (ended.why, ended.words, ended.log)
            assert side.dialog.title.text() == "Hardened. Not tested."
            assert {each.proof.outcome for each in side.dialog.after.proofs} == {Proven.ENFORCED}
            assert no_new_privs(one_engine, name) == "1"
            # the replacement comes into the picture by itself, selected, with what it came to
            qtbot.waitUntil(
                lambda: (
                    window.selection.current is not None and window.selection.current.container.id == side_new(side)
                ),
            )
            card = window.strata_page.header.result
            qtbot.waitUntil(card.isVisible)
            assert "It listens on no TCP port." in [each.text for each in card.shown.checks]
            qtbot.waitUntil(lambda: any(each.text.endswith(", as predicted") for each in card.shown.checks))
            card.more.click()
            qtbot.waitUntil(lambda: side.busy or side.dialog.isVisible())
            if side.dialog.isVisible() and not side.busy:  # something to decide
                qtbot.waitUntil(side.dialog.go.isEnabled)
                QTest.keyClick(side.dialog.go, Qt.Key.Key_Return)
            over(qtbot, side)
            assert side.dialog.title.text() == "Undone: the original is back"
            assert no_new_privs(one_engine, name) == "0"
            assert one_engine.run("inspect", "--format", "{{.Id}}", name).strip().startswith(original[:12])
            side.set_aside.show()
            qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() == 1)
            press(side.set_aside.dialog.discard.click, "discard")
            qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() == 0)
            found = one_engine.run("ps", "-a", "--format", "{{.Names}}").split()
            assert [each for each in found if each.startswith(name)] == [name]
        finally:
            for each in one_engine.run("ps", "-a", "--format", "{{.Names}}").split():
                if each.startswith(f"{name}."):
                    one_engine.run("rm", "-f", each)


def side_new(side: RelaunchController) -> str:
    ended = side.dialog.after.ended
    return "" if ended is None or ended.transaction is None else ended.transaction.new


def test_what_breaks_is_rolled_back_with_its_log(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, docker_rootful: Rig, tmp_path: Path
) -> None:
    name = "breaks-here"
    command = ("sh", "-c", "mkdir /mine && rmdir /mine || exit 7; trap 'exit 0' TERM; sleep 3600 & wait")
    with (
        docker_rootful.container(name=name, command=command) as original,
        live(qtbot, monkeypatch, docker_rootful, tmp_path) as (window, side),
    ):
        choose(qtbot, window, side, name, "read-only-root")
        go(qtbot, side)
        assert side.dialog.title.text() == "Rolled back: everything is as it was before"
        assert "7" in side.dialog.lead.text()
        assert "Read-only file system" in side.dialog.after.log.toPlainText()
        assert docker_rootful.run("inspect", "--format", "{{.Id}} {{.State.Running}}", name).split() == [
            original,
            "true",
        ]
        found = docker_rootful.run("ps", "-a", "--format", "{{.Names}}").split()
        assert [each for each in found if each.startswith(name)] == [name]
