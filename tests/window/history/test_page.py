"""The page "History" in the real window: the chart by eye, keys and screen reader, changes since yesterday, every
state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import picture
from rig.window.history.remembered import DAY, HELD, HOUR, Remembered, days
from stratascope.core.history.entry import HistoryEntry, HistoryError, PartKind, Run, Subject, WatchSpan
from stratascope.core.history.fold import What
from stratascope.core.message import msg
from stratascope.presentation.history_report import Target
from stratascope.ui.app import app as ui
from stratascope.ui.history.chart import HistoryChart
from stratascope.ui.history.page import FIRST_RANGE, RANGES, HistoryPage
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.history.history import Point
from stratascope.value import replace
from window.history.history_window import live, row, shown, texts, turned

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
Open = Callable[[str], HistoryPage]


@pytest.fixture
def store() -> Remembered:
    return days(live().containers, but="backup")


@pytest.fixture
def window(qtbot: QtBot, store: Remembered) -> Iterator[MainWindow]:
    with shown(qtbot, store) as made:
        yield made


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow) -> Open:
    return partial(turned, qtbot, window)


def chart_of(page: HistoryPage) -> HistoryChart:
    assert page.chart is not None
    assert page.stack.currentWidget() is page.chart
    return page.chart


def test_all_on_one_axis(opened: Open) -> None:
    page = opened(HELD)
    chart = chart_of(page)
    assert chart.past is not None
    since, until = chart.timeline.time()
    assert until - since == pytest.approx(RANGES[FIRST_RANGE][1], rel=0.01)
    happened = {each.what for each in chart.past.changes}
    assert {What.RESTARTED, What.RELAUNCHED, What.SETTINGS, What.EXPOSURE, What.DRIFT, What.IMAGE} <= happened
    assert chart.timeline.x_of(since) < chart.timeline.x_of(until)
    assert chart.timeline.at(chart.timeline.x_of(since + DAY)) == pytest.approx(since + DAY)


def test_since_yesterday(opened: Open) -> None:
    page = opened(HELD)
    assert page.card.title.text().startswith("Since yesterday, ")
    assert page.card.told.text() == "exposure 4.1 → 10.0; 8 changes"
    found = texts(page)
    assert found[0] == "A session (sh) differs from the first process: Capabilities"
    assert "Now open: mount a filesystem" in found
    assert "No longer open: load a kernel module" in found
    assert "Setting: --memory 128m → --memory 256m" in found
    assert "Setting: --cap-add SYS_ADMIN" in found
    assert "Image: app:1 → app:2" in found
    assert any(each.startswith("1 restart, at ") for each in found)


@pytest.mark.parametrize(
    ("text", "view"),
    [("Now open", View.MATRIX), ("--cap-add SYS_ADMIN", View.STRATA), ("A session", View.PROCESSES)],
)
def test_show_leads_to_where_it_belongs(opened: Open, window: MainWindow, text: str, view: View) -> None:
    QTest.mouseClick(row(opened(HELD), text).show_button, Qt.MouseButton.LeftButton)
    assert window.pages.view is view
    if view is View.STRATA:
        assert window.selection.layer_id == "capabilities"


def test_what_leads_nowhere_has_no_button(opened: Open) -> None:
    page = opened(HELD)
    for each in page.card.rows:
        assert each.show_button.isHidden() is (each.line.place is Target.NOWHERE)


def spans(chart: HistoryChart, length: float) -> bool:
    since, until = chart.timeline.time()
    return abs(until - since - length) < length / 100


def test_ranges(qtbot: QtBot, opened: Open) -> None:
    page = opened(HELD)
    chart = chart_of(page)
    for place, (_, length) in enumerate(RANGES):
        QTest.mouseClick(page.ranges.buttons[place], Qt.MouseButton.LeftButton)
        in_view = partial(spans, chart, length)
        qtbot.waitUntil(in_view)
    assert page.first.isVisible()  # its history begins later than the range
    assert "first saw it" in page.first.text()


def test_what_is_recorded_fills_the_chart_until_a_range_is_chosen(qtbot: QtBot) -> None:
    begun = Remembered()
    for name, ago in (("backup", HOUR / 6), (HELD, 5 * HOUR)):
        state = next(each for each in live().containers if each.container.name == name)
        subject = Subject(state.container.engine, name)
        begun.note(subject, time.time() - ago, (PartKind.RUN, Run("running", time.time() - ago)), (PartKind.DRIFT, ()))
        begun.watched = [WatchSpan(time.time() - 5 * HOUR, time.time())]
    with shown(qtbot, begun) as window:
        for name, length in (("backup", HOUR), (HELD, DAY)):
            page = turned(qtbot, window, name)
            chart = chart_of(page)
            qtbot.waitUntil(partial(spans, chart, length))
            checked = next(place for place, each in enumerate(page.ranges.buttons) if each.isChecked())
            assert RANGES[checked][1] == length
        QTest.mouseClick(page.ranges.buttons[FIRST_RANGE], Qt.MouseButton.LeftButton)
        qtbot.waitUntil(partial(spans, chart, 7 * DAY))
        page = turned(qtbot, window, "backup")
        qtbot.waitUntil(partial(spans, chart, 7 * DAY))


def test_wheel_zooms_and_asks_for_finer_lines(qtbot: QtBot, opened: Open) -> None:
    page = opened(HELD)
    chart = chart_of(page)
    surface = chart.timeline.surface
    before = chart.timeline.time()
    where = surface.rect().center()
    turn = QWheelEvent(
        where,
        surface.mapToGlobal(where),
        QPoint(),
        QPoint(0, 480),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(surface, turn)
    qtbot.waitUntil(lambda: chart.timeline.time() != before)
    since, until = chart.timeline.time()
    assert until - since < before[1] - before[0]

    def asked() -> bool:
        """For what is visible now: the axis moves with the clock meanwhile."""
        in_view = pytest.approx(chart.timeline.time(), abs=2.0)
        return chart.past is not None and (chart.past.since, chart.past.until) == in_view

    qtbot.waitUntil(asked)
    assert all(not each.isChecked() for each in page.ranges.buttons)


def test_news_do_not_take_away_what_is_zoomed_to(
    qtbot: QtBot, window: MainWindow, store: Remembered, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier answer arrives while the wheel still turns, or just after."""
    monkeypatch.setattr("stratascope.ui.history.chart.SETTLED", 1500)
    page = opened(HELD)
    chart = chart_of(page)
    whole, shown = chart.timeline.time(), chart.past
    chart.timeline.zoom(4.0, sum(whole) / 2)
    near = chart.timeline.time()
    window.history_feed.wrote.emit()
    qtbot.waitUntil(lambda: all(not each.isChecked() for each in page.ranges.buttons))
    assert chart.timeline.time() == near
    qtbot.waitUntil(lambda: chart.past not in (shown, None) and chart.past.since == near[0])
    chart.timeline.zoom(4.0, sum(near) / 2)
    page.choose_range(0)
    qtbot.waitUntil(partial(spans, chart, HOUR))
    qtbot.waitUntil(lambda: not chart.moves)
    assert page.ranges.buttons[0].isChecked()
    assert spans(chart, HOUR)


def test_keys_go_from_moment_to_moment_and_change_to_change(opened: Open) -> None:
    page = opened(HELD)
    chart = chart_of(page)
    chart.canvas.setFocus()
    QTest.keyClick(chart.canvas, Qt.Key.Key_End)
    last = chart.cursor_at
    QTest.keyClick(chart.canvas, Qt.Key.Key_Left)
    assert last is not None
    assert chart.cursor_at is not None
    assert chart.cursor_at < last
    QTest.keyClick(chart.canvas, Qt.Key.Key_End)
    QTest.keyClick(chart.canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert "A session (sh) differs" in page.told.text()
    assert "exposure 10.0, Critical" in page.told.text()
    QTest.keyClick(chart.canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert "Restarted" in page.told.text()
    before = chart.timeline.time()
    QTest.keyClick(chart.canvas, Qt.Key.Key_Plus)
    since, until = chart.timeline.time()
    assert until - since < before[1] - before[0]
    QTest.keyClick(chart.canvas, Qt.Key.Key_PageUp)
    assert chart.timeline.time()[0] < since


def test_enter_compares_with_that_moment(qtbot: QtBot, opened: Open, window: MainWindow) -> None:
    page = opened(HELD)
    chart = chart_of(page)
    QTest.mouseClick(page.card.another, Qt.MouseButton.LeftButton)
    assert window.focusWidget() is chart.canvas, (window.isActiveWindow(), window.focusWidget())
    chart.set_cursor(time.time() - 3.5 * DAY)
    QTest.keyClick(chart.canvas, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not page.card.title.text().startswith("Since yesterday"))
    assert "Relaunched by Stratascope" in texts(page)
    assert "Setting: --memory 64m → --memory 256m" in texts(page)


def test_the_blue_line_is_dragged(qtbot: QtBot, opened: Open) -> None:
    page = opened(HELD)
    chart = chart_of(page)
    surface = chart.timeline.surface
    assert chart.marker is not None
    start = QPoint(round(chart.timeline.x_of(chart.marker)), 60)
    end = QPoint(round(chart.timeline.x_of(time.time() - 2.8 * DAY)), 60)
    shown = chart.timeline.time()
    QTest.mousePress(surface, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(surface, end)
    QTest.mouseRelease(surface, Qt.MouseButton.LeftButton, pos=end)
    assert chart.timeline.time() == shown  # the marker is dragged, not the view
    qtbot.waitUntil(lambda: not page.card.title.text().startswith("Since yesterday"))


def test_for_the_ear(opened: Open) -> None:
    """A list of moments, each described in a sentence."""
    page = opened(HELD)
    chart = chart_of(page)
    told = QAccessible.queryAccessibleInterface(chart.canvas)
    assert told.role() == QAccessible.Role.List
    assert told.text(QAccessible.Text.Name) == "Exposure and use over time"
    names = [told.child(place).text(QAccessible.Text.Name) for place in range(told.childCount())]
    assert len(names) > 24
    assert any("Relaunched by Stratascope" in each for each in names)
    assert any("exposure 4.1, Medium, Memory " in each for each in names)
    assert any("nothing is known" in each for each in names)  # before it was first seen
    chart.take_part(len(names) - 1)
    assert chart.part_in_hand() == len(names) - 1
    for each in page.card.rows:
        assert each.show_button.accessibleName() == f"Show: {each.line.text}"


def test_nothing_yet(opened: Open) -> None:
    page = opened("backup")
    assert page.stack.currentWidget() is page.nothing
    assert "first saw this container" in page.nothing.text()
    assert not page.card.isVisible()
    assert not page.ranges.isVisible()
    assert chart_of(opened(HELD)).isVisible()


def test_the_demo_has_none(qtbot: QtBot, window: MainWindow, store: Remembered) -> None:
    window.selection.show_snapshot(replace(picture(), demo=True))
    window.pages.show_view(View.HISTORY)
    page = window.pages.of(HistoryPage)
    qtbot.waitUntil(lambda: page.ready)
    assert "do not run here" in page.nothing.text()


def test_without_a_history(qtbot: QtBot) -> None:
    made = ui.make_window(sample.StillWatch())
    qtbot.addWidget(made)
    made.show()
    made.selection.show_snapshot(live())
    made.pages.show_view(View.HISTORY)
    page = made.pages.of(HistoryPage)
    qtbot.waitUntil(lambda: page.ready)
    assert page.nothing.text() == "Nothing is recorded here."
    made.clock.stop()
    made.stop()


def test_what_can_not_be_read_is_told(opened: Open, store: Remembered) -> None:
    store.raises = HistoryError(msg("The disk is gone."))
    assert opened(HELD).nothing.text() == "The disk is gone."


def test_another_window_records(qtbot: QtBot, store: Remembered) -> None:
    store.writes = False
    with shown(qtbot, store) as window:
        page = turned(qtbot, window, HELD)
        assert not page.trouble.isHidden()
        assert page.trouble.text() == "Another window of Stratascope records the history."


def test_news_are_shown(qtbot: QtBot, opened: Open, window: MainWindow, store: Remembered) -> None:
    page = opened(HELD)
    subject = next(each for each in store.entries_of if each.name == HELD)
    store.note(subject, time.time(), (PartKind.SETTINGS, ("--privileged",)))
    window.history_feed.wrote.emit()
    qtbot.waitUntil(lambda: "Setting: --privileged" in texts(page))


def test_another_container_in_view(opened: Open) -> None:
    """Nothing of the previous container is shown under its name."""
    assert len(texts(opened(HELD))) > 5
    page = opened("web")
    assert [each.split(":")[0] for each in texts(page)] == ["Peak use"]
    assert page.card.told.text() == "exposure 4.1, nothing changed"


@pytest.mark.parametrize("size", [(1440, 900), (1000, 600), (560, 480)])
def test_low_and_narrow(qtbot: QtBot, opened: Open, window: MainWindow, size: tuple[int, int]) -> None:
    page = opened(HELD)
    window.resize(*size)
    chart = chart_of(page)
    qtbot.waitUntil(lambda: chart.timeline.area()[0] <= size[0])
    picture_of = chart.grab()
    assert not picture_of.isNull()
    assert page.card.isVisible() is (page.height() >= 420)


def test_a_year_is_painted_quickly_enough_to_be_moved(opened: Open, store: Remembered, qtbot: QtBot) -> None:
    """However much was recorded, what is drawn is bounded."""
    subject = next(each for each in store.entries_of if each.name == "web")
    now = time.time()
    store.watched = [WatchSpan(now - 365 * DAY, now)]
    first = store.entries_of[subject]
    store.entries_of[subject] = [HistoryEntry(now - 365 * DAY, each.kind, each.value) for each in first]
    for hour in range(365 * 6, 0, -1):
        store.note(subject, now - hour * 4 * HOUR, (PartKind.SETTINGS, (f"--memory {hour}m",)))
    page = opened("web")
    page.choose_range(len(RANGES) - 1)
    chart = chart_of(page)
    qtbot.waitUntil(lambda: chart.past is not None and chart.past.until - chart.past.since > 300 * DAY)
    assert chart.past is not None
    assert len(chart.past.changes) > 2000
    assert len(chart.past.used) == 360
    assert not chart.grab().isNull()


def test_names_of_engines_are_plain_text(qtbot: QtBot, opened: Open, store: Remembered, window: MainWindow) -> None:
    subject = next(each for each in store.entries_of if each.name == HELD)
    store.note(subject, time.time() - 60, (PartKind.SETTINGS, ("-v /<b>x</b>\x1b[2J:/y", "--user <img src=x>")))
    page = opened(HELD)
    found = row(page, "<b>x</b>")
    assert found.text.textFormat() is Qt.TextFormat.PlainText
    assert "\x1b" not in found.text.text()


def test_lines_for_the_list(qtbot: QtBot, window: MainWindow, store: Remembered) -> None:
    """Seven days of every container, in one query."""
    found: list[dict[Subject, tuple[Point, ...]]] = []
    window.history_feed.ask_lines(time.time() - 7 * DAY, found.append)
    qtbot.waitUntil(lambda: bool(found))
    assert set(found[0]) == set(store.entries_of)
    held = next(each for each in found[0] if each.name == HELD)
    assert [point.worst for point in found[0][held]] == [4.1, 10.0]
