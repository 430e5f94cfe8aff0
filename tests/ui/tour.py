"""Through the whole window, one place after the other: every view, tab, sheet, menu and dialog of the program.

Each stop gives the windows that are to be looked at; behind it everything is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.widgets.page_switch import View
from stratascope.ui.window.main_window import MainWindow
from stratascope.ui.window.settings_dialog import SettingsDialog
from ui.fake_desk import FakeDesk
from ui.walk import settle

Stop = tuple[str, QWidget]


def side_of(window: MainWindow) -> RelaunchController:
    """The hardening of that window."""
    side: QObject | None = window.hardening
    assert isinstance(side, RelaunchController)
    return side


def choose(qtbot: QtBot, window: MainWindow, name: str) -> None:
    """Select a container, and wait until its toggles are there."""
    assert window.snapshot is not None
    state = next(state for state in window.snapshot.containers if state.container.name == name)
    window.go_to(state.key)
    side = side_of(window)
    if state.matrix is not None and not window.snapshot.demo:
        qtbot.waitUntil(lambda: side.column.offered_key == state.key)
        if not side.place.narrow:  # a drawer that is closed asks nothing
            qtbot.waitUntil(lambda: side.column.plan is not None or not side.column.choices)
    settle()


def views(qtbot: QtBot, window: MainWindow) -> Iterator[Stop]:
    """Everything that the window itself shows of the chosen container."""
    window.views.show(View.STRATA)
    for number in range(1, 7):
        window.open_layer(number)
        for button in tuple(window.panel.tabs):
            window.panel.open_tab(button.key)
            settle(5)
            yield f"layer {number}, tab {button.key}", window if button is window.panel.tabs[0] else window.panel
    if window.fit.layer_open and window.fit.low():
        window.close_layer()
    for view in window.views.switch.views:
        window.views.show(view)
        settle()
        yield f"view {view.value}", window
    window.views.show(View.STRATA)
    settle()
    window.suppose_fails(3)
    qtbot.waitUntil(lambda: not window.strata.rays.falling)
    settle()
    yield "a layer away", window
    window.bring_back()
    settle(5)


def sheets(window: MainWindow) -> Iterator[Stop]:
    """What opens over the window, and goes by itself."""
    window.show_engines()
    settle(5)
    yield "engines", window.popup
    window.popup.hide()
    window.show_exposure()
    settle(5)
    yield "exposure", window.sheet
    window.sheet.hide()
    for menu in _menus(window):
        menu.popup(window.mapToGlobal(window.rect().center()))
        settle(3)
        yield f"menu {menu.title() or type(menu.parent()).__name__}", menu
        menu.hide()
    window.actions_.about()
    about = next(each for each in window.findChildren(QDialog) if each.isVisible())
    settle(5)
    yield "about", about
    about.reject()
    settle(5)
    window.actions_.show_settings()
    settle(5)
    chosen = next(each for each in window.findChildren(SettingsDialog) if each.isVisible())
    yield "settings", chosen
    chosen.reject()
    settle(5)


def _menus(window: MainWindow) -> list[QMenu]:
    return [menu for menu in window.findChildren(QMenu) if menu.actions()]


def hardening(qtbot: QtBot, window: MainWindow, desk: FakeDesk) -> Iterator[Stop]:
    """The right column, its values, a whole relaunch, and what is set aside."""
    side = side_of(window)
    if side.place.narrow:
        side.place.turn_drawer()
    column = side.column
    yield "column", window
    for name, row in column.rows.items():
        if row.able and row.value.isVisibleTo(row) and row.isVisible():
            row.value.click()
            settle(3)
            sheet = column.sheet
            yield f"value {name}", sheet
            sheet.hide()
    qtbot.waitUntil(lambda: column.plan is not None)
    column.press()
    settle()
    yield "before", side.sheet
    QTest.keyClick(side.sheet.go, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not side.busy)
    settle()
    yield "after", side.sheet
    side.sheet.hide()
    qtbot.waitUntil(lambda: column.plan is not None or not column.choices)
    settle()
    yield "kept", window
    side.show_aside()
    qtbot.waitUntil(lambda: side.aside.table.rowCount() > 0)
    side.aside.table.selectRow(0)
    settle()
    yield "set aside", side.aside
    side.ask_discard(desk.set_aside[0])
    settle()
    for box in QApplication.topLevelWidgets():
        if isinstance(box, QMessageBox) and box.isVisible():
            yield "discard", box
            box.reject()
    side.aside.hide()
    settle()
    side.ask_undo(desk.set_aside[0])
    settle()
    yield "undo", side.sheet
    side.sheet.hide()
    settle()
