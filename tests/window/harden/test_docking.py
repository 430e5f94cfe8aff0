"""The column's place in a narrow window, and what remains of it in a low one."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from rig.window.hardening import dock_of, planned, select, set_aside, side_of
from rig.window.staged_hardening import StagedHardening
from stratascope.core.message import msg
from stratascope.ui.window.main_window import MainWindow
from window.access.fit import misfits

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_below_1240_the_column_is_a_drawer(qtbot: QtBot, window: MainWindow) -> None:
    side = side_of(window)
    assert side.column.isVisible()
    assert not dock_of(window).button.isVisible()
    window.resize(1100, 800)
    assert not side.column.isVisible()
    assert dock_of(window).button.isVisible()
    QTest.keyClick(window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert side.column.isVisible()
    assert dock_of(window).drawer.geometry().right() <= window.width()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not dock_of(window).drawer.isVisible()
    window.resize(1440, 900)
    assert side.column.isVisible()
    assert 348 <= side.column.width() <= 440


def test_at_the_least_size_the_pages_are_read_beside_its_button(window: MainWindow) -> None:
    window.resize(560, 480)
    QApplication.processEvents()
    assert dock_of(window).button.isVisible()
    switches = [each for each in window.toolbar.views.findChildren(QToolButton) if each.isVisible()]
    assert switches
    assert all(each.width() >= each.sizeHint().width() for each in switches)


def test_a_low_window_scrolls_all_but_number_and_button(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    state = select(window, "ci-runner")
    column = planned(qtbot, window).column
    window.resize(560, 480)
    dock_of(window).turn_drawer()
    column.show_kept((set_aside(staged, state),))
    column.tell(msg("Two lines of what was not done, and why it could not be done here and now."))
    column.changes.rows["engine-socket"].click()  # so that it could still take over the machine, which is shown
    planned(qtbot, window)
    QApplication.processEvents()
    assert column.button.isVisible()
    assert column.numbers.isVisible()
    assert column.keeps.isVisible()
    assert list(misfits(window)) == []
