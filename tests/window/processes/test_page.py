"""The page of processes, on a capture of real containers: a hardened one with a session in it, one with threads."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window.processes.many_processes import many, real, with_state
from stratascope.core.overview.processes import Process
from stratascope.core.snapshot import Snapshot
from stratascope.ui.kit.page import View
from stratascope.ui.processes.page import ProcessesPage
from stratascope.ui.processes.table import Column, SessionLine, Show
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def show(window: MainWindow, snapshot: Snapshot, name: str) -> ProcessesPage:
    window.selection.show_snapshot(snapshot)
    window.selection.go_to(next(each.key for each in snapshot.containers if each.container.name == name))
    window.pages.show_view(View.PROCESSES)
    QApplication.processEvents()
    return window.pages.of(ProcessesPage)


@pytest.fixture
def page(window: MainWindow) -> ProcessesPage:
    return show(window, real(), "hardened")


def session_of(page: ProcessesPage) -> Process:
    return next(each for each in page.processes if each.session and each.beyond)


def test_the_worst_is_chosen_first_and_its_layers_are_shown(page: ProcessesPage) -> None:
    strong = session_of(page)
    assert page.table.chosen == strong
    assert page.card.name.text() == f"{strong.command}, PID {strong.pid_inside}"
    assert page.card.end.isVisible()
    assert [each.differs for each in page.card.beside if each.first.id == "capabilities"] == [True]
    rows = page.card.rows
    assert rows["capabilities"].arrow.isVisible()
    assert not rows["mac"].arrow.isVisible()
    assert "holds more in its effective set" in rows["capabilities"].text.text()
    first = page.processes[0]
    page.table.choose(first.key)
    assert not page.card.end.isVisible()
    assert page.card.note.text() == "the first process"


def test_a_session_has_a_line_of_its_own_that_no_arrow_stops_at(page: ProcessesPage) -> None:
    rows = page.table.model_.rows
    place = next(at for at, each in enumerate(rows) if isinstance(each, SessionLine))
    page.table.setFocus()
    page.table.choose(page.processes[0].key)
    for _ in rows:
        QTest.keyClick(page.table, Qt.Key.Key_Down)
        assert page.table.currentIndex().row() != place
    assert page.table.currentIndex().row() == len(rows) - 1
    spoken = page.table.model_.index(place, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("Exec session")


def test_chips_choose(page: ProcessesPage) -> None:
    page.chips[Show.BEYOND].click()
    shown = [each for each in page.table.model_.rows if isinstance(each, Process)]
    assert shown == [each for each in page.processes if each.beyond]
    assert page.chips[Show.BEYOND].accessibleName() == f"More than the first process: {len(shown)}"
    page.chips[Show.ROOT].click()
    assert all(each.user_inside == 0 for each in page.table.model_.rows if isinstance(each, Process))
    page.chips[Show.ALL].click()
    assert sum(isinstance(each, Process) for each in page.table.model_.rows) == len(page.processes)


def test_the_chosen_one_stays_while_others_come_and_go(window: MainWindow, page: ProcessesPage) -> None:
    snapshot = real()
    state = next(each for each in snapshot.containers if each.container.name == "hardened")
    kept = session_of(page)
    assert page.table.chosen == kept
    others = tuple(each for each in state.processes if each.pid == kept.pid)
    page = show(window, with_state(snapshot, replace(state, processes=others)), "hardened")
    assert page.table.chosen is not None
    assert page.table.chosen.key == kept.key
    page = show(window, with_state(snapshot, replace(state, processes=())), "hardened")
    assert page.table.chosen is not None
    assert page.table.chosen.pid == state.container.pid


def test_the_same_reading_is_not_worked_on_again(page: ProcessesPage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(page.table, "show_rows", lambda *_: asked.append(1))
    page.refresh()
    assert asked == []


def test_to_end_a_session_is_asked_once(qtbot: QtBot, window: MainWindow, page: ProcessesPage) -> None:
    """The capture's process does not exist here, so no process of that number is touched: it counts as gone."""
    wanted: list[object] = []
    page.refresh_wanted.connect(wanted.append)
    page.card.end.click()
    box = page.question
    assert box is not None
    assert box.defaultButton().text() == "Leave it"
    box.reject()
    qtbot.waitUntil(lambda: page.question is None or not page.question.isVisible())
    assert wanted == []
    page.card.end.click()
    assert page.question is not None
    next(each for each in page.question.buttons() if each.objectName() == "end-session").click()
    qtbot.waitUntil(lambda: wanted == [window.selection.key])


def test_copied_is_what_is_shown(page: ProcessesPage) -> None:
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    text = QGuiApplication.clipboard().text()
    assert text.startswith(page.card.name.text())
    assert len(text.splitlines()) == 7
    assert "Capabilities: Open" in text


def test_what_could_not_be_read_is_told(window: MainWindow) -> None:
    snapshot = real()
    state = next(each for each in snapshot.containers if each.container.name == "hardened")
    page = show(window, with_state(snapshot, replace(state, unread=3, members_from="")), "hardened")
    assert "At least 3 other processes or threads could not be read." in page.note.text()
    assert "can't be listed" in page.note.text()


def test_names_do_nothing(window: MainWindow) -> None:
    snapshot = real()
    state = next(each for each in snapshot.containers if each.container.name == "hardened")
    process = next(each for each in state.processes if each.capture is not None)
    assert process.capture is not None
    readings = tuple(
        replace(each, text="<b>\x1b[2Jevil\n") if each.name == "comm" else each for each in process.capture.readings
    )
    evil = replace(process, capture=replace(process.capture, readings=readings))
    page = show(window, with_state(snapshot, replace(state, processes=(evil,))), "hardened")
    texts = [str(page.table.model_.index(row, 0).data()) for row in range(page.table.model_.rowCount())]
    assert "\x1b" not in "".join(texts)
    assert page.card.name.textFormat() is Qt.TextFormat.PlainText


def test_five_hundred_processes_and_threads(qtbot: QtBot, window: MainWindow) -> None:
    """All are shown; a newer reading of the same ones keeps every row and the scroll position."""
    page = show(window, many(500), "hardened")
    qtbot.waitUntil(lambda: len(page.processes) == 1001)
    page.table.choose((1000321, page.processes[1].start))
    page.table.verticalScrollBar().setValue(3000)
    resets: list[int] = []
    page.table.model_.modelReset.connect(lambda: resets.append(1))
    before = page.processes
    show(window, many(500, turn=7), "hardened")
    qtbot.waitUntil(lambda: page.processes is not before)
    assert resets == []
    assert page.table.verticalScrollBar().value() == 3000
    assert page.table.chosen is not None
    assert page.table.chosen.pid == 1000321


def test_the_model_keeps_qts_rules(qtbot: QtBot, window: MainWindow) -> None:
    page = show(window, real(), "hardened")
    table = page.table
    tester = QAbstractItemModelTester(table.model_, QAbstractItemModelTester.FailureReportingMode.Fatal)
    table.show_processes((), Show.ALL, {})
    assert table.model_.rowCount() == 0
    table.show_processes(page.processes, Show.ALL, {})
    with qtbot.assertNotEmitted(table.model_.modelReset), qtbot.waitSignal(table.model_.dataChanged):
        table.show_processes(page.processes, Show.ALL, {page.processes[0].key: "sleep 3600"})
    assert table.lines(page.processes[0], Column.PROCESS)[1] == "sleep 3600"
    assert tester.model() is table.model_
