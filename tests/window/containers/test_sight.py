"""The selected row stays in sight, and the row under the pointer where it is, while rows come, go and move."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication

from rig.window import sample
from rig.window.sample import E, W, X
from stratascope.core.snapshot import ContainerState
from stratascope.ui.containers.list_view import ContainerView
from stratascope.ui.kit.selection import Key
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

NAMES = [f"{first}{second}" for first in "abcdefgh" for second in "klmnopqr"]
MANY = tuple(sample.state(name, (E, W, E, E, E, E)) for name in NAMES)
WORSE = (X, X, W, E, E, E)


@pytest.fixture
def view(window: MainWindow) -> ContainerView:
    window.resize(1280, 800)
    window.show()
    show(window, MANY)
    return window.containers.view


def show(window: MainWindow, states: tuple[ContainerState, ...]) -> None:
    window.selection.show_snapshot(replace(sample.snapshot(), containers=states))
    QApplication.processEvents()


def top_of(view: ContainerView, key: Key) -> int:
    return view.visualRect(view.containers.index(view.containers.row_of(key))).top()


def seen(view: ContainerView, key: Key) -> bool:
    row = view.containers.row_of(key)
    return view.viewport().rect().contains(view.visualRect(view.containers.index(row)))


def test_a_container_that_gets_a_new_id_and_another_place_stays_in_sight(
    window: MainWindow, view: ContainerView
) -> None:
    """As after a relaunch: another id, the same name, a lower exposure, so a place far below."""
    before = sample.state("home", WORSE)
    show(window, (*MANY, before))
    window.selection.go_to(before.key)
    assert seen(view, before.key)
    after = sample.state("home", (E,) * 6)
    after = replace(after, container=replace(after.container, id="f" * 64))
    show(window, (*MANY, after))
    assert window.selection.key == after.key
    window.containers.model.patience.timeout.emit()
    QApplication.processEvents()
    assert window.containers.model.row_of(after.key) > 40, "the best stands last"
    assert seen(view, after.key)
    assert view.chosen_row() == window.containers.model.row_of(after.key)


def test_a_row_that_was_out_of_sight_is_not_rolled_to(window: MainWindow, view: ContainerView) -> None:
    window.selection.go_to(MANY[0].key)
    view.scrollToBottom()
    at = view.verticalScrollBar().value()
    show(window, (*MANY[:-1], sample.state(NAMES[-1], WORSE)))
    window.containers.model.patience.timeout.emit()
    QApplication.processEvents()
    assert abs(view.verticalScrollBar().value() - at) <= 60


def test_one_that_appears_above_does_not_move_the_row_under_the_pointer(
    window: MainWindow, view: ContainerView, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.selection.touch()
    QApplication.processEvents()
    view.verticalScrollBar().setValue(400)
    place = QPoint(80, 200)
    entry = view.containers.entry(view.indexAt(place).row())
    assert entry is not None
    assert entry.state is not None
    key, before = entry.state.key, top_of(view, entry.state.key)
    monkeypatch.setattr(QCursor, "pos", lambda: view.viewport().mapToGlobal(place))
    view.containers.hold(True)
    show(window, (*MANY, sample.state("new", WORSE), sample.state("newer", WORSE)))
    assert view.containers.row_of(key) > 0
    assert top_of(view, key) == before


@pytest.mark.parametrize("pointed", [True, False])
def test_others_that_go_and_come_above_do_not_move_it(
    window: MainWindow, view: ContainerView, monkeypatch: pytest.MonkeyPatch, pointed: bool
) -> None:
    """The row under the pointer, or the selected one of a list that nobody points at."""
    window.selection.go_to(MANY[30].key)
    QApplication.processEvents()
    key, before = MANY[30].key, top_of(view, MANY[30].key)
    assert seen(view, key)
    if pointed:
        place = QPoint(80, before + 10)
        monkeypatch.setattr(QCursor, "pos", lambda: view.viewport().mapToGlobal(place))
        view.containers.hold(True)
    for left in ((*MANY[:3], *MANY[9:]), (*MANY[12:],), (MANY[0], *MANY[12:]), (*MANY, sample.state("new", WORSE))):
        show(window, left)
        assert top_of(view, key) == before
        assert window.selection.key == key


def test_the_first_row_of_a_group_brings_its_header_along(window: MainWindow, view: ContainerView) -> None:
    """As at the start, where the engine with the worst ones answers after another one."""
    worst = sample.state("home", WORSE)
    show(window, (*MANY, worst))
    row = view.containers.row_of(worst.key)
    head = view.containers.entry(row - 1)
    assert head is not None
    assert head.state is None
    view.scrollToBottom()
    view.roll_to(worst.key)
    assert view.visualRect(view.containers.index(row - 1)).top() >= 0
    assert seen(view, worst.key)
