"""The containers set aside: listed, discarded after a question, and updated soon after changes from outside."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import (
    QApplication,
    QMessageBox,
)
from pytestqt.qtbot import QtBot

from rig.window.hardening import arrived, asked, card_of, named, over, planned, press, relaunch, set_aside, side_of
from rig.window.named import in_menu
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.transaction import Damaged, TransactionKind
from stratascope.core.snapshot import Snapshot
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.plan.preflight import Block
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_what_is_set_aside_is_listed_and_discarded_only_after_a_question(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    staged.damaged = (Damaged("journal/x.json", "no JSON"),)
    in_menu(window)["Kept originals…"].trigger()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() == 2)
    table = side.set_aside.dialog.table
    assert [table.model_.index(0, column).data() for column in range(5)] == [
        "ci-runner", "docker", "1 hour ago", "4.6 MiB", "Can be undone",
    ]  # fmt: skip
    assert "no JSON" in table.model_.index(1, 4).data()
    table.selectRow(1)
    assert not side.set_aside.dialog.discard.isEnabled()
    table.selectRow(0)
    press(side.set_aside.dialog.discard.click, "")
    assert len(staged.set_aside) == 1  # kept: only Escape was pressed
    press(side.set_aside.dialog.discard.click, "discard")
    qtbot.waitUntil(lambda: not staged.set_aside)
    qtbot.waitUntil(lambda: table.model_.rowCount() == 1)


def test_what_is_set_aside_or_discarded_elsewhere_is_known_soon(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    kept = side.column.kept
    staged.blocks = (Block("set-aside", msg("An original of it is still kept."), msg("Undo or discard it first.")),)
    set_aside(staged, named(picture, "ci-runner"))
    window.clock.timeout.emit()
    qtbot.waitUntil(kept.isVisible)
    qtbot.waitUntil(lambda: side.column.button.text() == "Show what is kept")
    side.set_aside.show()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() == 1)
    kept.discard.click()
    boxes = [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]
    assert len(boxes) == 1
    staged.set_aside, staged.blocks = [], ()
    window.clock.timeout.emit()
    qtbot.waitUntil(kept.isHidden)
    assert not [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() == 0)
    header = side.set_aside.dialog.table.horizontalHeader()
    assert all(header.sectionSize(place) >= header.sectionSizeHint(place) for place in range(header.count()))
    planned(qtbot, window)
    assert side.column.button.text().startswith("Try it safely")
    assert asked(staged, "discard") == 0


def test_a_question_about_what_is_still_set_aside_stays(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = side_of(window)
    done = set_aside(staged, named(picture, "ci-runner"))
    window.clock.timeout.emit()
    qtbot.waitUntil(side.column.kept.isVisible)
    side.set_aside.show()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() == 1)
    first = replace(set_aside(staged, named(picture, "web")), id="t0")
    staged.set_aside = [first, done]

    def meanwhile() -> None:
        side.ask_discard(done)
        window.clock.timeout.emit()
        qtbot.waitUntil(lambda: side.set_aside.kept == (first, done))

    press(meanwhile, "")
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() == 2)
    assert side.set_aside.dialog.current is not None
    assert side.set_aside.dialog.current.id == done.id  # it stays selected


def test_the_result_offers_no_way_back_to_what_was_discarded_elsewhere(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    arrived(window, picture)
    assert card_of(window).more.isVisible()
    qtbot.waitUntil(lambda: bool(side.set_aside.kept))
    staged.set_aside = []
    window.clock.timeout.emit()
    qtbot.waitUntil(card_of(window).isHidden)


def test_what_recovery_set_aside_is_known_at_once(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = side_of(window)
    qtbot.waitUntil(lambda: asked(staged, "kept") > 0)
    qtbot.wait(50)
    set_aside(staged, named(picture, "ci-runner"))
    side.recovery.recover()
    qtbot.waitUntil(side.column.kept.isVisible)


def test_a_discard_that_fails_says_so(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    staged.discard_fails = EngineError(EngineState.STOPPED, msg("The engine does not answer."), "EOF")
    press(lambda: side.ask_discard(staged.set_aside[0]), "discard")
    qtbot.waitUntil(side.column.told.isVisible)
    assert "The engine does not answer. EOF" in side.column.told.text()
    assert len(staged.set_aside) == 1


def test_what_is_kept_of_the_container_in_view_is_selected(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = side_of(window)
    other = replace(set_aside(staged, named(picture, "web")), id="t0")
    its = set_aside(staged, named(picture, "ci-runner"))
    staged.set_aside = [other, its]
    side.set_aside.show()
    table = side.set_aside.dialog.table
    qtbot.waitUntil(lambda: table.model_.rowCount() == 2)
    assert side.set_aside.dialog.current == its
    assert side.set_aside.dialog.discard.text() == "Delete the original…"
    table.selectRow(0)
    side.set_aside.look_up()
    window.clock.timeout.emit()
    qtbot.wait(20)
    assert side.set_aside.dialog.current == other, "what a person selected stays"


def test_of_a_container_relaunched_twice_the_first_original_is_selected(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    """It is of an earlier id than the container in view: the name is what they share."""
    side = side_of(window)
    other = replace(set_aside(staged, named(picture, "web")), id="t0")
    second = set_aside(staged, named(picture, "ci-runner"))
    first = replace(second, id="t1", old="1" * 64, new="2" * 64)
    staged.set_aside = [other, first, second]
    side.set_aside.show()
    table = side.set_aside.dialog.table
    qtbot.waitUntil(lambda: table.model_.rowCount() == 2, timeout=9000)
    assert side.set_aside.dialog.current == first


def test_what_is_older_than_the_first_way_back_is_folded(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    first = set_aside(staged, named(picture, "ci-runner"))
    undone = tuple(replace(first, id=f"u{place}", kind=TransactionKind.UNDO) for place in range(3))
    other = replace(first, id="o", name="web", kind=TransactionKind.UNDO)
    staged.set_aside = [*undone[:2], other, first, undone[2], replace(first, id="second")]
    side.set_aside.show()
    dialog = side.set_aside.dialog
    qtbot.waitUntil(lambda: dialog.table.model_.rowCount() == 2)
    assert [dialog.table.model_.index(row, 0).data() for row in range(2)] == ["web", "ci-runner"]
    dialog.table.selectRow(1)
    assert dialog.current == first
    assert dialog.more.text() == "Show 4 older ones"
    dialog.more.click()
    assert dialog.table.model_.rowCount() == 6
    assert not dialog.more.isVisible()
