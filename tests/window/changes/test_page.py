"""The page "Changes" in the real window: rows, tiles, spans, the way back, visits, and what others wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from PySide6.QtCore import QDate, QPoint, QRect, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import picture, set_aside, side_of
from rig.window.history.changed import BETTER, HOSTILE, NEW, SESSION, WORSE, machine
from rig.window.history.remembered import Remembered
from rig.window.staged_hardening import StagedHardening
from stratascope.core.accepted import Accepted
from stratascope.core.history.entry import Exposed, Made, PartKind, Subject
from stratascope.core.history.machine import Direction, Moved
from stratascope.presentation import changes_report
from stratascope.ui.app import app as ui
from stratascope.ui.changes import tiles
from stratascope.ui.changes.feed import KEPT
from stratascope.ui.changes.page import CHOSEN, VISIT, YESTERDAY, ChangesPage
from stratascope.ui.changes.table import Heading
from stratascope.ui.findings.list import AcceptDialog
from stratascope.ui.history import moments
from stratascope.ui.kit.background import MemorySettings
from stratascope.ui.kit.page import Group, View
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace

SNAPSHOT = replace(picture(), demo=False)


class NothingAccepted:
    """A `stratascope.ui.findings.acceptances.AcceptedList` that is empty."""

    def entries(self) -> tuple[Accepted, ...]:
        return ()

    def add(self, entry: Accepted) -> None:
        """Not kept."""

    def remove(self, entry: Accepted) -> None:
        """There is none."""


@pytest.fixture
def store() -> Remembered:
    return machine(SNAPSHOT)


@pytest.fixture
def settings() -> MemorySettings:
    return MemorySettings()


@pytest.fixture
def staged() -> StagedHardening:
    return StagedHardening()


@pytest.fixture
def window(qtbot: QtBot, store: Remembered, settings: MemorySettings, staged: StagedHardening) -> Iterator[MainWindow]:
    services = Services(settings=settings, history=store.make(), hardening=staged, accepted=NothingAccepted())
    made = ui.make_window(sample.StillWatch(), services)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.history_feed.see(SNAPSHOT)
    made.selection.show_snapshot(SNAPSHOT)
    yield made
    made.clock.stop()
    made.stop()


@pytest.fixture
def page(qtbot: QtBot, window: MainWindow) -> ChangesPage:
    window.pages.show_view(View.CHANGES)
    found = window.pages.of(ChangesPage)
    qtbot.waitUntil(lambda: found.ready and bool(found.rows))
    return found


def names(page: ChangesPage) -> list[tuple[str, list[str]]]:
    return [(row.direction.value, [each.name for each in row.subjects]) for row in page.rows]


def choose(page: ChangesPage, name: str) -> None:
    place = next(at for at, row in enumerate(page.table.model_.rows)
                 if not isinstance(row, Heading) and row.subject.name == name)  # fmt: skip
    page.table.make_current(place)


def test_the_worst_first_below_headings(page: ChangesPage) -> None:
    assert names(page) == [
        ("worse", [WORSE]),
        ("worse", [SESSION]),
        ("new", [NEW]),
        ("better", [BETTER]),
        ("gone", ["job-0", "job-1", "job-2"]),
        ("gone", [HOSTILE]),
    ]
    shown = page.table.model_.rows
    assert [row.direction.value for row in shown if isinstance(row, Heading)] == ["worse", "new", "better", "gone"]
    counts = {each.value: tile.count for each, tile in page.tiles.tiles.items()}
    assert counts == {"worse": 2, "new": 1, "better": 1, "gone": 4, "other": 0}
    index = page.table.model_.index(1, 0)
    spoken = str(index.data(Qt.ItemDataRole.AccessibleTextRole))
    assert spoken.startswith(f"Worse: {WORSE}: The Docker socket was mounted, SYS_ADMIN was added")
    assert "anna, Compose" in spoken
    assert "4.1 → 10.0" in spoken


def test_what_others_wrote_is_no_markup(page: ChangesPage) -> None:
    choose(page, HOSTILE)
    index = page.table.currentIndex()
    assert "<b>evil" not in str(index.data(Qt.ItemDataRole.ToolTipRole))
    assert "\x1b" not in str(index.data())
    assert page.whose.textFormat() is Qt.TextFormat.PlainText
    assert not page.fix_button.isEnabled()
    assert not page.show_button.isEnabled()  # it is gone


def test_no_tile_tells_a_part_of_a_name(theme: Theme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part of a name is another name: it is there, or it isn't."""
    drawn: list[str] = []

    def draw(painter: QPainter, room: QRect, text: str, font: QFont, *_: object) -> None:
        drawn.append(QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, room.width()))

    monkeypatch.setattr(tiles, "draw_line", draw)
    tile, note = tiles.Tile(theme, Direction.OTHER), "backup and 1 more"
    tile.say(2, note)
    for wide in range(tile.minimumSizeHint().width(), 260):
        tile.resize(wide, 50)
        tile.grab()
    assert note in drawn
    assert set(drawn) == {"2", tile.text(), note}


def test_tiles_filter(page: ChangesPage) -> None:
    page.tiles.tiles[Direction.BETTER].click()
    assert names(page) == [("better", [BETTER])]
    assert page.tiles.tiles[Direction.GONE].count == 4  # the others say what there is
    page.tiles.tiles[Direction.OTHER].click()
    assert names(page) == []
    assert page.nothing.text() == "Nothing matches the filter."
    page.tiles.tiles[Direction.OTHER].click()
    assert len(page.rows) == 6


def test_the_windows_filter(window: MainWindow, page: ChangesPage) -> None:
    window.selection.set_filter("runner")
    assert names(page) == [("worse", [WORSE])]
    window.selection.set_filter("mount:docker.sock cap:sys_admin")  # of the containers as they are
    assert names(page) == [("worse", [WORSE])]
    window.selection.set_filter("cap:no_such")
    assert names(page) == []
    assert "no_such" in page.nothing.text()


def test_the_worst_is_chosen_and_its_plan_is_beside_it(window: MainWindow, page: ChangesPage) -> None:
    dock, side = window.window_layout.dock, side_of(window)
    assert dock is not None
    row = page.table.chosen()
    assert row == page.rows[0]
    assert (page.about, dock.column) == (window.selection.key, side.column)
    window.pages.show_view(View.STRATA)
    other = next(key for key in window.selection.listed() if key != page.about)
    window.selection.go_to(other)
    window.pages.show_view(View.CHANGES)
    assert page.table.chosen() == row
    assert (page.about, dock.column) == (window.selection.key, side.column)


def test_a_rows_container_comes_into_view_with_its_plan(window: MainWindow, page: ChangesPage) -> None:
    choose(page, NEW)
    assert window.selection.current is not None
    assert window.selection.current.container.name == NEW
    assert window.pages.view is View.CHANGES
    dock, side = window.window_layout.dock, side_of(window)
    assert dock is not None
    assert dock.column is side.column
    page.table.make_current(0)  # a heading
    assert dock.column is None, "there is no plan of a container that is not in view"
    choose(page, NEW)
    assert dock.column is side.column
    window.pages.show_view(View.FLEET)
    assert dock.column is None
    window.pages.show_view(View.STRATA)
    assert dock.column is side.column


def test_fix_puts_the_way_back_into_the_plan(qtbot: QtBot, window: MainWindow, page: ChangesPage) -> None:
    draft = side_of(window).draft
    choose(page, NEW)
    choose(page, WORSE)
    qtbot.waitUntil(lambda: draft.state is not None and draft.state.container.name == WORSE and draft.offer is not None)
    assert draft.state is not None
    draft.take_choices(draft.state.key, ())  # all off
    qtbot.waitUntil(lambda: page.offer is not None and not page.on)
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_F)
    assert draft.offer is not None
    option = draft.offer.closing("bpf")
    assert option is not None
    row = draft.row_of(option.key)
    assert row is not None
    assert draft.is_on(row)
    assert page.more.text().startswith("In the plan now: ")


def test_fix_of_another_container_waits_for_its_plan(qtbot: QtBot, window: MainWindow, page: ChangesPage) -> None:
    """By the button in its row, while the plan of another is in view."""
    place = next(at for at, row in enumerate(page.table.model_.rows)
                 if not isinstance(row, Heading) and row.subject.name == WORSE)  # fmt: skip
    rect = page.table.visualRect(page.table.model_.index(place, 2))
    QTest.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(rect.center()))
    qtbot.waitUntil(lambda: page.more.text().startswith("In the plan now: "))
    assert window.selection.current is not None
    assert window.selection.current.container.name == WORSE


def test_show_and_accept(qtbot: QtBot, window: MainWindow, page: ChangesPage) -> None:
    choose(page, WORSE)
    assert page.accept_button.isEnabled()
    page.accept_button.click()
    (dialog,) = window.findChildren(AcceptDialog)
    dialog.reject()
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    assert window.pages.view is View.MATRIX  # the threat that is open now
    window.pages.show_view(View.CHANGES)
    choose(page, SESSION)
    page.show_button.click()
    assert window.pages.switch.groups[Group.DOES].segments.buttons[0].isChecked()  # the processes


def test_its_key_leads_into_the_list_from_where_the_keyboard_goes_on(qtbot: QtBot, window: MainWindow) -> None:
    """From the start to Fix: the page's key, an arrow, F; and Ctrl+Enter presses the button of the plan beside it."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.containers.view.setFocus()
    QTest.keyClick(window, Qt.Key.Key_9, Qt.KeyboardModifier.AltModifier)
    page = window.pages.of(ChangesPage)
    qtbot.waitUntil(lambda: page.ready and bool(page.rows))
    assert page.table.hasFocus()
    assert page.table.chosen() == page.rows[0]
    QTest.keyClick(page.table, Qt.Key.Key_F)
    qtbot.waitUntil(lambda: page.more.text().startswith(("In the plan now", "No switch")))
    assert page.about == window.selection.key
    draft = side_of(window).draft
    qtbot.waitUntil(lambda: draft.button.able)
    with qtbot.waitSignal(draft.try_wanted):
        QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def test_the_palette_leads_to_a_change(qtbot: QtBot, window: MainWindow, page: ChangesPage) -> None:
    assert window.changes.rows == page.rows
    window.pages.show_view(View.STRATA)
    last = page.rows[-1]
    title = changes_report.what_happened(last)
    entry = next(each for each in window.actions_.finder.gather() if each.kind == "Change" and title in each.title)
    entry.act()
    assert window.pages.view is View.CHANGES
    row = page.table.chosen()
    assert row is not None
    assert row.key == last.key


def test_a_visit_ends_when_the_page_is_left(
    qtbot: QtBot, window: MainWindow, page: ChangesPage, store: Remembered, settings: MemorySettings
) -> None:
    button = window.toolbar.views.machine.segments.buttons[0]
    assert window.changes.count == 3
    assert "3" in button.accessibleName()
    window.pages.show_view(View.STRATA)
    assert window.changes.count == 0
    assert abs(float(settings.get(KEPT) or 0) - time.time()) < 60
    at = float(settings.get(KEPT) or 0) + 0.001
    store.note(Subject("docker", SESSION), at, (PartKind.EXPOSED, Exposed(9.0, 9.0)))
    window.changes.begin()
    qtbot.waitUntil(lambda: window.changes.count == 1)
    window.pages.show_view(View.CHANGES)
    qtbot.waitUntil(lambda: names(page) == [("worse", [SESSION])])
    page.choose_span(YESTERDAY)
    qtbot.waitUntil(lambda: len(page.rows) == 6)
    page.choose_span(CHOSEN)
    assert page.day.isVisible()
    line = page.day.findChild(QLineEdit)
    assert line is not None
    margins = line.textMargins()
    room = line.width() - margins.left() - margins.right()
    assert line.fontMetrics().horizontalAdvance(page.day.text()) < room, "the day is cut"
    qtbot.waitUntil(lambda: len(page.rows) == 6)
    page.choose_span(VISIT)
    qtbot.waitUntil(lambda: len(page.rows) == 1)


@pytest.mark.parametrize("kept", ["nonsense", "nan", "1e300", "-5"])
def test_a_visit_that_cant_have_been(settings: MemorySettings, window: MainWindow, kept: str) -> None:
    """Written by hand, or before the clock was set back."""
    settings.set(KEPT, kept)
    assert 0.0 <= window.changes.seen <= time.time()


def test_rows_that_stay_keep_the_current_one(qtbot: QtBot, page: ChangesPage, store: Remembered) -> None:
    choose(page, NEW)
    store.note(Subject("docker", "backup"), time.time(), (PartKind.EXPOSED, Exposed(9.0, 9.0)))
    page.choose_span(YESTERDAY)
    qtbot.waitUntil(lambda: ("worse", ["backup"]) in names(page))
    row = page.table.chosen()
    assert row is not None
    assert row.subject.name == NEW


def test_nothing_recorded_yet(qtbot: QtBot, window: MainWindow, store: Remembered) -> None:
    store.entries_of.clear()
    store.watched.clear()
    window.pages.show_view(View.CHANGES)
    page = window.pages.of(ChangesPage)
    qtbot.waitUntil(lambda: page.ready)
    assert page.nothing.text().startswith("Nothing is recorded yet. From now on")


def test_a_demo_has_no_history(window: MainWindow) -> None:
    window.selection.show_snapshot(replace(SNAPSHOT, demo=True))
    window.pages.show_view(View.CHANGES)
    assert "do not run here" in window.pages.of(ChangesPage).nothing.text()


def test_a_relaunch_of_ours_is_undone_from_its_row(
    qtbot: QtBot, window: MainWindow, page: ChangesPage, store: Remembered, staged: StagedHardening
) -> None:
    state = next(each for each in SNAPSHOT.containers if each.container.name == BETTER)
    choose(page, WORSE)
    assert page.undo_button.isHidden()
    choose(page, BETTER)
    assert page.undo_button.isHidden()  # nothing is kept of it
    store.note(Subject(state.container.engine, BETTER), time.time(),
               (PartKind.MADE, Made(state.container.id, by_us=True)))  # fmt: skip
    window.history_feed.wrote.emit()
    done = set_aside(staged, state)
    side_of(window).set_aside.look_up()
    qtbot.waitUntil(page.undo_button.isVisible, timeout=8000)
    asked: list[object] = []
    page.undo_wanted.connect(asked.append)
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_U)
    assert asked == [done]
    staged.set_aside.clear()
    side_of(window).set_aside.look_up()
    qtbot.waitUntil(page.undo_button.isHidden)  # discarded elsewhere


def test_what_happened_is_worked_out_once_a_row(
    window: MainWindow, page: ChangesPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However wide the page becomes: with 500 rows it is most of the time until the page is seen."""
    asked: list[str] = []
    told = changes_report.what_happened

    def counted(row: Moved) -> str:
        asked.append(row.subject.name)
        return told(row)

    monkeypatch.setattr(changes_report, "what_happened", counted)
    for width in (900, 1300, 1440):
        window.resize(width, 900)
        page.table.show_moved(page.rows)
        page.table.fit()
    assert set(asked) <= {page.rows[0].subject.name}, asked  # the foot's sentence of the chosen row


def test_days_in_the_order_of_the_language(page: ChangesPage, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 30, 9, 5).timestamp()
    assert moments.moment(at) == "Mon 30 Nov 09:05"
    assert page.day.displayFormat() == "yyyy-MM-dd"
    monkeypatch.setattr(moments, "language", lambda: "ja")
    assert moments.moment(at) == "11月30日(月) 09:05"
    assert moments.moment(at, whole=False) == "11月30日(月)"
    assert QDate(2026, 11, 30).toString(moments.day_form()) == "2026年11月30日"
