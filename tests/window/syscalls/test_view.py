"""The map of system calls: every call is there, by eye, keyboard and screen reader, and differences come first."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from rig.presentation import page_sample
from rig.window import sample
from stratascope.core.layer import CallMap, CallSource, CallState, CallTable, CallVerdict
from stratascope.core.message import msg
from stratascope.linux.syscalls import Abi, numbers
from stratascope.ui.kit.table import ItemRole
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.page import Page
from stratascope.ui.syscalls.list import Cell, Heading, ink_of, rows_of
from stratascope.ui.syscalls.view import CallsView

# what Qt's offscreen platform cannot do is not our fault
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
LET = frozenset({"mount", "bpf"})


def shown(view: CallsView) -> list[str]:
    return [row.pair.name for row in view.list.calls.rows if isinstance(row, Cell)]


@pytest.fixture
def view(theme: Theme, qtbot: QtBot) -> CallsView:
    made = CallsView(theme, page_sample.call_map(LET))
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    return made


def test_every_call_of_every_entry_point_is_a_cell(view: CallsView) -> None:
    for abi in Abi.X86_64, Abi.I386, Abi.X32:
        view.open_abi(abi.value)
        assert sorted(shown(view)) == sorted(numbers(abi))
    assert next(button.accessibleName() for button in view.buttons) == "Entry point x86_64"


def test_the_model_is_sound(view: CallsView, qtbot: QtBot) -> None:
    tester = QAbstractItemModelTester(view.list.calls, QAbstractItemModelTester.FailureReportingMode.Fatal)
    view.open_abi("i386")
    view.field.setText("clone")
    view.field.setText("")
    del tester


def test_what_differs_is_first_and_the_rest_in_groups(view: CallsView) -> None:
    rows = view.list.calls.rows
    assert rows[0] == Heading("Different", 2)
    assert shown(view)[:2] == ["bpf", "mount"]
    headings = [row.title for row in rows if isinstance(row, Heading)]
    assert headings[1:4] == ["Namespaces and mounts", "The kernel itself", "The whole machine"]
    assert sum(row.count for row in rows if isinstance(row, Heading)) == len(shown(view))


@pytest.mark.parametrize("width", [420, 900, 1600])
def test_cells_do_not_overlap_and_fit_the_width(view: CallsView, width: int) -> None:
    view.resize(width, 700)
    QTest.qWait(20)
    cells = view.list
    boxes = [cells.visualRect(cells.calls.index(row, 0)) for row in range(cells.calls.rowCount())]
    assert len({(box.x(), box.y()) for box in boxes}) == len(boxes)
    assert max(box.right() for box in boxes) <= cells.viewport().width()
    for place, row in enumerate(cells.calls.rows):
        if isinstance(row, Heading):
            alone = [box for box in boxes if box.y() == boxes[place].y()]
            assert alone == [boxes[place]], "a heading has a row of its own"


def test_a_scroll_bar_moves_no_cell(view: CallsView) -> None:
    wide = view.list.cell_width
    view.field.setText("clone3")
    QTest.qWait(20)
    assert not view.list.verticalScrollBar().isVisible()
    assert view.list.cell_width == wide


def test_by_keyboard(view: CallsView) -> None:
    cells = view.list
    cells.setFocus()
    QTest.keyClick(cells, Qt.Key.Key_Home)
    assert view.name.text() == f"bpf ({numbers(Abi.X86_64)['bpf']})"
    QTest.keyClick(cells, Qt.Key.Key_Right)
    assert view.name.text().startswith("mount (")
    QTest.keyClick(cells, Qt.Key.Key_Right)  # skips the heading
    assert view.name.text().startswith("chroot (")
    QTest.keyClick(cells, Qt.Key.Key_Left)
    assert view.name.text().startswith("mount (")
    QTest.keyClick(cells, Qt.Key.Key_Down)
    assert isinstance(cells.currentIndex().data(ItemRole), Cell)
    QTest.keyClick(cells, Qt.Key.Key_End)
    last = cells.currentIndex()
    QTest.keyClick(cells, Qt.Key.Key_Right)
    assert cells.currentIndex() == last


def test_what_the_chosen_call_is(view: CallsView) -> None:
    view.list.setCurrentIndex(view.list.calls.index(view.list.calls.place_of("mount"), 0))
    assert view.answer.text() == "Here: allowed. The filter answers ALLOW."
    assert view.there.text() == "With the engine's default: denied."
    assert "Open a disk of the host" in view.words.text()
    view.list.setCurrentIndex(view.list.calls.index(view.list.calls.place_of("clone"), 0))
    assert view.answer.text() == (
        "Here: depends on its arguments: denied with CLONE_NEWUSER and other new namespaces. "
        "The filter answers ALLOW or ERRNO(1)."
    )
    view.list.setCurrentIndex(view.list.calls.index(view.list.calls.place_of("read"), 0))
    assert not view.words.isVisible()


def test_for_the_ear(view: CallsView) -> None:
    calls = view.list.calls
    role = Qt.ItemDataRole.AccessibleTextRole
    assert calls.index(0, 0).data(role) == "Different, 2 system calls"
    assert calls.index(calls.place_of("bpf"), 0).data(role) == "bpf: allowed, different there: denied"
    assert calls.index(calls.place_of("read"), 0).data(role) == "read: allowed"
    assert view.legend.accessibleName() == "327 allowed, 53 denied, 3 by arguments"


def test_the_search_finds_by_part_and_by_number(view: CallsView) -> None:
    view.field.setText("CLONE")
    assert shown(view) == ["clone", "clone3"]
    view.field.setText(str(numbers(Abi.X86_64)["read"]))
    assert "read" in shown(view)
    view.field.setText("no such call")
    assert shown(view) == []
    assert view.name.text() == "No system call has this name."
    QTest.keyClick(view.field, Qt.Key.Key_Escape)
    assert len(shown(view)) == len(numbers(Abi.X86_64))
    view.field.setText("clone3")
    QTest.keyClick(view.field, Qt.Key.Key_Down)
    assert view.name.text().startswith("clone3 (")


def test_where_the_answers_come_from_stands_above(view: CallsView) -> None:
    assert view.source.text() == "Docker's default, as measured on Docker 26.1 (from Stratascope's own table)"


def test_only_a_dangerous_call_beyond_the_other_side_is_red(view: CallsView) -> None:
    cells = {row.pair.name: row for row in view.list.calls.rows if isinstance(row, Cell)}
    red = [name for name, cell in cells.items() if ink_of(cell, cell.verdict) == "open"]
    assert red == ["bpf", "mount"]


def test_an_update_keeps_the_place(view: CallsView) -> None:
    view.open_abi("i386")
    view.list.setCurrentIndex(view.list.calls.index(view.list.calls.place_of("setns"), 0))
    view.show_map(page_sample.call_map(frozenset({"setns"})))
    assert view.abi == "i386"
    assert view.name.text().startswith("setns (")


def test_a_call_that_one_side_lacks_and_a_hostile_name() -> None:
    here = CallTable("x86_64", CallSource.PROFILE, msg("x"), (CallState(sample.NASTY, None, CallVerdict.UNKNOWN, ""),))
    there = CallTable("x86_64", CallSource.PROFILE, msg("x"), (CallState("b", 1, CallVerdict.ALLOWED, "ALLOW"),))
    rows = rows_of(here, there, "")
    assert rows[0] == Heading("Different", 2)
    assert {row.pair.name for row in rows if isinstance(row, Cell)} == {sample.NASTY, "b"}


def test_the_page_of_the_panel_shows_it_and_updates_in_place(theme: Theme, qtbot: QtBot) -> None:
    page = Page(theme)
    qtbot.addWidget(page)
    page.resize(900, 500)
    page.show()
    page.show_views((page_sample.call_map(),))
    made = page.inner.findChildren(CallsView)
    assert len(made) == 1
    page.show_views((page_sample.call_map(LET),))
    assert page.inner.findChildren(CallsView) == made
    assert shown(made[0])[:2] == ["bpf", "mount"]
    page.show_views((CallMap(msg("none"), ()),))
    assert shown(made[0]) == []


@pytest.mark.parametrize("verdict", list(CallVerdict))
def test_every_verdict_can_be_painted(theme: Theme, qtbot: QtBot, verdict: CallVerdict) -> None:
    calls = tuple(CallState(f"call{at}", at, verdict, "") for at in range(3))
    table = CallTable("x86_64", CallSource.KERNEL, msg("t"), calls)
    other = CallTable("x86_64", CallSource.KERNEL, msg("t"), (CallState("call0", 0, CallVerdict.UNKNOWN, ""),))
    view = CallsView(theme, CallMap(msg("t"), (table,), (other,)))
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()
    assert not view.grab().isNull()
