"""An undo: its question, and what the window shows afterwards."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QPlainTextEdit,
)
from pytestqt.qtbot import QtBot

from rig.window.hardening import arrived, asked, card_of, named, over, relaunch, select, stopped, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.message import msg
from stratascope.core.snapshot import Snapshot
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.page import View
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def press_undo(qtbot: QtBot, window: MainWindow, side: RelaunchController, staged: StagedHardening, runs: int) -> None:
    """Press the card's undo; on a busy machine the sheet may ask, as its plan takes long."""
    card_of(window).more.click()
    dialog = side.dialog
    qtbot.waitUntil(lambda: asked(staged, "undo") == runs or (dialog.isVisible() and dialog.go.isEnabled()))
    if asked(staged, "undo") < runs:
        QTest.keyClick(dialog.go, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: asked(staged, "undo") == runs)


def test_after_an_undo_that_was_refused_the_window_shows_what_still_runs(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    old = named(picture, "ci-runner")
    new = replace(old, container=replace(old.container, id=f"new-{old.container.id[:8]}"))
    both = with_others(picture, new, stopped(old))
    window.feed.snapshot.emit(both)
    staged.undo_refused = msg("Other containers have come to need it since.")
    press_undo(qtbot, window, side, staged, 1)
    over(qtbot, side)
    assert side.dialog.isVisible(), "it says why"
    select(window, "web")
    window.feed.snapshot.emit(both)
    assert window.selection.current is not None
    assert window.selection.current.key == new.key


def test_an_undo_that_leaves_something_behind_asks(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    staged.written = ("/var/lib/one", "/var/lib/two")
    side = relaunch(qtbot, window)
    over(qtbot, side)
    arrived(window, picture)
    card_of(window).more.click()
    qtbot.waitUntil(side.dialog.isVisible)
    assert side.dialog.title.text() == "Undo the relaunch of ci-runner?"
    qtbot.waitUntil(side.dialog.go.isEnabled)

    def quoted() -> list[str]:
        boxes = side.dialog.before.findChildren(QPlainTextEdit)
        return [box.toPlainText() for box in boxes if box.isVisibleTo(side.dialog.before)]

    qtbot.waitUntil(lambda: quoted() == ["/var/lib/one\n/var/lib/two"])  # the event loop shows what is new
    told = [label.text() for label in side.dialog.before.findChildren(Label) if label.isVisibleTo(side.dialog.before)]
    assert "Drop unused capabilities: as it was before" in told
    assert asked(staged, "undo") == 0, "nothing is done before that is read"
    QTest.keyClick(side.dialog.go, Qt.Key.Key_Return)
    over(qtbot, side)
    assert not side.dialog.isVisible()


def test_one_press_undoes_what_leaves_nothing_behind_and_one_brings_it_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    arrived(window, picture)
    card = card_of(window)
    assert (card.go.text(), card.more.text()) == ("Keep it", "Undo")
    press_undo(qtbot, window, side, staged, 1)
    over(qtbot, side)
    assert [done.kind.value for done in staged.set_aside] == ["undo"]
    window.feed.snapshot.emit(with_others(picture))
    assert card.title.text() == "Back at 10.0. The hardened one is kept."
    assert (card.go.text(), card.more.text()) == ("Close", "Go back to it")
    press_undo(qtbot, window, side, staged, 2)
    over(qtbot, side)
    assert side.dialog.title.text() == "The hardened one runs again"


def test_ctrl_z_undoes_the_relaunch_of_what_is_in_view(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    def press() -> None:
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    staged.written = ("/var/lib/one",)
    side = relaunch(qtbot, window)
    over(qtbot, side)
    arrived(window, picture)
    qtbot.waitUntil(side.column.kept.isVisible)
    window.containers.view.setFocus()
    select(window, "web")
    press()
    assert not side.dialog.isVisible(), "this one was not relaunched"
    select(window, "ci-runner")
    window.toolbar.filter.setFocus()
    press()
    assert not side.dialog.isVisible(), "there it takes back what was typed"
    window.containers.view.setFocus()
    press()
    qtbot.waitUntil(side.dialog.isVisible)
    assert side.dialog.title.text() == "Undo the relaunch of ci-runner?"
    qtbot.waitUntil(side.dialog.go.isEnabled)
    QTest.keyClick(side.dialog.go, Qt.Key.Key_Return)
    over(qtbot, side)
    assert asked(staged, "undo") == 1
    original = named(picture, "ci-runner").container.id
    assert not [each for each in side.set_aside.kept if each.old == original], "it is no longer the kept one"


def test_kept_it_is_one_line_with_the_proof_below(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    arrived(window, picture)
    card, page = card_of(window), window.strata_page
    assert page.proof.isVisible()
    assert not page.panel.isVisible()
    told = [each.text().replace("\N{ZERO WIDTH SPACE}", "") for each in page.proof.findChildren(Label)]
    assert window.selection.current is not None
    assert any(each.startswith(f"/proc/{window.selection.current.container.pid}/") for each in told)
    assert not any(each.startswith("/proc/PID/") for each in told)
    card.go.click()
    qtbot.waitUntil(lambda: card.height() == window.theme.px(40))
    assert card.more.isVisible()
    window.selection.open_layer(3)
    assert page.panel.isVisible()
    assert not page.proof.isVisible()
    card.proof.click()
    assert page.proof.isVisible()
    select(window, "web")
    assert card.isHidden()
    assert page.panel.isVisible()


def test_a_small_window_turns_to_the_proof(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side, page = relaunch(qtbot, window), window.strata_page
    over(qtbot, side)
    arrived(window, picture)
    window.resize(720, 450)
    window.show()
    window.pages.show_view(View.PLAN)
    assert not page.proof.isVisible()
    card_of(window).proof.click()
    assert page.proof.isVisible()
    assert not page.strata.isVisible()
    page.strip.back.emit()
    assert page.strata.isVisible()
    assert not page.proof.isVisible()


def test_what_is_typed_while_an_undo_is_looked_into_stays(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    arrived(window, picture)
    staged.written = ("/var/lib/one",)
    staged.undo_gate = threading.Event()
    card_of(window).more.click()
    qtbot.waitUntil(side.dialog.isVisible)  # it takes a while
    watch = side.dialog.watch
    watch.setFocus()
    watch.selectAll()
    QTest.keyClicks(watch, "33")
    staged.undo_gate.set()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    assert watch.hasFocus()
    assert watch.value() == 33
    side.dialog.back.click()
    side.ask_undo(staged.set_aside[0])
    assert watch.value() == side.dialog.before.usual()
