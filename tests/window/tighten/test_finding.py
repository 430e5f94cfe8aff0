"""What a trial does for a relaunch: it vouches that it works, and after a failed one it finds what breaks it."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from rig.window.hardening import asked, card_of, named, over, planned, relaunch, select, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.core.snapshot import Snapshot
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.tighten.controller import TrialController
from stratascope.ui.tighten.dialog import Page
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
COMMANDS = ("curl -f http://127.0.0.1/", "true")


def trials_of(window: MainWindow) -> TrialController:
    assert window.trials is not None
    return window.trials


def tried(qtbot: QtBot, window: MainWindow) -> TrialController:
    """Try what is switched on, with commands; the result is in the column, and the relaunch sheet is open."""
    side, trials = planned(qtbot, window), trials_of(window)
    side.column.trials.try_chosen.click()
    trials.dialog.before.commands.setPlainText("\n".join(COMMANDS))
    trials.dialog.go.click()
    qtbot.waitUntil(lambda: not trials.busy)
    trials.dialog.go.click()
    qtbot.waitUntil(side.dialog.isVisible)
    return trials


def failed(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> RelaunchController:
    """A relaunch that is rolled back without a known reason."""
    staged.outcome, staged.blame = (
        RelaunchOutcome.ROLLED_BACK,
        msg("None of its output points to one of the 4 toggles."),
    )
    side = relaunch(qtbot, window)
    over(qtbot, side)
    return side


def test_commands_that_ended_well_on_a_twin_count(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    tried(qtbot, window)
    side = side_of(window)
    side.dialog.go.click()
    over(qtbot, side)
    assert staged.exercised == COMMANDS


def test_they_count_for_just_what_was_tried(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    tried(qtbot, window)
    side = side_of(window)
    side.dialog.hide()
    column = side.column
    assert column.draft.state is not None
    column.draft.leave_out(column.draft.state.key, column.draft.choices[0].id)
    relaunch(qtbot, window)
    over(qtbot, side)
    assert asked(staged, "run") == 1
    assert staged.exercised == ()


def test_they_count_for_no_other_container_of_the_name(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    trials = tried(qtbot, window)
    plan = side_of(window).column.draft.plan
    assert plan is not None
    assert trials.exercised(plan) == COMMANDS
    old = named(picture, "ci-runner")
    other = replace(old, container=replace(old.container, id="e" * 64))
    assert trials.exercised(replace(plan, state=other)) == ()


def test_what_breaks_it_is_found_and_the_rest_relaunched(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    wanted = planned(qtbot, window).column.draft.choices
    staged.breaks = wanted[0].id
    side, trials = failed(qtbot, window, staged), trials_of(window)
    assert card_of(window).go.text() == "Find what breaks it…"
    card_of(window).go.click()
    assert not side.dialog.isVisible()
    assert trials.dialog.isVisible()
    qtbot.waitUntil(lambda: not trials.busy)
    assert trials.dialog.page is Page.AFTER
    assert trials.dialog.title.text() == (
        f"It breaks with all of them, and works with {len(wanted) - 1} of {len(wanted)}."
    )
    told = " ".join(each.text() for each in trials.dialog.after.findChildren(type(trials.dialog.lead)))
    assert "cron: open(/x) is refused (EROFS)." in told
    staged.outcome = RelaunchOutcome.VERIFIED
    trials.dialog.go.click()
    qtbot.waitUntil(side.dialog.isVisible)
    assert {each.id for each in side.column.draft.choices} == {each.id for each in wanted} - {staged.breaks}
    side.dialog.go.click()
    over(qtbot, side)
    assert side.dialog.title.text() == "Hardened: enforced, and it works"


def test_where_all_of_it_works_on_a_twin_that_is_told(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    _, trials = failed(qtbot, window, staged), trials_of(window)
    card_of(window).go.click()
    qtbot.waitUntil(lambda: not trials.busy)
    assert trials.dialog.title.text() == "The setting that breaks it was not found"
    assert "On a twin all of them work" in trials.dialog.lead.text()
    assert trials.dialog.trials.model_.rowCount() == 2, "what was tried stays in view"
    assert not trials.dialog.go.isVisible()


def test_it_is_broken_off(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    _, trials = failed(qtbot, window, staged), trials_of(window)
    staged.trial_gate = threading.Event()
    card_of(window).go.click()
    qtbot.waitUntil(lambda: trials.dialog.trials.model_.rowCount() == 1)
    trials.dialog.back.click()
    qtbot.waitUntil(lambda: not trials.busy)
    assert trials.dialog.title.text() == "The setting that breaks it was not found"
    assert "interrupted" in trials.dialog.lead.text()


def test_one_that_its_owner_created_again_is_searched(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side, trials = failed(qtbot, window, staged), trials_of(window)
    old = named(picture, "ci-runner")
    new = replace(old, container=replace(old.container, id="e" * 64))
    window.feed.snapshot.emit(with_others(picture, new, without="ci-runner"))
    side.find()
    assert trials.busy
    qtbot.waitUntil(lambda: not trials.busy)


def test_one_that_is_gone_is_not(qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot) -> None:
    side, trials = failed(qtbot, window, staged), trials_of(window)
    window.feed.snapshot.emit(with_others(picture, without="ci-runner"))
    select(window, "web")
    side.find()
    assert not trials.busy
    assert trials.dialog.lead.text() == "This container no longer exists, or is not running."


def test_one_that_was_cancelled_broke_of_nothing(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    side.dialog.back.click()
    over(qtbot, side)
    assert not card_of(window).go.isVisible()
