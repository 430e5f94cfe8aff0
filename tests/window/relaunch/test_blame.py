"""A toggle that is probably to blame for a rollback can be switched off, for the container that was relaunched."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from rig.window.hardening import over, planned, relaunch, select, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.core.snapshot import Snapshot
from stratascope.ui.window.main_window import MainWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_who_is_to_blame_can_be_switched_off_at_once(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    side.column.presets.parts[Preset.STRICT].click()
    assert "read-only-root" in {choice.id for choice in side.column.draft.choices}
    staged.outcome, staged.suspects = RelaunchOutcome.ROLLED_BACK, ("read-only-root",)
    planned(qtbot, window)
    relaunch(qtbot, window)
    over(qtbot, side)
    after = side.dialog.after
    assert after.blame.text() == "The log speaks of a read-only file system."
    assert after.leave_out.text() == "Switch off “Read-only root directory”"
    after.leave_out.click()
    assert not side.dialog.isVisible()
    assert "read-only-root" not in {choice.id for choice in side.column.draft.choices}
    staged.suspects = ()
    planned(qtbot, window)
    relaunch(qtbot, window)
    over(qtbot, side)
    assert not after.leave_out.isVisible()
    assert not after.blame.isVisible()


def test_who_is_to_blame_is_switched_off_where_it_was(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    column = side.column
    column.presets.parts[Preset.STRICT].click()
    planned(qtbot, window)
    staged.outcome, staged.suspects = RelaunchOutcome.ROLLED_BACK, ("read-only-root",)
    relaunch(qtbot, window)
    over(qtbot, side)
    select(window, "web")
    column.presets.parts[Preset.STRICT].click()
    strict = column.draft.choices
    assert "read-only-root" in {choice.id for choice in strict}
    side.dialog.after.leave_out.click()
    qtbot.waitUntil(lambda: column.title.text() == "Harden ci-runner")
    planned(qtbot, window)
    assert column.draft.choices
    assert "read-only-root" not in {choice.id for choice in column.draft.choices}
    select(window, "web")
    assert column.draft.choices == strict


def test_who_is_to_blame_in_one_that_is_gone_changes_no_other(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    staged.outcome, staged.suspects = RelaunchOutcome.ROLLED_BACK, (side.column.draft.choices[0].id,)
    relaunch(qtbot, window)
    over(qtbot, side)
    window.feed.snapshot.emit(with_others(picture, without="ci-runner"))
    select(window, "web")
    before = side.column.draft.choices
    side.dialog.after.leave_out.click()
    assert window.selection.current is not None
    assert window.selection.current.container.name == "web"
    assert side.column.draft.choices == before


def test_what_showed_that_it_works_is_told_and_what_did_not(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    staged.outcome = RelaunchOutcome.ENFORCED
    relaunch(qtbot, window)
    over(qtbot, side)
    shown = side.dialog.after.shown
    assert side.dialog.title.text() == "Hardened: enforced, but not shown to work"
    assert shown.text().splitlines() == [
        "Enforced; whether it works was not shown:",
        "? Not compared: It has no health check.",
        "? Not compared: It listens on no TCP port.",
    ]
    assert side.dialog.after.undo.isVisible(), "it stays, and there is a way back"
    staged.outcome = RelaunchOutcome.ROLLED_BACK
    planned(qtbot, window)
    relaunch(qtbot, window)
    over(qtbot, side)
    assert not shown.isVisible()
