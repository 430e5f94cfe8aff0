"""What the rows below the chart offer next to *Show*: the toggle that fixes it, the log; and proposed limits."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window.hardening import picture, side_of
from rig.window.history.remembered import HELD, Remembered, days
from rig.window.staged_hardening import StagedHardening
from stratascope.core.history.entry import Part, PartKind, Subject
from stratascope.core.history.fold import What
from stratascope.core.ports import LogLine
from stratascope.ui.history.page import HistoryPage
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.daily.daily import Daily
from window.history.history_window import live, row, shown, turned

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


class Printed:
    """An engine whose containers have printed one line."""

    def follow(self, container: str, lines: int, since: str) -> Printed:
        return self

    def __iter__(self) -> Iterator[LogLine]:
        yield LogLine("now", "ready")

    def close(self) -> None:
        """It has ended already."""


@pytest.fixture
def store() -> Remembered:
    return days(live().containers)


@pytest.fixture
def window(qtbot: QtBot, store: Remembered) -> Iterator[MainWindow]:
    whole = picture()
    daily = Daily(lambda engine: Printed())  # type: ignore[arg-type, return-value]
    with shown(qtbot, store, StagedHardening(whole.engines, whole.ground), daily) as made:
        yield made


def note(store: Remembered, *parts: tuple[PartKind, Part], name: str = HELD) -> None:
    """Record a change that has just happened."""
    store.note(subject_of(store, name), time.time() - 60, *parts)


def subject_of(store: Remembered, name: str) -> Subject:
    return next(each for each in store.entries_of if each.name == name)


def offered(qtbot: QtBot, window: MainWindow, name: str) -> HistoryPage:
    page = turned(qtbot, window, name)
    draft = side_of(window).column.draft
    qtbot.waitUntil(lambda: draft.offer is not None)
    return page


def test_a_threat_that_has_opened_is_closed_by_its_switch(qtbot: QtBot, window: MainWindow, store: Remembered) -> None:
    note(store, (PartKind.THREATS, ("bpf",)))
    page = offered(qtbot, window, HELD)
    found = row(page, "Now open")
    draft = side_of(window).column.draft
    assert draft.offer is not None
    option = draft.offer.closing("bpf")
    assert option is not None
    qtbot.waitUntil(lambda: found.fix_button.text() == "Switched on")  # by the recommended preset
    assert draft.state is not None
    draft.take_choices(draft.state.key, ())
    change = draft.row_of(option.key)
    assert change is not None
    assert not draft.is_on(change)
    qtbot.waitUntil(lambda: found.fix_button.text() == "Fix")
    QTest.mouseClick(found.fix_button, Qt.MouseButton.LeftButton)
    change = draft.row_of(option.key)
    assert change is not None
    assert draft.is_on(change)
    qtbot.waitUntil(lambda: found.fix_button.text() == "Switched on")
    assert row(page, "No longer open").fix_button.isHidden()


def test_a_limit_that_is_gone_comes_back_by_its_switch(qtbot: QtBot, window: MainWindow, store: Remembered) -> None:
    note(store, (PartKind.SETTINGS, ("--cap-add SYS_ADMIN",)))
    page = offered(qtbot, window, HELD)
    gone = row(page, "--memory 128m")
    assert gone.line.unlimited == "memory"
    qtbot.waitUntil(gone.fix_button.isVisible)
    assert "Limit memory" in gone.fix_button.accessibleName()
    QTest.mouseClick(gone.fix_button, Qt.MouseButton.LeftButton)
    change = side_of(window).draft.row_of("memory")
    assert change is not None
    assert side_of(window).draft.is_on(change)
    assert row(page, "--cap-add SYS_ADMIN").fix_button.isHidden()


def test_a_layer_that_is_weaker_is_mended_as_its_findings_are(
    qtbot: QtBot, window: MainWindow, store: Remembered
) -> None:
    note(store, (PartKind.LAYERS, (("capabilities", "OPEN"), ("mac", "ENFORCED"))))
    was = subject_of(store, HELD)
    first = next(each for each in store.entries_of[was] if each.kind is PartKind.LAYERS)
    store.entries_of[was].remove(first)
    store.note(was, first.at, (PartKind.LAYERS, (("capabilities", "ENFORCED"), ("mac", "OPEN"))))
    store.entries_of[was].sort(key=lambda each: each.at)
    page = offered(qtbot, window, HELD)
    qtbot.waitUntil(row(page, "Capabilities: Enforced → Open").fix_button.isVisible)
    assert row(page, ": Open → Enforced").fix_button.isHidden()


def test_without_hardening_nothing_is_offered(qtbot: QtBot, store: Remembered) -> None:
    note(store, (PartKind.THREATS, ("bpf",)))
    with shown(qtbot, store) as window:
        page = turned(qtbot, window, HELD)
        assert all(each.fix_button.isHidden() for each in page.card.rows)
        assert "proposed limit" not in page.legend.accessibleName()


def test_another_container_has_other_switches(qtbot: QtBot, window: MainWindow, store: Remembered) -> None:
    note(store, (PartKind.THREATS, ("bpf",)))
    page = offered(qtbot, window, HELD)
    qtbot.waitUntil(row(page, "Now open").fix_button.isVisible)
    note(store, (PartKind.THREATS, ("bpf",)), name="web")
    page = offered(qtbot, window, "web")
    assert row(page, "Now open").fix_button.isHidden()  # it is stopped by now


def test_restarts_lead_to_the_log(qtbot: QtBot, window: MainWindow) -> None:
    page = turned(qtbot, window, HELD)
    with_logs = [each.line.text for each in page.card.rows if not each.logs_button.isHidden()]
    assert [each.split(",")[0] for each in with_logs] == ["1 restart"]
    found = row(page, "1 restart")
    assert found.show_button.isHidden()
    assert found.logs_button.accessibleName().startswith("Logs: 1 restart")
    QTest.mouseClick(found.logs_button, Qt.MouseButton.LeftButton)
    assert window.selection.key is not None
    assert window.daily.windows[window.selection.key].isVisible()


def test_a_limit_that_is_proposed_is_dashed(qtbot: QtBot, window: MainWindow) -> None:
    """The proposed limit is the one that the toggle in the right column would set."""
    page = offered(qtbot, window, HELD)
    draft = side_of(window).column.draft
    assert draft.offer is not None
    proposed = draft.offer.proposed
    switch = draft.offer.limiting("cpu")
    assert switch is not None
    assert proposed.cpu == float(switch.value)
    assert page.chart is not None
    chart = page.chart
    qtbot.waitUntil(lambda: chart.proposed == proposed)
    assert "proposed limit" in page.legend.accessibleName()
    assert "the plan proposes" in page.legend.toolTip()
    assert "proposed limit" in [word for _, word, _, _ in page.legend.placed()], "in a second line, where one is full"
    assert "limit" in page.legend.accessibleName().replace("proposed limit", "")
    assert chart.past is not None
    assert any(each.what is What.SETTINGS for each in chart.past.changes)
    assert not chart.grab().isNull()
