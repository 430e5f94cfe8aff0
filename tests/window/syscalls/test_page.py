"""The page of system calls: which container, compared with what, and what it says if there is nothing to show."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from rig.presentation import page_sample
from rig.window import sample
from stratascope.core.snapshot import ContainerState
from stratascope.ui.kit.theme import Theme
from stratascope.ui.syscalls.list import Cell, Heading
from stratascope.ui.syscalls.page import CallMapPage

# what Qt's offscreen platform cannot do is not our fault
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def states() -> tuple[ContainerState, ...]:
    return page_sample.fleet(6).containers


@pytest.fixture
def page(theme: Theme, qtbot: QtBot) -> CallMapPage:
    made = CallMapPage(theme)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    return made


def test_nothing_chosen(page: CallMapPage) -> None:
    assert page.empty.isVisible()
    assert not page.button.isVisible()
    assert page.empty.text().startswith("Choose a container")


def test_a_container_beside_the_default(page: CallMapPage, states: tuple[ContainerState, ...]) -> None:
    page.show_state(states[2], states)
    assert page.title.text() == "System calls of service-2"
    assert page.button.text() == "Beside the engine's default ▾"
    assert page.view.list.calls.rows[0] == Heading("Different", 2)


def test_two_containers_side_by_side(page: CallMapPage, states: tuple[ContainerState, ...]) -> None:
    page.show_state(states[2], states)
    page.compare_with(states[1].key)
    assert page.button.text() == "Beside service-1 ▾"
    first = page.view.list.calls.rows[1]
    assert isinstance(first, Cell)
    assert page.view.there.text().startswith("With service-1: ")
    page.show_state(states[2], states)  # a new snapshot
    assert page.button.text() == "Beside service-1 ▾"
    page.show_state(states[1], states)  # compared with itself: nothing to compare
    assert page.button.text() == "Beside the engine's default ▾"


def test_the_menu_offers_containers_that_have_a_map(page: CallMapPage, states: tuple[ContainerState, ...]) -> None:
    page.show_state(states[0], states)
    page.menu.aboutToShow.emit()
    offered = [action.text() for action in page.menu.actions() if not action.isSeparator()]
    assert offered[0] == "the engine's default"
    assert "service-1" in offered
    assert "service-0" not in offered
    assert not any("\x1b" in text or "\u202e" in text for text in offered)
    resting = [state.container.name for state in states if state.matrix is None]
    assert not set(resting) & set(offered)
    next(action for action in page.menu.actions() if action.text() == "service-1").trigger()
    assert page.button.text() == "Beside service-1 ▾"


def test_why_there_is_no_map(page: CallMapPage, states: tuple[ContainerState, ...]) -> None:
    page.show_state(next(state for state in states if state.matrix is None), states)
    assert page.empty.text().startswith("No process runs")
    page.show_state(sample.state("other"), states)
    assert page.empty.text().startswith("How this container's filter answers")
    page.show_state(states[0], states)
    assert page.view.isVisible()
