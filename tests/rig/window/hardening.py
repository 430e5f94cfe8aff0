"""The window with hardening, for tests: staged without an engine, on the demo's containers as if they were real.

The fixtures are taken up by the conftest of each folder that wants them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QMessageBox,
    QTableWidget,
    QTableWidgetItem,
)
from pytestqt.qtbot import QtBot

from rig.usecases.live.replay import Replay
from rig.window import sample
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState, Status
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.ui.app import app as ui
from stratascope.ui.harden.docking import HardenDock
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.dialog import Page
from stratascope.ui.relaunch.result_card import ResultCard
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_capture


@cache
def picture() -> Snapshot:
    """The demo's containers, as if they were of this machine."""
    capture = demo_capture()
    capture = replace(capture, engines=tuple(replace(each, state=EngineState.CONNECTED) for each in capture.engines))
    found: list[Snapshot] = []
    Replay(capture, assembler(), demo=False).start(found.append)
    return found[0]


def side_of(window: MainWindow) -> RelaunchController:
    """Controls the right side of the window: column, dialogs, runs."""
    assert window.hardening is not None
    return window.hardening


def dock_of(window: MainWindow) -> HardenDock:
    """The state of the column."""
    assert window.window_layout.dock is not None
    return window.window_layout.dock


@pytest.fixture(name="picture")
def whole_picture() -> Snapshot:
    """Of all containers."""
    return picture()


@pytest.fixture
def staged(picture: Snapshot) -> StagedHardening:
    """Hardening that needs no engine."""
    return StagedHardening(picture.engines, picture.ground)


@pytest.fixture
def window(
    qtbot: QtBot, staged: StagedHardening, picture: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = ui.make_window(sample.StillWatch(), Services(hardening=staged))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    select(made, "ci-runner")
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.clock.stop()
    side = side_of(made)
    if staged.gate is not None:
        staged.gate.set()
    qtbot.waitUntil(lambda: not side.busy)
    side.queries.end()


def select(window: MainWindow, name: str) -> ContainerState:
    """That container in view, with its toggles."""
    assert window.selection.snapshot is not None
    state = next(state for state in window.selection.snapshot.containers if state.container.name == name)
    assert window.containers.view.select_key(state.key)
    column = side_of(window).column
    if state.matrix is not None and not window.selection.snapshot.demo:
        while column.draft.state is None or column.draft.state.key != state.key or column.draft.plan is None:
            QTest.qWait(2)
    return state


def named(picture: Snapshot, name: str) -> ContainerState:
    """That container."""
    return next(state for state in picture.containers if state.container.name == name)


def with_others(picture: Snapshot, *states: ContainerState, without: str = "") -> Snapshot:
    """A newer snapshot: these containers as given, the others unchanged but read again."""
    keys = {state.key for state in states}
    others = tuple(
        replace(each) for each in picture.containers if each.key not in keys and each.container.name != without
    )
    return replace(picture, containers=(*others, *states))


def stopped(state: ContainerState) -> ContainerState:
    """The same, as it is set aside."""
    container = replace(state.container, name=f"{state.container.name}.old-1", pid=None, status=Status.EXITED)
    return replace(state, container=container, matrix=None)


def asked(staged: StagedHardening, name: str) -> int:
    """How often that method was called."""
    return sum(call == name for call, _ in staged.calls)


def planned(qtbot: QtBot, window: MainWindow) -> RelaunchController:
    """Wait until the relaunch is thought through, with the plan as it is wanted."""
    side = side_of(window)
    qtbot.waitUntil(lambda: not side.draft.pending and side.draft.relaunch is not None)
    return side


def relaunch(qtbot: QtBot, window: MainWindow) -> RelaunchController:
    """Relaunch what is planned, without trying it."""
    side = planned(qtbot, window)
    side.draft.relaunch_now()
    return side


def arrived(window: MainWindow, picture: Snapshot, name: str = "ci-runner") -> ContainerState:
    """The replacement of that container has been read, and is as it was."""
    old = named(picture, name)
    new = replace(old, container=replace(old.container, id=f"new-{old.container.id[:8]}"))
    window.feed.snapshot.emit(with_others(picture, new, without=name))
    return new


def card_of(window: MainWindow) -> ResultCard:
    """How the relaunch of the container in view ended."""
    return window.strata_page.header.result


def cell(table: QTableWidget, row: int, column: int) -> QTableWidgetItem:
    """Find a widget that must exist."""
    found = table.item(row, column)
    assert found is not None
    return found


def over(qtbot: QtBot, side: RelaunchController) -> None:
    """Wait until the run has ended."""
    qtbot.waitUntil(lambda: not side.busy)
    assert side.dialog.pages.currentIndex() == Page.AFTER.value


def set_aside(staged: StagedHardening, state: ContainerState) -> Transaction:
    """Relaunch as by `stratascope harden` in a terminal, for a container that has long had its replacement."""
    made = staged.transaction(staged.plan(state, staged.preset(state, Preset.RECOMMENDED)))
    done = replace(made, old="0" * 64, new=state.container.id)
    staged.set_aside.append(done)
    return done


def press(call: Callable[[], object], name: str) -> None:
    """Answer the question that `call` opens; an empty name: Escape."""
    call()
    box = next(each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible())
    if name:
        next(button for button in box.buttons() if button.objectName() == name).click()
    else:
        QTest.keyClick(box, Qt.Key.Key_Escape)
