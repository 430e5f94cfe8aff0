"""The sheet of a relaunch: its question, and how it shows that all, some or nothing is proven."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
)
from pytestqt.qtbot import QtBot

from rig.window.hardening import arrived, asked, card_of, cell, over, planned, relaunch, select, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.message import msg
from stratascope.core.relaunch.owner import Owned, OwnerFile, OwnerKind, OwnerPlan
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.core.snapshot import Snapshot
from stratascope.layers.toggles import choice_of
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.dialog import Page
from stratascope.ui.window.main_window import MainWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def asked_for_more(qtbot: QtBot, window: MainWindow) -> RelaunchController:
    """The question before a relaunch that gives back what was refused."""
    side = planned(qtbot, window)
    assert window.selection.current is not None
    side.allow(window.selection.current.key, (choice_of("capabilities", "+CAP_SYS_TIME"),))
    qtbot.waitUntil(lambda: side.dialog.isVisible() and side.dialog.go.isEnabled())
    return side


def test_the_sheet_shows_the_command_and_what_to_keep_in_mind(qtbot: QtBot, window: MainWindow) -> None:
    side = asked_for_more(qtbot, window)
    before = side.dialog.before
    assert before.head_warnings.text() == "Keep in mind"
    assert before.warnings.count() == 2
    assert before.differences.count() == 1
    boxes = before.findChildren(QPlainTextEdit)
    assert [box.toPlainText()[:10] for box in boxes if box.isVisibleTo(before)] == ["docker run"]
    side.dialog.back.click()


def test_the_wheel_scrolls_the_page_and_changes_no_number(qtbot: QtBot, window: MainWindow) -> None:
    side = asked_for_more(qtbot, window)
    watch = side.dialog.watch
    before = watch.value()
    watch.setFocus()
    centre = QPointF(watch.rect().center())
    wheel = QWheelEvent(
        centre, QPointF(watch.mapToGlobal(centre.toPoint())), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(watch, wheel)
    assert watch.value() == before
    side.dialog.back.click()


def test_a_whole_relaunch(qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    assert side.dialog.pages.currentIndex() == Page.DURING.value
    assert "done" in side.dialog.steps.lines["stop"].accessibleName()
    assert "in progress" in side.dialog.steps.lines["watch"].accessibleName()
    assert side.column.button.text().startswith("Relaunching, ")
    select(window, "web")  # the window is not blocked
    select(window, "ci-runner")
    old = window.selection.current
    assert old is not None
    staged.gate.set()
    over(qtbot, side)
    assert side.dialog.title.text() == "Hardened. It works."
    assert not side.dialog.isVisible(), "the card has it"
    # the replacement arrives: it is selected, and shown next to the prediction
    new = arrived(window, picture)
    assert window.selection.current is not None
    assert window.selection.current.key == new.key
    assert card_of(window).isVisible()
    assert window.results is not None
    assert window.results.current is not None
    assert {proof.proof.outcome for proof in window.results.current.proofs} == {Proven.ENFORCED}


def test_giving_more_is_no_hardening(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    """What was refused is allowed: in the question, on the buttons and at the end."""
    side = asked_for_more(qtbot, window)
    assert side.dialog.title.text() == "Relaunch ci-runner with more permissions?"
    assert side.dialog.go.text() == "Relaunch"
    warned = [label.text() for label in side.dialog.before.findChildren(QLabel)]
    assert any(text.startswith("Allowing it opens: set the clock") for text in warned)
    side.dialog.go.click()
    over(qtbot, side)
    assert side.dialog.title.text() == "Relaunched. It works."
    arrived(window, picture)
    assert card_of(window).title.text().startswith("Allowed, 10.0 → ")


def test_not_all_is_proven(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    staged.unproven = side.column.draft.choices[0].id
    relaunch(qtbot, window)
    over(qtbot, side)
    assert side.dialog.title.text() == "Hardened, but not fully verified"
    assert cell(side.dialog.after.table, 0, 1).text() == "Not enforced"
    assert cell(side.dialog.after.table, 0, 3).text() == "It is 0"


def test_a_rollback_tells_why_and_shows_the_log_as_plain_text(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.outcome = RelaunchOutcome.ROLLED_BACK
    side = relaunch(qtbot, window)
    over(qtbot, side)
    assert side.dialog.title.text() == "Rolled back: everything is as it was before"
    assert side.dialog.lead.text() == "It exited by itself, with status 1."
    assert "Read-only file system" in side.dialog.after.log.toPlainText()
    assert "\x1b" not in side.dialog.after.log.toPlainText()
    assert side.dialog.after.words.text() == "exit 1"
    assert "failed" in side.dialog.steps.lines["watch"].accessibleName()
    assert "done" in side.dialog.steps.lines["roll-back"].accessibleName()
    assert window.selection.current is not None
    assert window.selection.current.container.name == "ci-runner"


def test_what_an_owner_is_given_is_shown_and_taken_out_again(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    file = OwnerFile("/srv/shop/compose.override.yaml", "services:\n  web: {}\n")
    owned = Owned(OwnerKind.COMPOSE, "web", (), ("/srv/shop/compose.yaml",), (file,), 60.0)
    staged.owner = OwnerPlan(owned, msg("Compose creates the service again."), ("docker compose up -d web",))
    side = side_of(window)
    side.draft.switch("memory", True)
    planned(qtbot, window)
    assert side.column.foot.downtime.text() == "Compose creates the service again."
    side.column.foot.link.click()
    assert side.column.foot.what.lines.lines == ("+ services:", "+   web: {}")
    side.draft.relaunch_now()
    over(qtbot, side)
    arrived(window, picture)
    card_of(window).more.click()
    assert "is removed" in side.dialog.lead.text()
    qtbot.waitUntil(lambda: asked(staged, "undo") == 1)
    over(qtbot, side)
    window.feed.snapshot.emit(with_others(picture))
    assert card_of(window).title.text().startswith("Back at 10.0.")
    assert not card_of(window).more.isVisible(), "an owner keeps nothing to go back to"


def test_only_limits_are_changed_live(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side, state = planned(qtbot, window), window.selection.current
    assert state is not None
    side.draft.take_choices(state.key, (choice_of("memory", "512m"),))
    planned(qtbot, window)
    assert side.column.button.text().startswith("Change limits")
    staged.gate = threading.Event()
    relaunch(qtbot, window)
    assert side.dialog.title.text().startswith("Changing the limits of ")
    side.dialog.present()
    assert not side.dialog.back.isVisible(), "there is nothing to roll back"
    assert not side.dialog.lead.isVisible()
    window.close()
    assert window.isVisible(), "it closes once that is done"
    assert not [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]
    staged.gate.set()
    over(qtbot, side)
    qtbot.waitUntil(lambda: not window.isVisible())
    assert side.dialog.title.text() == "The limits were changed"
