"""What a context menu copies: a container, a layer, a finding; and pinning."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from rig.window import sample
from stratascope.ui.app.app import make_window
from stratascope.ui.daily.controller import Pins
from stratascope.ui.findings.row import FindingRow
from stratascope.ui.kit.background import MemorySettings
from stratascope.ui.panel.panel import FINDINGS
from stratascope.ui.window.main_window import MainWindow, Services


def asked(widget: QWidget, at: QPoint, *, key: bool = False) -> None:
    reason = QContextMenuEvent.Reason.Keyboard if key else QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(widget, QContextMenuEvent(reason, at, widget.mapToGlobal(at)))


def lines(menu: QMenu | None) -> dict[str, QAction]:
    assert menu is not None
    menu.hide()
    return {action.text(): action for action in menu.actions() if action.text()}


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def test_the_menu_of_a_row_copies_and_chooses_nothing(window: MainWindow) -> None:
    view, model = window.containers.view, window.containers.model
    state = next(state for state in sample.states() if state.container.name == "portainer")
    before = window.selection.key
    row = view.visualRect(model.index(model.row_of(state.key)))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=row.center())
    asked(view.viewport(), row.center())
    menu = lines(window.daily.menu)
    assert window.selection.key == before
    menu["Copy name"].trigger()
    assert clipboard() == "portainer"
    menu["Copy ID"].trigger()
    assert clipboard() == state.container.id
    menu["Copy the worst finding"].trigger()
    assert clipboard().startswith("A process in it can become root")
    assert not menu["Restart…"].isEnabled()
    assert "There is no engine to ask." in menu["Restart…"].toolTip()
    assert "Compare with…\tCtrl+D" in menu
    assert "Export report…" not in menu, "nobody does it"
    asked(view, QPoint(), key=True)
    lines(window.daily.menu)["Copy name"].trigger()
    assert clipboard() == "ci-runner"  # the Menu key opens the menu of the current row


def test_what_another_part_of_the_window_does_is_done_for_the_container_of_the_menu(window: MainWindow) -> None:
    state = next(state for state in sample.states() if state.container.name == "web")
    told: list[object] = []
    window.daily.compare = lambda: told.append(window.selection.key)
    window.daily.open_menu(state.key, QPoint(9, 9))
    lines(window.daily.menu)["Compare with…\tCtrl+D"].trigger()
    assert told == [state.key]


def test_what_is_pinned_stays_so_after_a_start(window: MainWindow) -> None:
    settings = MemorySettings()
    first = make_window(sample.StillWatch(), Services(settings))
    first.selection.show_snapshot(sample.snapshot())
    state = next(state for state in sample.states() if state.container.name == "web")
    first.daily.open_menu(state.key, QPoint(9, 9))
    lines(first.daily.menu)["Pin to the top"].trigger()
    assert first.containers.model.entry(4) is not None
    second = make_window(sample.StillWatch(), Services(settings))
    second.selection.show_snapshot(sample.snapshot())
    for each in (first, second):
        place = each.containers.model.row_of(state.key)
        head = each.containers.model.entry(each.containers.model.head_of(place))
        assert head is not None
        assert head.title == "Pinned"
    second.daily.open_menu(state.key, QPoint(9, 9))
    lines(second.daily.menu)["Unpin"].trigger()
    assert Pins(settings).all == frozenset()
    for each in (first, second):
        each.close()
        each.deleteLater()


def test_pins_that_make_no_sense_are_left_out() -> None:
    settings = MemorySettings()
    for text in ("{", "3", '[["docker"]]', '[["docker", 3], ["docker", "web"]]', "[" * 9999):
        settings.set("pinned", text)
        assert Pins(settings).all <= {("docker", "web")}


def test_a_finding_is_copied_by_menu_and_by_key(window: MainWindow) -> None:
    window.strata_page.panel.open_tab(FINDINGS)
    card = window.strata_page.panel.pages[FINDINGS].inner.findChild(FindingRow)
    assert card is not None
    asked(card, QPoint(5, 5))
    menu = lines(card.copying.menu)
    menu["Copy the evidence"].trigger()
    assert clipboard() == "/proc/4211/status:CapEff"
    menu["Copy this finding"].trigger()
    whole = clipboard()
    assert whole.splitlines()[0] == card.accessibleName()
    assert "/proc/4211/status:CapEff" in whole
    QGuiApplication.clipboard().clear()
    card.setFocus()
    QTest.keyClick(card, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard() == whole


def test_a_layer_is_copied_opened_and_supposed_to_fail_by_its_menu(window: MainWindow) -> None:
    band = window.strata_page.strata.bands[2]
    asked(band, QPoint(5, 5), key=True)
    menu = lines(band.copying.menu)
    menu["Copy its key fact"].trigger()
    assert clipboard() == "No limit on memory, processes, CPU"
    menu["Copy this layer's summary"].trigger()
    assert clipboard().startswith("Layer 2, ")
    menu["Open this layer"].trigger()
    assert window.selection.layer == 2
    menu["Suppose it fails"].trigger()
    assert band.away
