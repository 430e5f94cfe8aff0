"""The column's place in a narrow window, and what remains of it in a low one."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window.hardening import dock_of, planned, select, set_aside
from rig.window.staged_hardening import StagedHardening
from stratascope.core.message import msg
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow
from window.access.fit import misfits

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_below_1240_the_plan_is_the_first_page(qtbot: QtBot, window: MainWindow) -> None:
    side, pages = planned(qtbot, window), window.pages
    assert side.column.isVisible()
    assert View.PLAN not in pages.switch.views
    window.resize(1100, 800)
    QApplication.processEvents()
    assert window.toolbar.views.shown_view is View.PLAN
    assert pages.switch.views[0] is View.PLAN
    assert side.column.isVisible()
    assert not dock_of(window).button.isVisible()
    rows = side.column.changes.rows
    assert rows["memory"].mapTo(window, QPoint()).x() > rows["engine-socket"].mapTo(window, QPoint()).x()
    card, column = pages.header.card, side.column
    assert card.numbers.isVisible()
    assert (card.numbers.now, card.numbers.then) == (column.numbers.now, column.numbers.then)
    assert not column.numbers.isVisible()
    assert not card.button.isVisible(), "the plan's own is below"
    assert column.button.isVisible()
    assert not column.foot.isAncestorOf(column.standard)
    window.resize(720, 450)
    QApplication.processEvents()
    assert rows["memory"].mapTo(window, QPoint()).x() == rows["engine-socket"].mapTo(window, QPoint()).x()
    assert column.foot.isAncestorOf(column.standard), "a row of its own would be a row less of the plan"
    assert column.standard.isVisible()
    column.set_paged(True, low=True)  # as at each change of size
    QApplication.processEvents()
    assert column.standard.x() < column.foot.buttons.x()
    window.resize(1100, 800)
    QApplication.processEvents()
    assert not column.foot.isAncestorOf(column.standard)
    window.pages.show_view(View.MATRIX)
    assert not column.isVisible()
    QTest.keyClick(window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert column.isVisible()
    assert column.isAncestorOf(window.focusWidget())
    window.resize(1440, 900)
    QApplication.processEvents()
    assert pages.currentWidget() is window.strata_page
    assert View.PLAN not in pages.switch.views
    assert column.isVisible()
    assert column.numbers.isVisible()
    assert 348 <= column.width() <= 440


def test_a_low_window_scrolls_all_but_number_and_button(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    state = select(window, "ci-runner")
    column = planned(qtbot, window).column
    window.resize(560, 400)
    column.show_kept((set_aside(staged, state),))
    column.tell(msg("Two lines of what was not done, and why it could not be done here and now."))
    column.changes.rows["engine-socket"].click()  # so that it could still take over the machine, which is shown
    planned(qtbot, window)
    QApplication.processEvents()
    assert column.button.isVisible()
    assert window.pages.header.card.numbers.isVisible()
    assert column.keeps.isVisible()
    assert list(misfits(window)) == []
