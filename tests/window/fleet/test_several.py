"""Many machines in the window: the switch, machines and threats as rows, their cards, the filter, opening a
container.
"""

from __future__ import annotations

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.usecases.listing import many_machines
from stratascope.core.snapshot import Snapshot
from stratascope.layers import all_layers
from stratascope.ui.fleet import several
from stratascope.ui.fleet.several import FleetPages
from stratascope.ui.kit.page import View
from stratascope.ui.kit.table import ItemModel, ItemTable
from stratascope.ui.kit.theme import Theme
from stratascope.ui.threats.page import MatrixPage
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.live.recorded import joined
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

CONTAINERS, MACHINES, THREATS = 0, 1, 2


@pytest.fixture
def page(window: MainWindow) -> FleetPages:
    return shown(window, many_machines.fleet(12, unread=2))


def shown(window: MainWindow, snapshot: Snapshot) -> FleetPages:
    window.selection.show_snapshot(snapshot)
    window.pages.show_view(View.FLEET)
    QApplication.processEvents()
    return window.pages.of(FleetPages)


def column(table: ItemTable, head: str) -> list[str]:
    model = table.model_
    across = Qt.Orientation.Horizontal
    place = next(at for at in range(model.columnCount()) if model.headerData(at, across) == head)
    return [str(model.index(row, place).data()) for row in range(model.rowCount())]


def key(table: ItemTable, *keys: Qt.Key) -> None:
    for each in keys:
        QTest.keyClick(table, each)


# -- the switch


ALONE = ["Containers", "Shared"]  # the switch's words for one machine


def test_one_machine_has_no_tabs_of_several(window: MainWindow) -> None:
    for snapshot in (demo_snapshot(), joined(many_machines.parts(1))):
        page = shown(window, snapshot)
        assert [button.text() for button in page.switch.buttons] == ALONE
        assert page.containers.isVisible()


def test_opened_by_its_key_the_table_has_the_focus(window: MainWindow) -> None:
    pages = shown(window, demo_snapshot())
    window.pages.show_view(View.STRATA)
    window.actions_.open_view(View.FLEET)
    assert window.focusWidget() is pages.containers.grid.canvas


def test_several_have_one_and_it_goes_again(window: MainWindow, page: FleetPages) -> None:
    assert [button.text() for button in page.switch.buttons] == ["Containers", "Machines", "Threats", "Shared"]
    assert page.count.text() == "48 containers on 12 machines; 2 captures could not be read"
    assert all(row.name.rpartition(", ")[2].startswith(("db-", "web-", "build-", "edge-"))
               for row in page.containers.table.rows)  # fmt: skip
    page.switch.buttons[MACHINES].click()
    assert page.machines.isVisible()
    window.selection.show_snapshot(demo_snapshot())
    assert [button.text() for button in page.switch.buttons] == ALONE
    assert page.containers.isVisible()


def test_engines_elsewhere_are_machines_beside_this_one(window: MainWindow) -> None:
    page = shown(window, many_machines.with_engines_elsewhere())
    page.switch.buttons[MACHINES].click()
    assert page.count.text().endswith(" on 3 machines; 2 machines give no answer")
    named = column(page.machines.table, "Machine")
    assert set(named) == {"This machine", "web-01.example", "127.0.0.1:2222", "lost, not read", "forwarded, not read"}
    far = named.index("web-01.example")
    assert column(page.machines.table, "Kernel")[far] == "6.1.0-far"
    assert column(page.machines.table, "Kernel")[named.index("127.0.0.1:2222")] == "", "it was not read"
    page.machines.table.selectRow(far)
    assert page.machines.title.text().startswith("web-01.example: ")


def test_arrow_keys_turn_it(page: FleetPages) -> None:
    page.switch.buttons[CONTAINERS].setFocus()
    QTest.keyClick(page.switch.buttons[CONTAINERS], Qt.Key.Key_Right)
    assert page.machines.isVisible()
    QTest.keyClick(page.switch.buttons[MACHINES], Qt.Key.Key_Right)
    assert page.threats.isVisible()


# -- machines


def test_machines_the_worst_first_and_what_could_not_be_read_says_so(page: FleetPages) -> None:
    page.switch.buttons[MACHINES].click()
    table = page.machines.table
    numbers = [float(each) for each in column(table, "Exposure") if each != "–"]
    assert len(numbers) == 12
    assert numbers == sorted(numbers, reverse=True)
    assert column(table, "Machine")[-2:] == ["lost-1, not read", "lost-2, not read"]
    assert set(column(table, "Kernel")[:-2]) == set(demo_snapshot().kernels)
    assert column(table, "Critical")[-1] == column(table, "Containers")[-1] == "–"
    table.selectRow(13)
    assert page.machines.title.text() == "lost-2, not read"
    assert page.machines.meaning.text() == "It can't be read: Permission denied."
    assert not page.machines.parts.isVisible()


def test_replicas_are_told_once_in_the_card(window: MainWindow) -> None:
    (captured, first), *others = many_machines.parts(3)
    assert first is not None
    more = (*first.containers, *many_machines.replicas(first.containers[0], 12))
    page = shown(window, joined([(captured, replace(first, containers=more)), *others]))
    page.switch.buttons[MACHINES].click()
    names = column(page.machines.table, "Machine")
    page.machines.table.selectRow(names.index("db-1"))
    assert "worker ×12" in column(page.machines.parts, "Container")
    assert page.machines.title.text() == "db-1: 16 containers"
    assert len(column(page.machines.parts, "Container")) == 5


def test_a_container_is_opened_from_a_machines_card_by_keys(window: MainWindow, page: FleetPages) -> None:
    page.switch.buttons[MACHINES].click()
    page.machines.table.setFocus()
    key(page.machines.table, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert page.machines.parts.hasFocus()
    key(page.machines.parts, Qt.Key.Key_Down)
    wanted = page.machines.parts.current().state.key
    assert wanted[0].startswith(page.machines.table.current().machine.name)
    key(page.machines.parts, Qt.Key.Key_Return)
    assert window.selection.key == wanted
    assert window.pages.view is View.STRATA


# -- threats


def test_threats_the_most_severe_first_with_where_they_are_open(page: FleetPages) -> None:
    page.switch.buttons[THREATS].click()
    table = page.threats.table
    order = ["Critical", "High", "Medium", "Low"]
    severities = column(table, "Severity")
    assert severities == sorted(severities, key=order.index)
    row = table.model_.rows[0]
    assert column(table, "Containers")[0] == str(row.containers)
    assert page.threats.title.text().startswith(f"{row.threat.title.id}: open in {row.containers} container")
    assert sum(len(each.members) for each in page.threats.parts.model_.rows) == row.containers
    assert all(each.startswith("on ") for each in column(page.threats.parts, "Machines"))


def test_an_engines_socket_is_told_with_its_engine(page: FleetPages) -> None:
    page.switch.buttons[THREATS].click()
    ids = [row.threat.id for row in page.threats.table.model_.rows]
    page.threats.table.make_current(ids.index("use-engine-socket"))
    assert page.threats.meaning.text() == "Can take over this machine through the Docker socket."


def test_many_machines_are_named_and_counted(window: MainWindow) -> None:
    page = shown(window, many_machines.fleet(36, 12))
    page.switch.buttons[THREATS].click()
    wheres = column(page.threats.parts, "Machines")
    assert any(each.startswith("on build-1, build-2, build-3 and ") for each in wheres), wheres
    assert any("more machines" in each for each in wheres)


def test_a_container_is_opened_at_the_threat(window: MainWindow, page: FleetPages) -> None:
    page.switch.buttons[THREATS].click()
    page.threats.table.setFocus()
    key(page.threats.table, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return)
    threat, part = page.threats.table.current().threat.id, page.threats.parts.current()
    key(page.threats.parts, Qt.Key.Key_Return)
    assert window.selection.key == part.state.key
    assert window.pages.view is View.MATRIX
    state = window.pages.of(MatrixPage).details.state
    assert state is not None
    assert state.threat.id == threat
    assert window.pages.of(MatrixPage).table.hasFocus()


# -- the filter


def test_the_windows_filter_narrows_each_of_them(window: MainWindow, page: FleetPages) -> None:
    window.toolbar.filter.setText("edge")
    assert page.count.text().startswith("12 of 48 containers, on 3 machines")
    page.containers.work_out()  # as it does once the keys rest
    assert {row.name.rpartition(", ")[2] for row in page.containers.table.rows} <= {"edge-1", "edge-2", "edge-3"}
    page.switch.buttons[MACHINES].click()
    assert set(column(page.machines.table, "Machine")) == {"edge-1", "edge-2", "edge-3"}
    page.switch.buttons[THREATS].click()
    assert all(int(each) <= 3 for each in column(page.threats.table, "Machines"))
    window.toolbar.filter.setText("edge buildkit")
    assert {each.state.container.name for each in page.threats.parts.model_.rows} == {"ci-runner"}
    page.switch.buttons[MACHINES].click()
    assert any(" of 4" in each for each in column(page.machines.table, "Containers"))


def test_what_finds_nothing_says_so(window: MainWindow, page: FleetPages) -> None:
    for place, rows in ((MACHINES, page.machines), (THREATS, page.threats)):
        page.switch.buttons[place].click()
        window.toolbar.filter.setText("nobody-is-called-so")
        assert rows.nothing.isVisible()
        assert rows.nothing.text() == "Nothing matches the filter."
        assert rows.card.isHidden()
        window.toolbar.filter.setText("nosuchkey:x")
        assert "nosuchkey" in rows.nothing.text()
        window.toolbar.filter.clear()
        assert rows.table.isVisible()
        assert rows.card.isVisible()


def test_the_chosen_row_stays_while_it_is_there(window: MainWindow, page: FleetPages) -> None:
    page.switch.buttons[MACHINES].click()
    table = page.machines.table
    table.selectRow(column(table, "Machine").index("edge-2"))
    window.toolbar.filter.setText("edge")
    assert table.current().machine.name == "edge-2"
    window.selection.show_snapshot(many_machines.fleet(16))
    assert table.current().machine.name == "edge-2"
    window.toolbar.filter.setText("db-")
    assert table.currentIndex().row() == 0


# -- the rest


def test_nothing_is_worked_out_while_it_is_not_in_view(qtbot: QtBot, theme: Theme) -> None:
    page = FleetPages(theme, all_layers())
    qtbot.addWidget(page)
    page.show_snapshot(many_machines.fleet(6))
    assert page.machines.table.model_.rows == ()
    assert page.count.text() == ""
    page.resize(1100, 800)
    page.show()
    assert page.machines.table.model_.rows == ()
    page.switch.buttons[MACHINES].click()
    assert len(page.machines.table.model_.rows) == 6
    assert page.threats.table.model_.rows == ()


@pytest.mark.parametrize(("width", "there"), [(560, ["Exposure", "Machine", "Critical", "High", "Containers"]),
                                              (900, [*(each.title for each in several.MACHINES)])])  # fmt: skip
def test_narrow_ones_leave_columns_out_and_cut_no_number(
    qtbot: QtBot, theme: Theme, width: int, there: list[str]
) -> None:
    page = FleetPages(theme, all_layers())
    qtbot.addWidget(page)
    page.resize(width, 700)
    page.show_snapshot(many_machines.fleet(6))
    page.show()
    page.switch.buttons[MACHINES].click()
    QApplication.processEvents()
    table = page.machines.table
    shown = [at for at in range(table.model_.columnCount()) if not table.isColumnHidden(at)]
    assert [several.MACHINES[at].title for at in shown] == there
    assert sum(table.columnWidth(at) for at in shown) <= table.viewport().width()


def test_long_and_hostile_names_are_plain_text(window: MainWindow) -> None:
    (captured, first), *others = many_machines.parts(2)
    assert first is not None
    named = replace(
        first.containers[0], container=replace(first.containers[0].container, name="<b>x\x1b[31m" + "n" * 999)
    )
    page = shown(window, joined([(replace(captured, name="<i>m\x1b"), replace(first, containers=(named,))), *others]))
    page.switch.buttons[MACHINES].click()
    table = page.machines.table
    row = next(at for at, each in enumerate(table.model_.rows) if each.machine.name == "<i>m\x1b")
    table.selectRow(row)
    name = column(page.machines.parts, "Container")[0]
    assert "\x1b" not in name + column(table, "Machine")[row]
    index = page.machines.parts.model_.index(0, 1)
    assert "&lt;b&gt;" in str(index.data(Qt.ItemDataRole.ToolTipRole))
    assert page.grab().width() > 0


def test_names_for_the_ear(page: FleetPages) -> None:
    assert page.switch.accessibleName() == "What is listed"
    assert page.machines.table.accessibleName() == "Machines"
    assert page.threats.parts.accessibleName() == "Containers in which it is open"
    page.switch.buttons[MACHINES].click()
    told = page.machines.table.model_.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert str(told).startswith("Exposure 10.0")


def test_the_model_keeps_qts_rules(page: FleetPages) -> None:
    model = ItemModel(several.MACHINES)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    page.switch.buttons[MACHINES].click()
    model.show(page.machines.table.model_.rows)
    assert model.rowCount() == 14
    assert model.data(QModelIndex()) is None
    model.show(())
