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

from rig.window.hardening import named, over, relaunch, select, stopped, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.message import msg
from stratascope.core.snapshot import Snapshot
from stratascope.ui.kit.labels import Label
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


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
    side.dialog.after.undo.click()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    side.dialog.go.click()
    over(qtbot, side)
    select(window, "web")
    window.feed.snapshot.emit(both)
    assert window.selection.current is not None
    assert window.selection.current.key == new.key


def test_an_undo(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.written = ("/var/lib/one", "/var/lib/two")
    side = relaunch(qtbot, window)
    over(qtbot, side)
    side.dialog.after.undo.click()
    assert side.dialog.title.text() == "Bring back the original of ci-runner?"
    assert not side.dialog.go.isEnabled()
    qtbot.waitUntil(side.dialog.go.isEnabled)

    def quoted() -> list[str]:
        boxes = side.dialog.before.findChildren(QPlainTextEdit)
        return [box.toPlainText() for box in boxes if box.isVisibleTo(side.dialog.before)]

    qtbot.waitUntil(lambda: quoted() == ["/var/lib/one\n/var/lib/two"])  # the event loop shows what is new
    told = [label.text() for label in side.dialog.before.findChildren(Label) if label.isVisibleTo(side.dialog.before)]
    assert "Fewer capabilities: as it was before" in told
    side.dialog.go.click()
    over(qtbot, side)
    assert side.dialog.title.text() == "Undone: the original is back"
    assert [done.kind.value for done in staged.set_aside] == ["undo"]
    assert side.dialog.after.discard.text() == "Discard it…"
    side.dialog.after.undo.click()
    assert side.dialog.title.text() == "Go back to the hardened ci-runner?"
    assert side.dialog.lead.isVisible()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    assert side.dialog.go.hasFocus()
    QTest.keyClick(side.dialog.go, Qt.Key.Key_Return)
    over(qtbot, side)
    assert side.dialog.title.text() == "The hardened one runs again"


def test_what_is_typed_while_an_undo_is_looked_into_stays(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    staged.undo_gate = threading.Event()
    side.dialog.after.undo.click()
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
