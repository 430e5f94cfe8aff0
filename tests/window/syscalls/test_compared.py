"""The map of system calls beside another side, as the first tab of its layer."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.presentation import page_sample
from stratascope.core.snapshot import Snapshot
from stratascope.ui.panel.panel import BITS, DETAILS
from stratascope.ui.syscalls.compared import ComparedCalls
from stratascope.ui.syscalls.list import Cell, Heading
from stratascope.ui.window.main_window import MainWindow


@pytest.fixture
def fleet(window: MainWindow) -> Snapshot:
    return page_sample.fleet(6)


def opened(window: MainWindow, fleet: Snapshot, number: int) -> ComparedCalls:
    """Show that container's calls."""
    window.selection.show_snapshot(fleet)
    window.selection.go_to(fleet.containers[number].key)
    window.pages.search_calls("")
    calls = window.strata_page.panel.calls
    assert isinstance(calls, ComparedCalls)
    return calls


def test_a_container_beside_the_default(window: MainWindow, fleet: Snapshot) -> None:
    calls = opened(window, fleet, 2)
    assert window.strata_page.panel.tabs[0].text() == "System calls"
    assert calls.button.text() == "Beside the engine's default ▾"
    assert calls.list.calls.rows[0] == Heading("Different", 2)


def test_two_containers_side_by_side(window: MainWindow, fleet: Snapshot) -> None:
    calls = opened(window, fleet, 2)
    calls.compare_beside(fleet.containers[1].key)
    assert calls.button.text() == "Beside service-1 ▾"
    assert isinstance(calls.list.calls.rows[1], Cell)
    assert calls.there.text().startswith("With service-1: ")
    window.selection.show_snapshot(page_sample.fleet(6))  # a new snapshot
    assert calls.button.text() == "Beside service-1 ▾"
    window.selection.go_to(fleet.containers[1].key)  # compared with itself: nothing to compare
    again = window.strata_page.panel.calls
    assert isinstance(again, ComparedCalls)
    assert again.button.text() == "Beside the engine's default ▾"


def test_the_menu_offers_containers_that_have_a_map(window: MainWindow, fleet: Snapshot) -> None:
    calls = opened(window, fleet, 1)
    calls.menu.aboutToShow.emit()
    offered = [action.text() for action in calls.menu.actions() if not action.isSeparator()]
    assert offered[0] == "the engine's default"
    assert "service-2" in offered
    assert "service-1" not in offered
    assert not any("\x1b" in text or "\u202e" in text for text in offered)
    resting = [state.container.name for state in fleet.containers if state.matrix is None]
    assert not set(resting) & set(offered)
    next(action for action in calls.menu.actions() if action.text() == "service-2").trigger()
    assert calls.button.text() == "Beside service-2 ▾"


def test_the_search_key_goes_to_the_calls_and_elsewhere_to_the_raw_text(
    window: MainWindow, fleet: Snapshot, qtbot: QtBot
) -> None:
    calls = opened(window, fleet, 2)
    window.pages.search()
    assert QApplication.focusWidget() is calls.field
    panel = window.strata_page.panel
    window.selection.open_layer(3)
    assert panel.current == BITS
    window.pages.search()
    assert panel.current == DETAILS
    assert QApplication.focusWidget() is panel.raw.field
