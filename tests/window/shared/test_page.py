"""The page "Shared": rows, the filter, the chips, and opening a container."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from stratascope.core.overview.shared_parts import SharedKind
from stratascope.core.snapshot import Snapshot
from stratascope.ui.fleet.several import FleetPages
from stratascope.ui.kit.page import View
from stratascope.ui.shared.page import SharedPage
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

WHAT, WHO = 1, 3  # columns

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def wide(count: int) -> Snapshot:
    """Return that many containers, five to a network, all on one machine."""
    snapshot = demo_snapshot()
    model = next(each for each in snapshot.containers if each.container.name == "web")
    states = tuple(
        replace(
            model,
            container=replace(model.container, id=f"{at:064x}", name=f"c{at}", networks=(f"net-{at // 5}", "all")),
        )
        for at in range(count)
    )
    return replace(snapshot, containers=states)


@pytest.fixture
def page(window: MainWindow) -> SharedPage:
    window.selection.show_snapshot(wide(20))
    window.pages.show_view(View.FLEET)
    fleet = window.pages.of(FleetPages)
    assert [each.text() for each in fleet.switch.buttons] == ["Containers", "Shared"]
    fleet.show_shared()
    QApplication.processEvents()
    return fleet.shared


def test_the_gravest_first_and_all_who_have_it(page: SharedPage) -> None:
    kinds = [each.kind for each in page.table.model_.rows]
    assert kinds == sorted(kinds, key=list(SharedKind).index)
    networks = [each for each in page.table.model_.rows if each.kind is SharedKind.NETWORK]
    assert [len(each.containers) for each in networks] == [20, 5, 5, 5, 5]
    row = page.table.model_.rows.index(networks[1])
    page.table.setCurrentIndex(page.table.model_.index(row, WHAT))
    assert page.members.count() == 5
    assert page.meaning.text() == "They reach each other's ports, published or not."


def test_chips_and_filter(window: MainWindow, page: SharedPage) -> None:
    page.chips[SharedKind.NETWORK].click()
    assert {each.kind for each in page.table.model_.rows} == {SharedKind.NETWORK}
    window.selection.set_filter("net-2")
    assert [each.name for each in page.table.model_.rows] == ["net-2"]
    window.selection.set_filter("c7")
    assert [each.name for each in page.table.model_.rows] == ["all", "net-1"]
    window.selection.set_filter("nobody")
    assert page.nothing.isVisible()
    assert not page.card.isVisible()


def test_a_container_is_opened_from_there(window: MainWindow, page: SharedPage) -> None:
    page.table.setFocus()
    page.members.setFocus()
    page.members.setCurrentRow(3)
    wanted = page.members.item(3).data(Qt.ItemDataRole.UserRole)
    QTest.keyClick(page.members, Qt.Key.Key_Return)
    assert window.selection.key == wanted
    assert window.pages.view is View.STRATA


def test_two_hundred_keep_the_chosen_row(qtbot: QtBot, window: MainWindow, page: SharedPage) -> None:
    window.selection.show_snapshot(wide(200))
    assert len([each for each in page.table.model_.rows if each.kind is SharedKind.NETWORK]) == 41
    row = next(at for at, each in enumerate(page.table.model_.rows) if each.name == "net-17")
    page.table.setCurrentIndex(page.table.model_.index(row, 0))
    more = wide(201)
    window.selection.show_snapshot(more)
    assert page.table.model_.rows[page.table.currentIndex().row()].name == "net-17"
    whole = next(each for each in page.table.model_.rows if each.name == "all")
    assert page.table.model_.columns[WHO].text(whole).endswith("and 161 more")


def test_the_model_keeps_qts_rules(qtbot: QtBot, page: SharedPage) -> None:
    model = page.table.model_
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    rows = model.rows
    assert model.show(rows[1:])
    assert not model.show(rows[1:], anew=True)
    assert model.show(())
    assert tester.model() is model


def test_its_columns_share_the_width_that_there_is(page: SharedPage, window: MainWindow, qtbot: QtBot) -> None:
    for width in (1440, 1100, 1440):
        window.resize(width, 900)
        qtbot.wait(50)  # until laid out
        table = page.table
        assert table.columnWidth(WHAT) == round(table.viewport().width() * 0.34)
