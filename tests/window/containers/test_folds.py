"""Manual folding in the list survives a restart; groups that the window unfolds are not stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from rig.window import sample
from rig.window.sample import E, W
from stratascope.core.snapshot import ContainerState
from stratascope.ui.app.app import make_window
from stratascope.ui.containers.column import FOLDED, LONGEST, MOST, Folds
from stratascope.ui.containers.rows import Sorter, ViewBy
from stratascope.ui.kit.background import MemorySettings
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace

Start = Callable[[], MainWindow]
SHOP, BLOG = "compose:docker:shop", "compose:docker:blog"


def of_project(name: str, project: str, service: str = "") -> ContainerState:
    state = sample.state(name, (E, W, E, E, E, E))
    labels = (("com.docker.compose.project", project), ("com.docker.compose.service", service or name))
    return replace(state, container=replace(state.container, labels=labels))


STATES = (of_project("cart", "shop"), of_project("web", "shop"), of_project("posts", "blog"))


@pytest.fixture
def settings() -> MemorySettings:
    return MemorySettings()


@pytest.fixture
def start(settings: MemorySettings, qtbot: object) -> Iterator[Start]:
    """Return a window with these containers, as after a start."""
    made: list[MainWindow] = []

    def begun() -> MainWindow:
        window = make_window(sample.StillWatch(), Services(settings))
        made.append(window)
        window.selection.show_snapshot(replace(sample.snapshot(), containers=STATES))
        return window

    yield begun
    for window in made:
        window.close()
        window.deleteLater()


def folded(window: MainWindow) -> set[str]:
    model = window.containers.model
    entries = [model.entry(row) for row in range(model.rowCount())]
    return {each.section for each in entries if each is not None and each.folded}


def press(window: MainWindow, section: str, key: Qt.Key) -> None:
    """Press a key on that group's header."""
    view, model = window.containers.view, window.containers.model
    heads = [row for row in range(model.rowCount()) if model.head_of(row) == row]
    row = next(row for row in heads if (entry := model.entry(row)) is not None and entry.section == section)
    view.setCurrentIndex(model.index(row))
    QTest.keyClick(view, key)


def test_what_is_folded_by_hand_is_so_after_a_start(start: Start) -> None:
    first = start()
    press(first, SHOP, Qt.Key.Key_Left)
    press(first, BLOG, Qt.Key.Key_Return)
    assert folded(first) == {SHOP, BLOG}
    second = start()
    assert folded(second) == {SHOP, BLOG}
    assert second.selection.current is not None, "a container is in view all the same"
    press(second, BLOG, Qt.Key.Key_Right)
    assert folded(start()) == {SHOP}


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_menu_of_a_head_folds_all_and_divides_the_list(start: Start) -> None:
    window = start()
    column = window.containers
    heads = [row for row in range(column.model.rowCount()) if column.model.head_of(row) == row]
    column.view.setCurrentIndex(column.model.index(heads[-1]))
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(column.view.viewport(), event)
    menu = column.head_menu
    assert menu is not None
    menu.hide()
    actions = {action.text(): action for action in menu.actions()}
    actions["Collapse all"].trigger()
    assert {SHOP, BLOG} <= folded(window)
    kept = folded(start())
    assert {SHOP, BLOG} <= kept
    actions["Expand all"].trigger()
    assert folded(window) == set()
    actions["By engine"].trigger()
    assert column.model.view_by is ViewBy.ENGINE


def test_however_the_list_is_divided(start: Start) -> None:
    window = start()
    press(window, SHOP, Qt.Key.Key_Left)
    window.containers.set_view_by(ViewBy.ENGINE)
    press(window, "engine:docker", Qt.Key.Key_Left)
    assert folded(window) == {"engine:docker"}
    again = start()
    assert folded(again) == {"engine:docker"}
    again.containers.set_view_by(ViewBy.PROJECT)
    assert folded(again) == {SHOP}


def test_one_that_is_asked_for_is_shown_and_nothing_is_forgotten(start: Start) -> None:
    press(start(), SHOP, Qt.Key.Key_Left)
    window = start()
    window.selection.go_to(STATES[1].key)
    assert folded(window) == set()
    assert folded(start()) == {SHOP}


def test_a_filter_shows_what_it_finds_and_is_not_kept(start: Start, settings: MemorySettings) -> None:
    window = start()
    press(window, SHOP, Qt.Key.Key_Left)
    window.selection.set_filter("cart")
    assert window.containers.model.row_of(STATES[0].key) >= 0
    window.selection.set_filter("")
    assert folded(window) == {SHOP}
    assert start().selection.filter == ""


def test_a_bounded_number_is_kept_the_last_ones(settings: MemorySettings) -> None:
    folds = Folds(settings, FOLDED)
    for number in range(MOST + 5):
        folds.turn(f"compose:docker:{number}", True)
    folds.turn("compose:docker:7", True)
    folds.turn("x" * (LONGEST + 1), True)
    kept = Folds(settings, FOLDED).all
    assert len(kept) == MOST
    assert kept[-1] == "compose:docker:7"
    assert kept[0] == "compose:docker:5"


@pytest.mark.parametrize("text", ["{", "3", "[[]]", '[3, "own", "own"]', "[" * 9999])
def test_what_makes_no_sense_is_left_out(settings: MemorySettings, text: str) -> None:
    settings.set("folded", text)
    assert set(Folds(settings, FOLDED).all) <= {"own"}
    assert len(Folds(settings, FOLDED).all) <= 1


def rows_of(window: MainWindow, *names: str) -> list[str]:
    """Return which of these containers have a row."""
    model = window.containers.model
    entries = [model.entry(row) for row in range(model.rowCount())]
    states = [each.state for each in entries if each is not None and each.state is not None]
    return [state.container.name for state in states if state.container.name in names]


def test_kinds_of_replicas_that_are_gone_take_no_room() -> None:
    sorter, web = Sorter(), of_project("web-1", "shop", "web")
    kind = sorter.of(web).alike
    assert sorter.of(of_project("web-2", "shop", "web")).alike == kind
    sorter.forget_all_but({web.key})
    assert sorter.of(of_project("web-3", "shop", "web")).alike == kind
    sorter.forget_all_but(())
    assert sorter.of(web).alike != kind


def test_replicas_that_were_unfolded_keep_a_row_each(start: Start) -> None:
    names = ("shop-worker-1", "shop-worker-2")
    pair = tuple(of_project(name, "shop", "worker") for name in names)

    def begun(*states: ContainerState) -> MainWindow:
        window = start()
        window.selection.show_snapshot(replace(sample.snapshot(), containers=(*STATES, *states)))
        return window

    first = begun(*pair)
    assert rows_of(first, *names) == ["shop-worker-1"]
    view = first.containers.view
    view.setCurrentIndex(first.containers.model.index(first.containers.model.row_of(pair[0].key)))
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert rows_of(first, *names) == list(names)
    anew = tuple(
        replace(each, container=replace(each.container, id=f"{place:064x}")) for place, each in enumerate(pair)
    )
    first.selection.show_snapshot(replace(sample.snapshot(), containers=(*STATES, *anew)))
    assert rows_of(first, *names) == list(names), "created anew under their names"
    second = begun(*anew)
    assert rows_of(second, *names) == list(names)
    view = second.containers.view
    view.setCurrentIndex(second.containers.model.index(second.containers.model.row_of(anew[1].key)))
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert rows_of(begun(*anew), *names) == ["shop-worker-1"]
