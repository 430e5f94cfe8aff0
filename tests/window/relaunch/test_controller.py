"""A run under way: cancelled, hidden, finished, and what the window shows then."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window.hardening import arrived, card_of, named, over, planned, press, relaunch, select, stopped, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.core.snapshot import Snapshot
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_cancel_means_roll_back(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    side.column.button.click()
    side.dialog.back.click()
    assert "next safe point" in side.dialog.going_back.text()
    over(qtbot, side)
    assert side.dialog.title.text() == "Rolled back: everything is as it was before"


def test_escape_hides_the_sheet_and_the_run_goes_on(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    side.column.button.click()
    QTest.keyClick(side.dialog, Qt.Key.Key_Escape)
    assert not side.dialog.isVisible()
    assert side.busy
    side.column.button.click()
    assert side.dialog.isVisible()
    staged.gate.set()
    over(qtbot, side)
    assert side.dialog.title.text() == "Hardened. It works."


def test_a_run_that_ends_while_its_sheet_is_hidden_is_told_in_the_card(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.gate, staged.outcome = threading.Event(), RelaunchOutcome.ROLLED_BACK
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    side.column.button.click()
    QTest.keyClick(side.dialog, Qt.Key.Key_Escape)
    assert not side.dialog.isVisible()
    staged.gate.set()
    over(qtbot, side)
    assert not side.dialog.isVisible()
    assert card_of(window).isVisible()
    assert "with status 1" in card_of(window).lead.text()


def test_the_way_back_to_a_run_stays_while_the_original_is_stopped(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    side.column.button.click()
    QTest.keyClick(side.dialog, Qt.Key.Key_Escape)
    column, old = side.column, named(picture, "ci-runner")
    window.feed.snapshot.emit(with_others(picture, stopped(old)))
    assert window.selection.current is not None
    assert window.selection.current.key == old.key
    assert column.nothing.text() == "It is not running at the moment."
    assert "Watch it for" in column.foot.sign.text.text()
    assert column.foot.sign.isVisible()
    assert column.button.text().startswith("Relaunching, ")
    assert not column.changes.isVisible()
    column.button.click()
    assert side.dialog.isVisible()
    side.dialog.back.click()  # cancel, and roll back
    over(qtbot, side)
    assert not column.button.isVisible()
    assert not column.foot.isVisible()
    assert "Start it first" in column.nothing.text()


def test_the_window_goes_once_to_what_a_run_left(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    staged.outcome = RelaunchOutcome.ROLLED_BACK
    side = relaunch(qtbot, window)
    over(qtbot, side)
    back = stopped(named(picture, "ci-runner"))  # ended again before it was read
    select(window, "web")
    window.feed.snapshot.emit(with_others(picture, back))
    assert window.selection.current is not None
    assert window.selection.current.key == back.key
    select(window, "web")
    window.toolbar.filter.setText("web")
    for _ in range(2):
        window.feed.snapshot.emit(with_others(picture, back))
        assert window.selection.current is not None
        assert window.selection.current.container.name == "web"
        assert window.toolbar.filter.text() == "web"


@pytest.mark.parametrize("turned", [False, True])
def test_who_turned_to_a_page_of_the_machine_meanwhile_stays_there(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, turned: bool
) -> None:
    staged.gate = threading.Event()
    side = planned(qtbot, window)
    if not turned:
        window.pages.show_view(View.FLEET)
    side.draft.relaunch_now()
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    side.dialog.hide()
    if turned:
        window.pages.show_view(View.FLEET)
    staged.gate.set()
    over(qtbot, side)
    assert window.pages.view is (View.FLEET if turned else View.STRATA)


def test_closing_while_a_relaunch_runs_asks_and_rolls_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    press(window.close, "")
    assert window.isVisible()
    assert side.busy
    press(window.close, "roll-back")
    qtbot.waitUntil(lambda: not window.isVisible())
    assert not side.busy
    assert not side.dialog.isVisible()
    assert side.dialog.after.ended is not None
    assert side.dialog.after.ended.ending is RelaunchOutcome.ROLLED_BACK


def test_the_button_fills_while_a_run_goes_on_and_what_would_happen_is_folded_away(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    button = side.column.draft.button
    assert button.part is not None
    assert 0.0 <= button.part < 1.0
    assert side.column.foot.link.isHidden()
    assert side.column.foot.what.isHidden()
    qtbot.waitUntil(lambda: side.column.button.text() not in ("Relaunching, 0 s", ""))
    assert side.column.button.text().startswith("Relaunching, ")
    later = side.column.draft.button.part
    assert later is not None
    assert later > button.part
    staged.gate.set()
    over(qtbot, side)
    assert side.column.draft.underway is None


def test_the_plan_that_is_carried_out_stays_in_view_until_the_run_is_over(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    draft = side.column.draft
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    shown, numbers = draft.plan, side.column.numbers.accessibleName()
    assert shown is not None
    new = arrived(window, picture)
    assert window.selection.current is new
    assert draft.plan is shown
    assert side.column.numbers.accessibleName() == numbers
    staged.gate.set()
    over(qtbot, side)
    assert draft.state is not None
    assert draft.state.key == new.key


def test_another_container_chosen_while_a_run_goes_on_has_its_own_plan(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    arrived(window, picture)
    select(window, "web")
    assert side.column.draft.state is window.selection.current
    staged.gate.set()
    over(qtbot, side)
    assert side.column.draft.state is not None
    assert side.column.draft.state.container.name == "web"
