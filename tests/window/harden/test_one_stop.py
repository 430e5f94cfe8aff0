"""The toggles are one tab stop, and a relaunch is six keys from a preset."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from rig.window.hardening import select, side_of
from stratascope.ui.harden.toggle_row import takes_values
from stratascope.ui.window.main_window import MainWindow


def focus() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


def test_a_relaunch_is_six_keys_from_a_preset(window: MainWindow, qtbot: QtBot) -> None:
    select(window, "web")
    column = side_of(window).column
    qtbot.waitUntil(lambda: column.draft.plan is not None and column.button.isEnabled(), timeout=20000)
    column.presets.parts[column.presets.current].setFocus()
    keys = 0
    while focus() is not column.button:
        QTest.keyClick(focus(), Qt.Key.Key_Tab)
        keys += 1
        assert keys < 6, "the sixth presses it"


def test_arrows_go_through_the_switches(window: MainWindow, qtbot: QtBot) -> None:
    select(window, "web")
    column = side_of(window).column
    qtbot.waitUntil(lambda: column.draft.ours and any(row.isVisible() for row in column.rows.values()), timeout=20000)
    rows = [row for row in column.rows.values() if row.isVisible()]
    rows[0].setFocus()
    for row in rows[1:4]:
        QTest.keyClick(focus(), Qt.Key.Key_Down)
        assert row.hasFocus()
    QTest.keyClick(focus(), Qt.Key.Key_Home)
    assert rows[0].hasFocus()
    QTest.keyClick(focus(), Qt.Key.Key_Up)
    assert rows[0].hasFocus(), "above the first there is none"
    # folded toggles are reached through their heading
    QTest.keyClick(focus(), Qt.Key.Key_End)
    last = focus()
    assert last in (column.toggles.already.head, column.toggles.never.head)
    # Tab returns to the last one
    rows[2].setFocus()
    QTest.keyClick(rows[2], Qt.Key.Key_Tab)
    assert focus() not in column.rows.values()
    QTest.keyClick(focus(), Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert rows[2].hasFocus()


def test_right_goes_to_the_value(window: MainWindow, qtbot: QtBot) -> None:
    select(window, "web")
    column = side_of(window).column
    qtbot.waitUntil(lambda: column.draft.ours and any(row.isVisible() for row in column.rows.values()), timeout=20000)
    row = next(each for each in column.rows.values() if each.isVisible() and each.able and takes_values(each.option))
    if not row.isChecked():
        row.click()
    row.setFocus()
    QTest.keyClick(row, Qt.Key.Key_Right)
    assert row.value.hasFocus()
    QTest.keyClick(row.value, Qt.Key.Key_Left)
    assert row.hasFocus()
