"""The model of all tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from stratascope.core.message import msg
from stratascope.ui.kit.table import Column, ItemModel, ItemRole, ItemTable
from stratascope.ui.kit.theme import Theme

Row = tuple[str, int]
NAME = Column(msg("What"), lambda row: row[0], order=lambda row: row[0])
NUMBER = Column("<b>", lambda row: str(row[1]), whole=lambda row: f"<{row[1]}>", spoken=lambda row: f"{row[1]} of ten",
                order=lambda row: row[1], explained="how many")  # fmt: skip
ROWS: tuple[Row, ...] = (("c", 1), ("a", 3), ("b", 2))


@pytest.fixture
def model(qtbot: QtBot) -> Iterator[ItemModel]:
    made = ItemModel((NAME, NUMBER), lambda row: row[0], choosable=lambda row: row[0] != "a")
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert made.show(ROWS)
    yield made
    assert tester.model() is made


def test_a_cell_says_what_its_column_says(model: ItemModel) -> None:
    index = model.index(1, 1)
    assert index.data() == "3"
    assert index.data(ItemRole) == ("a", 3)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "3 of ten"
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "<p>&lt;3&gt;</p>"
    assert model.index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "a"
    assert [model.headerData(at, Qt.Orientation.Horizontal) for at in range(3)] == ["What", "<b>", None]
    assert model.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) == "<p>how many</p>"
    assert model.data(QModelIndex()) is None


def test_rows_that_keep_their_keys_are_changed_in_place(model: ItemModel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.dataChanged) as told:
        assert not model.show((("c", 1), ("a", 4), ("b", 2)))
    first, last = told.args[:2]
    assert (first.row(), last.row()) == (1, 1)
    with qtbot.assertNotEmitted(model.dataChanged):
        assert not model.show(model.rows)
    with qtbot.waitSignal(model.dataChanged) as told:
        model.show(model.rows, anew=True)
    assert (told.args[0].row(), told.args[1].row()) == (0, 2)


def test_others_or_other_columns_are_a_reset(model: ItemModel) -> None:
    assert model.show(ROWS[:2])
    assert model.show(ROWS[:2], (NAME,))
    assert model.columnCount() == 1
    assert model.show(())
    assert model.at(0) is None
    assert model.place_of("c") == -1


def test_a_heading_can_not_be_chosen(model: ItemModel) -> None:
    able = [bool(model.flags(model.index(row, 0)) & Qt.ItemFlag.ItemIsSelectable) for row in range(3)]
    assert able == [True, False, True]


def test_rows_are_sorted_by_a_column_and_stay_so(model: ItemModel) -> None:
    model.sort(0)
    assert [row[0] for row in model.rows] == ["a", "b", "c"]
    model.sort(1, Qt.SortOrder.DescendingOrder)
    assert [row[1] for row in model.rows] == [3, 2, 1]
    model.show((*ROWS, ("d", 9)))
    assert model.place_of("d") == 0


def test_the_whole_row_below_the_mouse_is_shaded(qtbot: QtBot, theme: Theme) -> None:
    table = ItemTable(theme, "them", ItemModel((NAME, NUMBER), lambda row: row[0]))
    qtbot.addWidget(table)
    table.show_rows(ROWS)
    table.resize(400, 300)
    table.show()

    def shaded() -> list[int]:
        picture, found = table.viewport().grab().toImage(), []
        for row in range(len(ROWS)):
            y = table.rowViewportPosition(row) + 5
            inks = {picture.pixelColor(x, y).name() for x in (5, table.columnWidth(0) + 5)}
            found += [row] if inks == {theme.color("sunk").name()} else []
            assert len(inks) == 1, "both cells alike"
        return found

    def point(row: int) -> None:
        at = QPoint(table.columnWidth(0) + 20, table.rowViewportPosition(row) + 10)
        QTest.mouseMove(table.viewport(), at)
        qtbot.waitUntil(lambda: table.pointed == row)

    point(1)
    assert shaded() == [1]
    point(2)
    assert shaded() == [2]
    QTest.mouseMove(table.viewport(), QPoint(20, 280))
    qtbot.waitUntil(lambda: not shaded())
