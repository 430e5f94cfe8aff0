"""The switch of the toolbar, and what the window shows for each view."""

from __future__ import annotations

import os
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from rig.window import fake_fleet, sample
from stratascope.core.severity import SERIOUS
from stratascope.ui.fleet.several import FleetPages
from stratascope.ui.kit.buttons import Segment, Segments
from stratascope.ui.kit.page import Group, View
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.threats.page import MatrixPage
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def fleet(window: MainWindow) -> MainWindow:
    window.selection.show_snapshot(sample.snapshot(fake_fleet.states(20)))
    window.containers.view.select_key(None)
    return window


def turn(window: MainWindow, view: View) -> None:
    switch = next(each for each in window.toolbar.views.groups.values() if view in each.views)
    switch.segments.buttons[switch.views.index(view)].click()
    QApplication.processEvents()


def test_eight_views_and_the_strata_first(fleet: MainWindow) -> None:
    of_containers = (View.STRATA, View.MATRIX, View.PROCESSES, View.USE, View.DENIED, View.HISTORY)
    assert fleet.toolbar.views.views == (*of_containers, View.CHANGES, View.FLEET)
    groups = fleet.toolbar.views.groups
    assert [button.text() for button in groups[Group.COULD].segments.buttons] == ["Strata", "Threats"]
    assert [button.text() for button in groups[Group.MACHINE].segments.buttons] == ["Changes", "Fleet"]
    assert groups[Group.COULD].isVisible()
    assert groups[Group.MACHINE].isVisible()
    does = ["Processes", "Use", "Denied", "History"]
    assert [button.text() for button in groups[Group.DOES].segments.buttons] == does
    assert groups[Group.DOES].isVisible()
    assert fleet.pages.view is View.STRATA
    assert fleet.strata_page.strata.isVisible()
    assert View.FLEET not in fleet.pages.made  # made when first opened


def test_each_view_comes_in_front(fleet: MainWindow) -> None:
    turn(fleet, View.MATRIX)
    assert fleet.pages.of(MatrixPage).isVisible()
    assert not fleet.strata_page.strata.isVisible()
    assert fleet.selection.current is not None
    assert fleet.pages.header.name.text() == fleet.selection.current.container.name
    turn(fleet, View.FLEET)
    assert fleet.pages.of(FleetPages).isVisible()
    assert len(fleet.pages.of(FleetPages).containers.table.rows) == 20
    turn(fleet, View.STRATA)
    assert fleet.strata_page.strata.isVisible()


def test_no_part_is_ever_a_window_of_its_own(fleet: MainWindow) -> None:
    """A label that is shown before it has a parent takes the focus away for good."""
    for view in fleet.toolbar.views.views:
        turn(fleet, view)
        assert fleet.isActiveWindow(), view
    fleet.pages.open_threat("set-clock")
    QApplication.processEvents()
    assert fleet.isActiveWindow()


def test_keys_turn(fleet: MainWindow) -> None:
    # Alt+3 is *Reach*, which nothing is asked for here
    for number, view in zip((1, 2, *range(4, 8), 9, 8), fleet.toolbar.views.views, strict=True):
        QTest.keyClick(fleet, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.AltModifier)
        assert fleet.pages.view is view
    assert pressed(fleet) == [view]
    turn(fleet, View.MATRIX)
    last = fleet.toolbar.views.groups[Group.COULD].segments.buttons[1]
    last.setFocus()
    QTest.keyClick(last, Qt.Key.Key_Left)
    assert fleet.pages.view is View.STRATA
    assert pressed(fleet) == [View.STRATA]


def pressed(window: MainWindow) -> list[View]:
    return [
        view
        for switch in window.toolbar.views.groups.values()
        for view, button in zip(switch.views, switch.segments.buttons, strict=True)
        if button.isChecked()
    ]


def test_the_number_behind_threats_is_of_what_is_serious_and_open(fleet: MainWindow) -> None:
    button = fleet.toolbar.views.groups[Group.COULD].segments.buttons[1]
    assert isinstance(button, Segment)
    for state in fake_fleet.states(20):
        fleet.selection.go_to(state.key)
        assert state.matrix is not None
        serious = sum(len(state.matrix.open(severity)) for severity in SERIOUS)
        assert button.count == serious
    fleet.resize(1200, 900)
    QApplication.processEvents()
    assert button.count == 0, "there is no room for numbers"


def test_a_digit_opens_a_layer_of_the_strata(fleet: MainWindow) -> None:
    turn(fleet, View.MATRIX)
    QTest.keyClick(fleet, Qt.Key.Key_1)
    assert fleet.pages.view is View.STRATA
    assert fleet.strata_page.panel.number == 1


def test_ctrl_f_goes_to_the_field_of_the_view(fleet: MainWindow) -> None:
    turn(fleet, View.MATRIX)
    QTest.keyClick(fleet, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert fleet.pages.of(MatrixPage).filter.hasFocus()
    turn(fleet, View.FLEET)
    QTest.keyClick(fleet, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert fleet.toolbar.filter.hasFocus()


def test_a_ray_opens_its_row_in_the_matrix(fleet: MainWindow) -> None:
    fleet.strata_page.strata.threat_chosen.emit("load-module")
    assert fleet.pages.view is View.MATRIX
    shown = fleet.pages.of(MatrixPage).details.state
    assert shown is not None
    assert shown.threat.id == "load-module"
    turn(fleet, View.STRATA)
    fleet.strata_page.strata.threat_chosen.emit("")
    assert fleet.pages.view is View.MATRIX


def test_another_container_and_another_snapshot_reach_the_matrix(fleet: MainWindow) -> None:
    turn(fleet, View.MATRIX)
    page = fleet.pages.of(MatrixPage)
    states = fake_fleet.states(20)
    fleet.selection.go_to(states[5].key)
    assert states[5].matrix is not None
    assert page.table.matrix.rows[0] in states[5].matrix.threats
    changed = replace(states[5], matrix=states[4].matrix)
    fleet.selection.show_snapshot(sample.snapshot((*states[:5], changed, *states[6:])))
    assert states[4].matrix is not None
    assert page.table.matrix.rows[0] in states[4].matrix.threats


def test_a_layer_that_is_supposed_to_fail_fails_in_the_matrix_too(fleet: MainWindow) -> None:
    fleet.selection.go_to(fake_fleet.state(0).key)
    turn(fleet, View.MATRIX)
    page = fleet.pages.of(MatrixPage)
    before = page.table.matrix.place_of("reach-host-network")
    fleet.selection.suppose_fails(1)
    assert page.table.matrix.place_of("reach-host-network") < before
    assert fleet.pages.header.card.suppose.isVisible()
    fleet.pages.header.card.suppose.back.click()
    assert page.table.matrix.place_of("reach-host-network") == before


def test_a_click_in_the_fleet_shows_that_container(fleet: MainWindow) -> None:
    turn(fleet, View.FLEET)
    page = fleet.pages.of(FleetPages).containers
    key = page.table.rows[7].key
    page.chosen.emit(key)
    assert fleet.pages.view is View.STRATA
    assert fleet.selection.current is not None
    assert fleet.selection.current.key == key


def test_a_notification_shows_its_container_whatever_the_view(
    fleet: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_ACTIVATION_TOKEN", "")
    assert fleet.selection.snapshot is not None
    for view, then in ((View.FLEET, View.STRATA), (View.MATRIX, View.MATRIX)):
        turn(fleet, view)
        key = next(each.key for each in fleet.selection.snapshot.containers if each is not fleet.selection.current)
        fleet.look_at(key, f"let it show {view}")
        assert os.environ["XDG_ACTIVATION_TOKEN"] == f"let it show {view}"
        assert fleet.pages.view is then
        assert fleet.selection.current is not None
        assert fleet.selection.current.key == key


def test_the_windows_filter_filters_the_fleet(fleet: MainWindow) -> None:
    turn(fleet, View.FLEET)
    page = fleet.pages.of(FleetPages).containers
    fleet.toolbar.filter.setText("grafana")
    page.work_out()  # as it does after a pause in typing
    assert [row.name for row in page.table.rows if not row.name.startswith("grafana")] == []
    fleet.toolbar.filter.clear()
    page.work_out()
    assert len(page.table.rows) == 20


def test_without_containers_every_view_is_the_empty_page(window: MainWindow) -> None:
    turn(window, View.FLEET)
    window.selection.show_snapshot(replace(sample.snapshot(()), taken_at=time.time()))
    assert window.pages.currentWidget() is window.pages.empty
    for view in (View.MATRIX, View.STRATA):
        turn(window, view)
        assert window.pages.currentWidget() is window.pages.empty


def test_segments_keep_what_was_pressed(qtbot: QtBot, theme: Theme) -> None:
    segments = Segments(theme, "x")
    qtbot.addWidget(segments)
    segments.offer(("a", "b"))
    segments.choose(1)
    segments.offer(("a", "b", "c"))
    assert [button.isChecked() for button in segments.buttons] == [False, True, False]
    segments.offer(("d",))
    assert segments.buttons[0].isChecked()
    segments.grab()


def test_words_do_not_touch_the_edges_of_their_buttons(qtbot: QtBot, theme: Theme) -> None:
    """In columns, whose width does not follow the texts."""
    strip, width = Segments(theme, "Pages", fills=True), 226
    strip.offer(("Fleet", "Shared", "Before it starts"))
    column = QWidget()
    qtbot.addWidget(column)
    strip.setParent(column)
    strip.resize(width, 30)
    column.show()
    QApplication.processEvents()
    for button in strip.buttons:
        button.click()
        painted = QFontMetrics(theme.font(button.letters, BOLD)).horizontalAdvance(button.text())
        assert button.width() - painted >= 4, (button.text(), button.width(), painted)
    assert strip.buttons[0].tight
    strip.resize(2 * width, 30)
    assert not strip.buttons[0].tight
