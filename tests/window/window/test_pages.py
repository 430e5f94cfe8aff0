"""The painted views: bits, tables, bars, rulers, findings, raw text."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.layer import Bar, Finding
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.ui.findings.row import FindingRow
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.bits import BitsView
from stratascope.ui.panel.page import BarsBlock, Page, RawView, extent, raw_text
from stratascope.ui.panel.rulers import MOST, RulersBlock, place
from stratascope.ui.panel.table import FactsList, TableBlock

# what Qt's offscreen platform cannot do is not our fault
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.mark.parametrize("count", [38, 41, 45])
@pytest.mark.parametrize(("width", "blocks"), [(1200, 3), (540, 2), (300, 1)])
def test_the_grid_shows_every_bit_at_every_width(
    theme: Theme, qtbot: QtBot, count: int, width: int, blocks: int
) -> None:
    view = BitsView(theme, sample.grid(count=count))
    qtbot.addWidget(view)
    view.resize(width, 1000)
    view.show()
    cells = view.list
    assert cells.blocks <= blocks
    assert cells.bits.rowCount() == count
    boxes = [cells.visualRect(cells.bits.index(row, 0)) for row in range(count)]
    assert len({(box.x(), box.y()) for box in boxes}) == count
    inside = cells.viewport().rect()
    assert all(box.top() >= 0 and box.bottom() <= inside.bottom() + 1 for box in boxes)
    assert len({box.x() for box in boxes}) == cells.blocks


def test_the_grid_by_keyboard_and_ear(theme: Theme, qtbot: QtBot) -> None:
    view = BitsView(theme, sample.grid(frozenset({21})))
    qtbot.addWidget(view)
    view.resize(1200, 400)
    view.show()
    assert view.what.text().startswith("SYS_ADMIN:")  # the difference comes first
    assert "CapEff: 0" in view.heads.toolTip()
    view.list.setFocus()
    QTest.keyClick(view.list, Qt.Key.Key_Home)
    assert view.what.text().startswith("CHOWN:")
    QTest.keyClick(view.list, Qt.Key.Key_Right)
    assert view.list.currentIndex().row() == 14
    spoken = str(view.list.bits.index(21, 0).data(Qt.ItemDataRole.AccessibleTextRole))
    assert spoken == "SYS_ADMIN added, in: CapPrm, CapEff, CapBnd"
    assert str(view.list.bits.index(2, 0).data(Qt.ItemDataRole.AccessibleTextRole)) == "DAC_READ_SEARCH, in no set"


def test_the_grid_keeps_its_place_in_an_update(theme: Theme, qtbot: QtBot) -> None:
    view = BitsView(theme, sample.grid())
    qtbot.addWidget(view)
    tester = QAbstractItemModelTester(view.list.bits, QAbstractItemModelTester.FailureReportingMode.Fatal)
    view.list.setCurrentIndex(view.list.bits.index(30, 0))
    view.show_grid(sample.grid(frozenset({30})))
    assert view.list.currentIndex().row() == 30
    assert "The default leaves it out" in view.note.text()
    view.show_grid(sample.grid(count=45))
    assert view.list.bits.rowCount() == 45
    del tester


def test_a_table_is_as_high_as_its_rows(theme: Theme, qtbot: QtBot) -> None:
    block = TableBlock(theme, sample.table())
    qtbot.addWidget(block)
    tester = QAbstractItemModelTester(block.list.model_, QAbstractItemModelTester.FailureReportingMode.Fatal)
    block.resize(800, 600)
    block.show()
    assert block.list.model_.columnCount() == 4
    assert block.list.verticalScrollBar().maximum() == 0
    wide = block.list.height()
    block.resize(320, 600)
    qtbot.waitUntil(lambda: block.list.height() > wide)
    del tester


def test_a_table_model_keeps_rows_where_only_values_differ(theme: Theme, qtbot: QtBot) -> None:
    facts = FactsList(theme, sample.table().rows, "facts")
    qtbot.addWidget(facts)
    with qtbot.assertNotEmitted(facts.model_.modelReset):
        facts.show_facts(sample.table().rows)
    with qtbot.waitSignal(facts.model_.modelReset):
        facts.show_facts(sample.table().rows[:2])
    assert facts.model_.rowCount() == 2


@pytest.mark.parametrize(
    ("used", "limit", "capacity", "wanted"),
    [
        (50.0, 100.0, 1000.0, (0.5, 1.0)),
        (250.0, None, 1000.0, (0.25, 0.0)),
        (None, None, None, (0.0, 0.0)),
        (300.0, 100.0, None, (1.0, 1.0)),
        (-5.0, 100.0, None, (0.0, 1.0)),
        (0.0, 0.0, 0.0, (0.0, 0.0)),
    ],
)
def test_how_far_a_bar_reaches(
    used: float | None, limit: float | None, capacity: float | None, wanted: tuple[float, float]
) -> None:
    assert extent(Bar(msg("x"), used, limit, capacity, msg("v"), "s")) == pytest.approx(wanted)


def test_bars_have_names(theme: Theme, qtbot: QtBot) -> None:
    block = BarsBlock(theme, sample.bars())
    qtbot.addWidget(block)
    assert [bar.accessibleName() for bar in block.bars] == [
        "Memory: 212 MiB of 512 MiB",
        "Processes: 250 of 256",
        "CPU: no limit",
    ]
    assert block.show_bars(sample.bars())


def test_both_the_short_and_the_long_range_can_be_seen() -> None:
    one, many = place(((1000, 1), (100000, 65536)))
    assert one.end - one.start > 0.08
    assert many.end - many.start > one.end - one.start
    assert 0 <= one.start < one.end <= many.start < many.end <= 1


def test_spans_keep_the_order_of_ids_not_of_lines() -> None:
    high, low = place(((5000, 10), (0, 10)))
    assert low.end <= high.start


def test_rulers_by_keyboard(theme: Theme, qtbot: QtBot) -> None:
    block = RulersBlock(theme, sample.rulers())
    qtbot.addWidget(block)
    block.resize(600, 300)
    block.show()
    assert block.line.text() == "ID 0 is ID 1000 on the host"
    block.drawing.setFocus()
    QTest.keyClick(block.drawing, Qt.Key.Key_Right)
    assert block.line.text().startswith("IDs 1 to 65536 are IDs 100000 to 165535 on the host")
    assert "ID 0 is ID 1000" in block.drawing.accessibleDescription()


@pytest.mark.parametrize(("width", "blocks", "tight"), [(1200, 3, False), (420, 1, False)])
def test_all_capabilities_side_by_side(theme: Theme, qtbot: QtBot, width: int, blocks: int, tight: bool) -> None:
    view = BitsView(theme, sample.grid())
    qtbot.addWidget(view)
    view.resize(width, 400)
    view.show()
    assert (view.list.blocks, view.list.tight) == (blocks, tight)


def test_three_blocks_in_the_panel_of_1440(theme: Theme, qtbot: QtBot) -> None:
    """Even with wide letters: then the gaps shrink, and no name is cut."""
    view = BitsView(theme, sample.grid())
    qtbot.addWidget(view)
    view.resize(theme.px(770), 400)
    view.show()
    assert view.list.blocks == 3
    names = max(view.list.fontMetrics().horizontalAdvance(row.name) for row in view.list.grid.rows)
    room = view.list.cells_left(0) - theme.px(6)
    assert names <= room
    assert 3 * view.list.block_width - view.list.gap <= view.list.width()


def test_a_map_of_340_lines(theme: Theme, qtbot: QtBot) -> None:
    block = RulersBlock(theme, sample.rulers(340))
    qtbot.addWidget(block)
    block.resize(600, 300)
    block.show()
    assert block.more.text() == f"{340 - MOST} more ranges are in the raw text"
    assert not block.grab().isNull()


def test_a_finding_with_nasty_text(theme: Theme, qtbot: QtBot) -> None:
    finding = Finding(
        "x.y", "x", Severity.HIGH, msg("{n}", n=sample.NASTY), msg("Do."), sample.NASTY, ("PSS:baseline",)
    )
    card = FindingRow(theme, finding)
    qtbot.addWidget(card)
    card.unfold(unfolded=True)
    labels = card.findChildren(QLabel)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)
    assert all("\u202e" not in label.text() and "\x1b" not in label.text() for label in labels)
    assert "High" in [label.text() for label in labels]


def test_raw_text_shows_what_was_read_and_why_not() -> None:
    capture = Capture(
        7,
        (
            Reading("status", "/proc/7/status", "Name:\tx\x1b[31m\nUid:\t0\n"),
            Reading("ns/net", "/proc/7/ns/net", gap=Gap(GapKind.DENIED, 13)),
            Reading("uid_map", "/proc/7/uid_map", "0 0 1\n"),
        ),
    )
    text = raw_text(capture, ("status", "ns/net"))
    assert "── /proc/7/status" in text
    assert "Name:\tx\\x1b[31m\nUid:\t0\n" in text, "tabs are the kernel's; nothing else that could act is left"
    assert "DENIED (errno 13)" in text
    assert "uid_map" not in text
    assert "uid_map" in raw_text(capture, ())
    assert "Nothing was read" in raw_text(None, ())


def test_raw_text_is_searched_and_copied(theme: Theme, qtbot: QtBot) -> None:
    view = RawView(theme)
    qtbot.addWidget(view)
    view.show_text("one\ntwo\nthree\n")
    assert view.text.isReadOnly()
    view.field.setText("thr")
    assert view.text.textCursor().selectedText() == "thr"
    view.field.setText("zzz")
    assert view.found.text() == "No matches"


def test_a_newer_reading_leaves_selection_search_and_place_in_the_raw_text(theme: Theme, qtbot: QtBot) -> None:
    def text(used: int) -> str:
        lines = [f"memory.current {used} {'x' * 400}", *(f"line {number}" for number in range(200)), f"pids {used}"]
        return "\n".join(lines)

    view = RawView(theme)
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    view.show_text(text(9))
    view.field.setText("line 1")
    QTest.keyClick(view.field, Qt.Key.Key_Return)
    assert view.text.textCursor().block().text() == "line 10"
    bars = view.text.horizontalScrollBar(), view.text.verticalScrollBar()
    for bar in bars:
        bar.setValue(bar.maximum() // 2)
    before = [bar.value() for bar in bars]
    assert all(before)
    view.show_text(text(10_000))
    assert [bar.value() for bar in bars] == before
    assert view.text.textCursor().selectedText() == "line 1"
    QTest.keyClick(view.field, Qt.Key.Key_Return)
    assert view.text.textCursor().block().text() == "line 11"
    view.show_text("short")
    assert view.text.textCursor().position() == 5
    view.text.selectAll()
    view.show_text("other", "of another layer")
    assert not view.text.textCursor().hasSelection()


def test_what_was_not_found_may_come_with_the_next_reading(theme: Theme, qtbot: QtBot) -> None:
    view = RawView(theme)
    qtbot.addWidget(view)
    view.show_text("one\n")
    view.field.setText("two")
    view.show_text("one\nthree\n")
    assert view.found.text() == "No matches"
    view.show_text("one\ntwo\n")
    assert view.found.text() == ""


def test_a_page_updates_in_place(theme: Theme, qtbot: QtBot) -> None:
    page = Page(theme)
    qtbot.addWidget(page)
    page.show_views((sample.grid(), sample.table(), sample.bars(), sample.rulers()))
    made = list(page.made)
    page.show_views((sample.grid(frozenset({2})), sample.table(), sample.bars(), sample.rulers(340)))
    assert page.made == made
    page.show_views((sample.table(),))
    assert page.made != made
