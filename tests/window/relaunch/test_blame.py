"""The three outcomes: rolled back with what is to blame, not tested, and works."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window.hardening import arrived, card_of, over, planned, relaunch
from rig.window.staged_hardening import StagedHardening
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.core.snapshot import Snapshot
from stratascope.ui.window.main_window import MainWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_who_is_to_blame_can_be_switched_off_at_once(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    side.draft.switch("read-only-root", True)
    planned(qtbot, window)
    assert "read-only-root" in {choice.id for choice in side.column.draft.choices}
    staged.outcome, staged.suspects = RelaunchOutcome.ROLLED_BACK, ("read-only-root",)
    planned(qtbot, window)
    relaunch(qtbot, window)
    over(qtbot, side)
    card = card_of(window)
    assert card.isVisible()
    assert card.title.text() == "Rolled back to 10.0. The original runs again."
    assert (
        "The log speaks of a read-only file system. Probably to blame: Read-only root filesystem." in card.lead.text()
    )
    assert (card.go.text(), card.more.text()) == ("Try without it", "Details")
    card.more.click()
    assert side.dialog.isVisible()
    assert "Read-only file system" in side.dialog.after.log.toPlainText()
    side.dialog.back.click()
    card.go.click()
    assert card.isHidden()
    planned(qtbot, window)
    assert "read-only-root" not in {choice.id for choice in side.column.draft.choices}
    staged.suspects = ()
    planned(qtbot, window)
    relaunch(qtbot, window)
    over(qtbot, side)
    assert card.isVisible()
    assert not card.go.isVisible(), "nothing is known that would help"
    card.dismiss.setFocus()
    card.dismiss.click()
    assert card.isHidden()
    assert window.focusWidget() is window.strata_page.header.exposure, "the plan does not scroll"


def test_what_was_not_tested_is_said_and_a_person_may_say_that_it_works(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    staged.outcome = RelaunchOutcome.ENFORCED
    relaunch(qtbot, window)
    over(qtbot, side)
    arrived(window, picture)
    card = card_of(window)
    assert card.title.text().endswith("Try your app.")
    assert card.lead.text().startswith("Not tested: ")
    assert ("It has no health check.", "?") in [(each.text, each.sign) for each in card.shown.checks]
    assert (card.go.text(), card.more.text()) == ("It works", "Undo")
    assert not card.dismiss.isVisible()
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert card.title.text().endswith("It works.")
    qtbot.waitUntil(lambda: [works for _, works in staged.found_working] == [True])
    assert card.lead.text().startswith("Tested by you, ")
    assert not card.go.isVisible()
    assert card.more.isVisible(), "there is a way back"
