"""The rows of a plan by keyboard: one tab stop, arrows, Space, Right to the value, Enter for the evidence."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from rig.window.hardening import planned, select
from stratascope.ui.window.main_window import MainWindow


def focus() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


def test_the_button_is_few_keys_from_the_rows(window: MainWindow, qtbot: QtBot) -> None:
    select(window, "web")
    column = planned(qtbot, window).column
    column.enter()
    assert focus() in column.changes.rows.values()
    keys = 0
    while focus() is not column.button:
        QTest.keyClick(focus(), Qt.Key.Key_Tab)
        keys += 1
        assert keys < 4


def test_arrows_go_through_the_rows_and_space_flips(window: MainWindow, qtbot: QtBot) -> None:
    select(window, "web")
    column = planned(qtbot, window).column
    rows = list(column.changes.rows.values())
    rows[0].setFocus()
    for row in rows[1:4]:
        QTest.keyClick(focus(), Qt.Key.Key_Down)
        assert row.hasFocus()
    on = rows[3].isChecked()
    QTest.keyClick(focus(), Qt.Key.Key_Space)
    planned(qtbot, window)
    assert rows[3].isChecked() is not on
    assert rows[3].hasFocus(), "the keyboard stays where it was"
    QTest.keyClick(focus(), Qt.Key.Key_Home)
    assert rows[0].hasFocus()
    QTest.keyClick(focus(), Qt.Key.Key_End)
    assert focus() in (column.changes.no_switch.head, column.changes.in_place.head)
    rows[2].setFocus()
    QTest.keyClick(rows[2], Qt.Key.Key_Tab)
    assert focus() not in rows
    QTest.keyClick(focus(), Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert rows[2].hasFocus()


def test_right_goes_to_the_value_and_enter_to_the_evidence(window: MainWindow, qtbot: QtBot) -> None:
    select(window, "web")
    column = planned(qtbot, window).column
    row = column.changes.rows["user"]
    row.setFocus()
    QTest.keyClick(row, Qt.Key.Key_Right)
    assert row.value.hasFocus()
    QTest.keyClick(row.value, Qt.Key.Key_Left)
    assert row.hasFocus()
    high = row.height()
    QTest.keyClick(row, Qt.Key.Key_Return)
    assert row.unfolded
    qtbot.waitUntil(lambda: row.height() > high)
    QTest.keyClick(row, Qt.Key.Key_Return)
    assert not row.unfolded
