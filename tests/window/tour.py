"""A tour through the whole window: every view, tab, sheet, menu and dialog of the program, one after the other.

Each stop yields the windows to check; afterwards everything is as it was.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from PySide6.QtWidgets import QApplication, QDialog, QMenu, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from rig.usecases.listing import many_machines
from rig.window.hardening import arrived, card_of, dock_of, side_of
from rig.window.refused import GIVES, refusal
from rig.window.staged_hardening import StagedHardening
from stratascope.ui.before.page import BeforePage
from stratascope.ui.denied.starting import StartDialog
from stratascope.ui.fleet.several import FleetPages
from stratascope.ui.history.page import HistoryPage
from stratascope.ui.kit.page import View
from stratascope.ui.use.page import UsePage
from stratascope.ui.window.main_window import MainWindow
from stratascope.ui.window.settings_dialog import SettingsDialog
from stratascope.usecases.refusals.service import RefusalList
from window.denied import denied_stops
from window.not_started import COMPOSE, offered
from window.staged_together import StagedTogether
from window.walk import settle

Stop = tuple[str, QWidget]


def choose(qtbot: QtBot, window: MainWindow, name: str) -> None:
    """Select a container, and wait for its toggles."""
    assert window.selection.snapshot is not None
    state = next(state for state in window.selection.snapshot.containers if state.container.name == name)
    window.selection.go_to(state.key)
    side = side_of(window)
    if state.matrix is not None and not window.selection.snapshot.demo:
        qtbot.waitUntil(lambda: side.draft.plan is not None and side.draft.state is not None)
        # a plan that is not seen is not thought through
        if not dock_of(window).narrow and window.window_layout.beside_plan:
            qtbot.waitUntil(lambda: side.draft.relaunch is not None or not side.draft.choices)
    settle()


def views(qtbot: QtBot, window: MainWindow) -> Iterator[Stop]:
    """Yield everything that the window itself shows of the selected container."""
    window.pages.show_view(View.STRATA)
    for number in range(1, 7):
        window.selection.open_layer(number)
        for button in tuple(window.strata_page.panel.tabs):
            window.strata_page.panel.open_tab(button.key)
            settle(5)
            yield (
                f"layer {number}, tab {button.key}",
                window if button is window.strata_page.panel.tabs[0] else window.strata_page.panel,
            )
    if window.strata_page.layer_open and window.window_layout.low():
        window.strata_page.close_layer()
    for view in window.pages.switch.views:
        window.pages.show_view(view)
        if View.USE in window.pages.made:
            qtbot.waitUntil(lambda: window.pages.of(UsePage).ready)
        if View.HISTORY in window.pages.made:
            qtbot.waitUntil(lambda: window.pages.of(HistoryPage).ready)
        settle()
        yield f"view {view.value}", window
    if View.USE in window.pages.made:  # the same page for a container that was not observed
        use = window.pages.of(UsePage)
        name = window.selection.current.container.name if window.selection.current is not None else ""
        window.pages.show_view(View.USE)
        choose(qtbot, window, "backup")
        qtbot.waitUntil(lambda: use.ready)
        settle()
        yield "nothing learned", window
        choose(qtbot, window, name)
        yield from denied_stops.stops(window)
    yield from _several_machines(qtbot, window)
    yield from _not_started(qtbot, window)
    window.pages.show_view(View.STRATA)
    settle()
    window.selection.suppose_fails(3)
    qtbot.waitUntil(lambda: not window.strata_page.strata.rays.falling)
    settle()
    yield "a layer away", window
    window.selection.bring_back()
    settle(5)


def _several_machines(qtbot: QtBot, window: MainWindow) -> Iterator[Stop]:
    """Yield the fleet of several captures, one of which could not be read."""
    kept, state = window.selection.snapshot, window.selection.current
    assert kept is not None
    assert state is not None
    window.selection.show_snapshot(many_machines.fleet(2, 3, unread=1))
    choose(qtbot, window, "web")
    window.pages.show_view(View.FLEET)
    for button in window.pages.of(FleetPages).switch.buttons:
        button.click()
        settle()
        yield f"fleet of machines, {button.text()}", window
    window.selection.show_snapshot(kept)
    choose(qtbot, window, state.container.name)


def _not_started(qtbot: QtBot, window: MainWindow) -> Iterator[Stop]:
    """Yield a text of two services, its notes, and its corrections."""
    if View.BEFORE not in window.pages.made:
        return
    page = window.pages.of(BeforePage)
    window.pages.show_view(View.BEFORE)
    offered(page, qtbot, COMPOSE)
    settle()
    yield "a text", window
    page.press_plan()
    qtbot.waitUntil(lambda: page.column.draft.made is not None and bool(page.column.draft.made.lines))
    settle()
    yield "a text, closed", window
    page.status.open_list()
    settle(5)
    yield "a text's notes", page.status.list
    page.status.list.hide()
    page.text.setPlainText("services:\n  a: [")
    qtbot.waitUntil(page.empty.isVisible)
    settle()
    yield "a text that is none", window
    page.head.clear.click()
    qtbot.waitUntil(lambda: not page.text.notes)


def sheets(window: MainWindow) -> Iterator[Stop]:
    """Yield what opens over the window, and closes by itself."""
    window.toolbar.show_engines()
    settle(5)
    yield "engines", window.toolbar.popup
    window.toolbar.popup.hide()
    window.pages.show_exposure()
    settle(5)
    yield "exposure", window.strata_page.header.sheet
    window.strata_page.header.sheet.hide()
    for menu in _menus(window):
        menu.popup(window.mapToGlobal(window.rect().center()))
        settle(3)
        yield f"menu {menu.title() or type(menu.parent()).__name__}", menu
        menu.hide()
    window.compare.ask()
    settle(5)
    yield "compare", window.compare.dialog
    window.compare.dialog.hide()
    window.actions_.about()
    about = next(each for each in window.findChildren(QDialog) if each.isVisible())
    settle(5)
    yield "about", about
    about.reject()
    settle(5)
    window.actions_.start_asked()
    asked = next(each for each in window.findChildren(StartDialog) if each.isVisible())
    settle(5)
    yield "starting", asked
    asked.reject()
    settle(5)
    window.preferences.show_dialog()
    settle(5)
    chosen = next(each for each in window.findChildren(SettingsDialog) if each.isVisible())
    yield "settings", chosen
    chosen.reject()
    settle(5)


def _menus(window: MainWindow) -> list[QMenu]:
    return [menu for menu in window.findChildren(QMenu) if menu.actions()]


def hardening(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> Iterator[Stop]:
    """Yield the right column, its values, a whole relaunch, and what is set aside."""
    side = side_of(window)
    window.window_layout.to_column()
    column = side.column
    settle()
    yield "column", window
    for name, row in column.changes.rows.items():
        if row.value.isVisibleTo(row) and row.isVisible():
            row.value.click()
            settle(3)
            sheet = column.sheet
            yield f"value {name}", sheet
            sheet.hide()
    column.foot.link.click()
    settle(3)
    yield "what will happen", window
    column.foot.link.click()
    qtbot.waitUntil(lambda: column.draft.relaunch is not None)
    column.draft.relaunch_now()
    qtbot.waitUntil(lambda: not side.busy)
    settle()
    was, old = window.selection.snapshot, window.selection.current
    assert was is not None
    assert old is not None
    new = arrived(window, was, old.container.name)
    window.refused.show(new, RefusalList((refusal("clock", GIVES), refusal("other"))))
    settle()
    yield "after", window
    for tab in ("changes", "lines"):
        window.strata_page.proof.open_tab(tab)
        settle(3)
        yield f"proof {tab}", window
    window.pages.show_view(View.DENIED)
    settle()
    yield "after, on another page", window
    window.pages.show_view(View.STRATA)
    card_of(window).go.click()
    settle()
    yield "it is kept", window
    window.feed.snapshot.emit(was)
    window.selection.go_to(old.key)
    qtbot.waitUntil(lambda: column.draft.relaunch is not None or not column.draft.choices)
    settle()
    yield "kept", window
    yield from _trials(qtbot, window, staged)
    yield from _many(qtbot, window, staged)
    side.set_aside.show()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() > 0)
    side.set_aside.dialog.table.selectRow(0)
    settle()
    yield "set aside", side.set_aside.dialog
    side.ask_discard(staged.set_aside[0])
    settle()
    for box in QApplication.topLevelWidgets():
        if isinstance(box, QMessageBox) and box.isVisible():
            yield "discard", box
            box.reject()
    side.set_aside.dialog.hide()
    settle()
    side.ask_undo(staged.set_aside[0])
    settle()
    yield "undo", side.dialog
    side.dialog.hide()
    settle()


def _many(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> Iterator[Stop]:
    """Yield the sheet for several containers: the choice, the plans, the result."""
    many = window.many
    assert many is not None
    many.together = StagedTogether(staged)
    many.ask()
    settle()
    yield "which of them", many.dialog
    many.dialog.go.click()
    qtbot.waitUntil(lambda: many.dialog.plans.isVisible() and many.dialog.go.isEnabled())
    settle()
    yield "what is going to happen", many.dialog
    kept = tuple(staged.set_aside)
    many.dialog.go.click()
    qtbot.waitUntil(lambda: not many.busy)
    settle()
    yield "how all of it ended", many.dialog
    many.dialog.hide()
    staged.set_aside = list(kept)
    settle()


def _trials(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> Iterator[Stop]:
    """Yield the column while a copy is tried, after one broke, and the sheet of its commands."""
    trials, draft = window.trials, side_of(window).draft
    assert trials is not None
    choose(qtbot, window, "ci-runner")
    staged.trial_gate, staged.breaks = threading.Event(), draft.choices[-1].id
    draft.press()
    qtbot.waitUntil(lambda: draft.trial is not None)
    settle()
    yield "a copy is tried", window
    staged.trial_gate.set()
    qtbot.waitUntil(lambda: not trials.busy and not draft.pending)
    settle()
    yield "what broke the copy", window
    staged.trial_gate, staged.breaks = None, ""
    trials.ask_commands()
    settle()
    yield "commands", trials.sheet
    trials.sheet.hide()
