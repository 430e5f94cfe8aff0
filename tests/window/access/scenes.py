"""Every state of the window that a user can reach, for the accessibility tests, which walk through all of them.

The walks know views, layers, tabs and the steps of a relaunch. They find the rest: whatever a menu entry or a button
opens is a scene, so a new dialog is tested without a line here. The containers are the demo's, as if they were of this
machine; no engine is needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from weakref import WeakKeyDictionary

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QMenu, QWidget

from rig.window import sample
from rig.window.hardening import arrived, dock_of, picture, side_of
from rig.window.named import in_menu
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.presentation.plan_rows import takes_values
from stratascope.ui.app import app as ui
from stratascope.ui.harden.plan_row import PlanRow
from stratascope.ui.kit.page import View
from stratascope.ui.reach.page import ReachPage
from stratascope.ui.use.page import UsePage
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace
from window.all_services import all_services
from window.denied import denied_stops
from window.staged_together import StagedTogether

_STAGED: WeakKeyDictionary[MainWindow, StagedHardening] = WeakKeyDictionary()  # of the open windows
Scene = tuple[str, QWidget]  # its name, and the top-level widget to check


@contextmanager
def opened(width: int = 1440, height: int = 900) -> Iterator[MainWindow]:
    """The whole window with staged hardening."""
    snapshot = picture()
    staged = StagedHardening(snapshot.engines, snapshot.ground)
    window = ui.make_window(sample.StillWatch(), all_services(staged, snapshot))
    denied_stops.tell_no_ends(window)
    _STAGED[window] = staged
    window.resize(width, height)
    window.show()
    window.selection.show_snapshot(snapshot)
    window.activateWindow()
    window.containers.view.setFocus()
    choose(window, "ci-runner")
    try:
        yield window
    finally:
        window.clock.stop()
        window.looks.stop()
        side = side_of(window)
        if staged.gate is not None:
            staged.gate.set()
        until(lambda: not side.busy)
        side.queries.end()
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def settle() -> None:
    """Let layouts and repaints finish."""
    for _ in range(6):
        QApplication.processEvents()


def until(true: Callable[[], bool]) -> None:
    while not true():
        QTest.qWait(2)


def choose(window: MainWindow, name: str) -> None:
    """Select that container, and wait for its toggles and its plan."""
    assert window.selection.snapshot is not None
    state = next(state for state in window.selection.snapshot.containers if state.container.name == name)
    assert window.containers.view.select_key(state.key)
    column = side_of(window).column
    until(lambda: column.draft.plan is not None)
    if column.isVisible():  # a closed drawer thinks nothing through
        until(lambda: column.draft.relaunch is not None)
    settle()


def tops() -> list[QWidget]:
    """Return the open windows, dialogs and popups."""
    return [each for each in QApplication.topLevelWidgets() if each.isVisible()]


# -- the scenes


def views(window: MainWindow) -> Iterator[Scene]:
    """Yield each view of the middle."""
    for view in window.pages.switch.views:
        window.pages.show_view(view)
        if view is View.USE:
            until(lambda: View.USE in window.pages.made and window.pages.of(UsePage).ready)
        if view is View.REACH:
            until(lambda: bool(window.pages.of(ReachPage).table.model_.rows))
        settle()
        yield f"view {view}", window
    yield from denied_stops.stops(window)
    window.pages.show_view(View.STRATA)
    settle()


def layers(window: MainWindow) -> Iterator[Scene]:
    """Yield each layer with each of its tabs, for the two most different containers."""
    for name in ("ci-runner", "customer-portal-integration-postgres-replica"):
        choose(window, name)
        for number in sorted(window.strata_page.strata.bands):
            window.selection.open_layer(number)
            for tab in [button.key for button in window.strata_page.panel.tabs]:
                window.strata_page.panel.open_tab(tab)
                settle()
                yield f"{name}, layer {number}, {tab}", window
    choose(window, "ci-runner")
    window.selection.open_layer(3)


def states(window: MainWindow) -> Iterator[Scene]:
    """Yield unfolded parts, a layer supposed to fail, a filter without matches, nothing running, no container at
    all.
    """
    column = side_of(window).column
    folds = (column.changes.no_switch.head, column.changes.in_place.head)
    for head in folds:
        head.setChecked(True)
    settle()
    yield "all toggles", window
    for head in folds:
        head.setChecked(False)
    window.selection.suppose_fails(2)
    settle()
    yield "a layer taken away", window
    window.selection.bring_back()
    window.toolbar.filter.setText("zzz")
    settle()
    yield "nothing found", window
    window.toolbar.filter.clear()
    assert window.selection.snapshot is not None
    kept = window.selection.snapshot
    window.selection.show_snapshot(replace(kept, demo=True))
    settle()
    yield "demo", window
    for state in EngineState:
        engine = replace(sample.ENGINES[0], state=state)
        window.selection.show_snapshot(replace(sample.snapshot(()), engines=(engine,)))
        settle()
        yield f"no container, engine {state}", window
    window.selection.show_snapshot(kept)
    choose(window, "ci-runner")


def brought_up(call: Callable[[], object]) -> list[QWidget]:
    """Return the top-level widgets that the call opens."""
    before = tops()
    call()
    settle()
    found = [each for each in tops() if each not in before]
    for each in found:
        if isinstance(each, QFileDialog):
            each.reject()  # the desktop's own dialog
    return [each for each in found if not isinstance(each, QFileDialog)]


def put_away(found: list[QWidget]) -> None:
    """Close them by Escape, as a user would; what stays open is a fault of its own (test_keys)."""
    for top in reversed(found):
        if top.isVisible():
            QTest.keyClick(top, Qt.Key.Key_Escape)
        if top.isVisible():
            top.hide()
    settle()


def entries(menu: QMenu) -> Iterator[QAction]:
    """Yield the entries of a menu that do something, including submenus."""
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from entries(inner)
        elif not action.isSeparator() and action.isEnabled():
            yield action


def from_menu(window: MainWindow) -> Iterator[Scene]:
    """Yield the menu, and what its entries open, except those that end the program or choose a setting."""
    found = brought_up(window.actions_.open_menu)
    for top in found:
        yield "menu", top
    put_away(found)
    for action in list(in_menu(window).values()):
        if action.text().partition("\t")[0] in ("Quit", "Copy as text", "Copy all as text") or not action.isEnabled():
            continue
        text = action.text()
        found = brought_up(action.trigger)
        for top in found:
            yield f"menu: {text}", top
        put_away(found)
    window.pages.show_view(View.STRATA)
    settle()


def openers(window: MainWindow) -> list[QAbstractButton]:
    """Return the visible buttons that declare that they open something."""
    return [
        button
        for button in window.findChildren(QAbstractButton)
        if button.isVisible()
        and button.isEnabled()
        and (getattr(type(button), "opens", False) or getattr(button, "menu", lambda: None)() is not None
             or button.text().endswith(("…", "▾")))
    ]  # fmt: skip


def from_buttons(window: MainWindow) -> Iterator[Scene]:
    """Yield what the buttons of each view open."""
    for view in window.pages.switch.views:
        window.pages.show_view(view)
        settle()
        for button in openers(window):
            if not button.isVisible():
                continue
            name = button.accessibleName() or button.text()
            found = brought_up(partial(press, button))
            for top in found:
                yield f"button: {name}", top
            put_away(found)
    window.pages.show_view(View.STRATA)
    settle()


def press(button: QAbstractButton) -> None:
    """Press it with the space bar, without blocking in a menu's own loop."""
    menu = getattr(button, "menu", lambda: None)()
    if isinstance(menu, QMenu):
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))
        return
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)


def values(window: MainWindow) -> Iterator[Scene]:
    """Yield the sheet of each toggle that takes a value."""
    column = side_of(window).column
    for row in [row for row in column.changes.rows.values() if takes_values(row.change.choice)]:
        found = brought_up(partial(_open_value, row))
        for top in found:
            yield f"value of {row.text()}", top
        put_away(found)


def _open_value(row: PlanRow) -> None:
    row.value_wanted.emit(row.change.key)


def relaunch(window: MainWindow) -> Iterator[Scene]:
    """Yield the sheet before, during and after a relaunch; what is set aside; and the question before deleting it."""
    side = side_of(window)
    staged = _STAGED[window]
    staged.gate = threading.Event()
    if not side.column.isVisible():
        dock_of(window).turn_drawer()
    until(lambda: side.draft.relaunch is not None)
    side.draft.relaunch_now()
    side.dialog.present()
    until(lambda: "watch" in side.dialog.steps.lines)
    settle()
    yield "during a relaunch", side.dialog
    yield "column during a relaunch", window
    staged.gate.set()
    until(lambda: not side.busy)
    settle()
    arrived(window, picture())
    settle()
    yield "after a relaunch", window
    found = brought_up(lambda: side.ask_discard(staged.set_aside[0]))
    for top in found:
        yield "discard?", top
    put_away(found)
    side.dialog.hide()
    side.set_aside.show()
    until(lambda: side.set_aside.dialog.table.model_.rowCount() > 0)
    settle()
    yield "set aside", side.set_aside.dialog
    side.set_aside.dialog.hide()
    settle()


def trials(window: MainWindow) -> Iterator[Scene]:
    """Yield the column before, during and after a copy was tried; and the sheet of its commands."""
    draft, tried, staged = side_of(window).draft, window.trials, _STAGED[window]
    assert tried is not None
    choose(window, "ci-runner")
    until(lambda: draft.plan is not None)
    staged.trial_gate, staged.breaks = threading.Event(), draft.choices[-1].id
    draft.press()
    until(lambda: draft.trial is not None)
    settle()
    yield "column while a copy is tried", window
    staged.trial_gate.set()
    until(lambda: not tried.busy and not draft.pending)
    settle()
    yield "what broke the copy", window
    tried.ask_commands()
    settle()
    yield "commands", tried.sheet
    tried.sheet.hide()
    settle()


def several(window: MainWindow) -> Iterator[Scene]:
    """Yield the sheet for several containers: the choice, the plans, the result."""
    many, staged = window.many, _STAGED[window]
    assert many is not None
    choose(window, "ci-runner")
    many.together = StagedTogether(staged)
    many.ask()
    settle()
    yield "which of them", many.dialog
    many.dialog.go.click()
    until(lambda: many.dialog.plans.isVisible() and many.dialog.go.isEnabled())
    settle()
    yield "what is going to happen to them", many.dialog
    many.dialog.go.click()
    until(lambda: not many.busy)
    settle()
    yield "how all of it ended", many.dialog
    many.dialog.hide()
    staged.set_aside.clear()
    settle()


def everything(window: MainWindow) -> Iterator[Scene]:
    """Yield all of the above, one after the other."""
    for scenes in (views, layers, states, from_menu, from_buttons, values, trials, several, relaunch):
        yield from scenes(window)


def narrow(window: MainWindow) -> Iterator[Scene]:
    """Yield each view at each width at which parts fold away, and at the minimum size."""
    for width, height in ((960, 900), (760, 800), (759, 800), (560, 400)):
        window.resize(width, height)
        settle()
        window.window_layout.page_turned = False
        window.window_layout.adapt()
        settle()
        yield f"list at {width} x {height}", window
        window.window_layout.bring_forward()
        for name, top in views(window):
            yield f"{name} at {width} x {height}", top
        window.selection.open_layer(4)
        settle()
        yield f"layer at {width} x {height}", window
        window.strata_page.close_layer()
    window.resize(1440, 900)
    settle()


def keyboard_stops(top: QWidget) -> list[QWidget]:
    """Return whatever Tab can reach in it, found without asking for an order."""
    return [
        widget
        for widget in top.findChildren(QWidget)
        if widget.isVisible()
        and widget.isEnabled()
        and widget.window() is top
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
    ]
