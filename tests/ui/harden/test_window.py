"""Hardening in the window, staged without an engine: a whole relaunch, a rollback, an undo, and the way out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
)
from pytestqt.qtbot import QtBot

from stratascope.core.container import EngineState, Status
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.owner import Owned, OwnerFile, OwnerKind, OwnerPlan
from stratascope.core.relaunch.toggle import Preset, Proven
from stratascope.core.relaunch.transaction import Damaged, Ending, Remedy, Transaction
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.harden.command_box import Exported
from stratascope.ui.harden.draft import SETTLE
from stratascope.ui.harden.offer_query import PATIENCE
from stratascope.ui.harden.words import exposure_range
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.dialog import Page
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.plan.preflight import Block
from stratascope.value import replace
from stratascope.wiring.engines import LateEngines, assembler, demo_record
from ui import sample
from ui.hardening import dock_of, side_of
from ui.staged_hardening import StagedHardening
from usecases.live.replay import Replay

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
BLOCK = Block("swarm", msg("Docker Swarm owns this container."), msg("Export the hardened settings."))


@pytest.fixture(scope="module")
def picture() -> Snapshot:
    """The demo's containers, as if they were of this machine."""
    record = demo_record()
    record = replace(record, engines=tuple(replace(each, state=EngineState.CONNECTED) for each in record.engines))
    found: list[Snapshot] = []
    Replay(record, assembler(), demo=False).start(found.append)
    return found[0]


@pytest.fixture
def staged(picture: Snapshot) -> StagedHardening:
    return StagedHardening(picture.engines, picture.ground)


@pytest.fixture
def window(
    qtbot: QtBot, staged: StagedHardening, picture: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    made = ui.make_window(sample.StillWatch(), hardening=staged)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    select(made, "ci-runner")
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.clock.stop()
    side = side_of(made)
    if staged.gate is not None:
        staged.gate.set()
    qtbot.waitUntil(lambda: not side.busy)
    side.queries.end()


def select(window: MainWindow, name: str) -> ContainerState:
    assert window.selection.snapshot is not None
    state = next(state for state in window.selection.snapshot.containers if state.container.name == name)
    assert window.containers.view.select_key(state.key)
    column = side_of(window).column
    if state.matrix is not None and not window.selection.snapshot.demo:
        while column.draft.offered_key != state.key:
            QTest.qWait(2)
        assert column.draft.offered_key == state.key
    return state


def named(picture: Snapshot, name: str) -> ContainerState:
    return next(state for state in picture.containers if state.container.name == name)


def with_others(picture: Snapshot, *states: ContainerState, without: str = "") -> Snapshot:
    """A newer picture: these as they are given, the others read anew, the same."""
    keys = {state.key for state in states}
    others = tuple(
        replace(each) for each in picture.containers if each.key not in keys and each.container.name != without
    )
    return replace(picture, containers=(*others, *states))


def stopped(state: ContainerState) -> ContainerState:
    container = replace(state.container, name=f"{state.container.name}.old-1", pid=None, status=Status.EXITED)
    return replace(state, container=container, matrix=None)


def asked(staged: StagedHardening, name: str) -> int:
    return sum(call == name for call, _ in staged.calls)


def planned(qtbot: QtBot, window: MainWindow) -> RelaunchController:
    side = side_of(window)
    qtbot.waitUntil(lambda: side.column.draft.plan is not None)
    return side


def relaunch(qtbot: QtBot, window: MainWindow) -> RelaunchController:
    """By the keyboard: the button, and the sheet's."""
    side = planned(qtbot, window)
    side.column.button.setFocus()
    QTest.keyClick(side.column.button, Qt.Key.Key_Space)
    assert side.dialog.isVisible()
    assert side.dialog.pages.currentIndex() == Page.BEFORE.value
    QTest.keyClick(side.dialog.go, Qt.Key.Key_Space)
    return side


def cell(table: QTableWidget, row: int, column: int) -> QTableWidgetItem:
    found = table.item(row, column)
    assert found is not None
    return found


def over(qtbot: QtBot, side: RelaunchController) -> None:
    qtbot.waitUntil(lambda: not side.busy)
    assert side.dialog.pages.currentIndex() == Page.AFTER.value


def test_without_a_desk_there_is_no_trace(qtbot: QtBot) -> None:
    made = ui.make_window(sample.StillWatch())
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(sample.snapshot())
    assert made.hardening is None
    assert not [action for action in made.actions_.menu.actions() if "Set aside" in action.text()]
    made.clock.stop()


def test_the_recommended_preset_is_on_at_first(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = side_of(window)
    column = side.column
    assert column.title.text() == "Harden ci-runner"
    assert column.presets.current is Preset.RECOMMENDED
    assert window.selection.current is not None
    assert column.draft.choices == tuple(
        choice
        for choice in staged.preset(window.selection.current, Preset.RECOMMENDED)
        if choice in column.draft.choices
    )
    assert column.draft.choices
    assert {name for name, row in column.rows.items() if row.able and row.isChecked()} == {
        choice.toggle for choice in column.draft.choices
    }
    planned(qtbot, window)
    assert column.button.isEnabled()
    assert column.button.text() == "Relaunch hardened"
    assert "kept for undo" in column.note.text()
    assert "docker run" in column.command.code.accessibleName()


def test_engine_work_is_never_on_the_windows_thread(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    side.set_aside.show()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.rowCount() == 1)
    assert {name for name, _ in staged.calls} >= {"recover", "plan", "run", "aside"}
    assert threading.main_thread().name not in {thread for _, thread in staged.calls}


def test_presets_by_arrow_keys_and_ones_own_choice(window: MainWindow) -> None:
    column = side_of(window).column
    recommended = column.draft.choices
    column.presets.parts[Preset.RECOMMENDED].setFocus()
    QTest.keyClick(column.presets, Qt.Key.Key_Right)
    QTest.keyClick(column.presets, Qt.Key.Key_Right)
    assert column.presets.current is Preset.STRICT
    assert len(column.draft.choices) > len(recommended)
    name = column.draft.choices[0].toggle
    column.rows[name].setFocus()
    QTest.keyClick(column.rows[name], Qt.Key.Key_Space)
    assert column.presets.current is None
    assert name not in {choice.toggle for choice in column.draft.choices}


def test_choices_stay_with_their_container(window: MainWindow) -> None:
    column = side_of(window).column
    column.presets.chosen.emit(Preset.STRICT)
    strict = column.draft.choices
    select(window, "web")
    assert column.presets.current is Preset.RECOMMENDED
    select(window, "ci-runner")
    assert column.draft.choices == strict


def test_the_prediction_follows_the_switches(window: MainWindow) -> None:
    column = side_of(window).column
    column.presets.parts[Preset.STRICT].click()
    assert column.draft.preview is not None
    before = column.draft.preview.after.exposure.worst
    for name in list(column.rows):
        if column.rows[name].able:
            column.draft.switch(name, False)
    assert column.draft.preview.after.exposure.worst == column.draft.preview.before.exposure.worst
    assert before < column.draft.preview.before.exposure.worst
    assert not column.button.isEnabled()
    assert column.draft.choices == ()


def test_a_value_that_cannot_be_is_told_and_not_taken(window: MainWindow) -> None:
    column = side_of(window).column
    column.draft.switch("memory", True)
    row = column.rows["memory"]
    assert row.value.isVisibleTo(row)
    row.value.click()
    sheet = column.sheet
    assert sheet.isVisible()
    sheet.field.setText("much")
    assert not sheet.take.isEnabled()
    assert "Give a size such as 512m" in sheet.error.text()
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    assert sheet.isVisible()
    sheet.field.setText("300m")
    assert sheet.error.text() == ""
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)
    assert not sheet.isVisible()
    assert {choice.toggle: choice.value for choice in column.draft.choices}["memory"] == "300m"


def test_a_value_is_not_taken_for_another_container(window: MainWindow, picture: Snapshot) -> None:
    column = side_of(window).column
    column.draft.switch("memory", True)
    column.rows["memory"].value.click()
    column.sheet.field.setText("300m")
    window.feed.snapshot.emit(with_others(picture, without="ci-runner"))
    assert not column.sheet.isVisible()
    here = window.selection.current
    assert here is not None
    select(window, here.container.name)
    before = column.draft.choices
    QTest.keyClick(column.sheet, Qt.Key.Key_Return)
    column.sheet.take.click()
    assert column.draft.choices == before


def test_a_file_is_not_taken_for_another_container(
    window: MainWindow, staged: StagedHardening, monkeypatch: pytest.MonkeyPatch
) -> None:
    column, profile = side_of(window).column, "/srv/profile.json"
    staged.files = ((profile, '{"defaultAction": "SCMP_ACT_ALLOW"}'),)

    def answer(*_: object) -> tuple[str, str]:
        select(window, "web")  # somebody chooses another one, or this one vanishes, while the dialog is open
        return profile, ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    before = {choice.toggle: choice.value for choice in column.draft.choices}
    column.draft.switch("seccomp", True)
    column.rows["seccomp"].value.click()
    column.sheet.browse.click()
    assert column.title.text() == "Harden web"
    assert profile not in {choice.value for choice in column.draft.choices}
    assert column.presets.current is Preset.RECOMMENDED
    select(window, "ci-runner")
    assert {choice.toggle: choice.value for choice in column.draft.choices} == before | {"seccomp": "default"}


def test_a_file_that_cannot_be_used_is_told(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    column = side_of(window).column
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "no.json"), ""))
    column.draft.switch("seccomp", True)
    column.rows["seccomp"].value.click()
    column.sheet.browse.click()
    assert column.told.isVisible()
    assert "no.json" in column.told.text()
    assert {choice.toggle: choice.value for choice in column.draft.choices}["seccomp"] == "default"


def test_capabilities_are_chosen_in_a_grid(window: MainWindow) -> None:
    column = side_of(window).column
    column.draft.switch("capabilities", True)
    column.rows["capabilities"].value.click()
    sheet = column.sheet
    assert sheet.grid is not None
    assert sheet.grid.count() == 41
    blocks = {sheet.grid.visualItemRect(sheet.grid.item(number)).left() for number in range(41)}
    assert len(blocks) == 3
    assert max(sheet.grid.visualItemRect(sheet.grid.item(n)).right() for n in range(41)) <= sheet.grid.width()
    sheet.choices["none"].setChecked(True)
    sheet.grid.setFocus()
    sheet.grid.setCurrentRow(10)
    QTest.keyClick(sheet.grid, Qt.Key.Key_Space)
    assert sheet.value == "CAP_NET_BIND_SERVICE"
    assert sheet.grid.item(10).data(Qt.ItemDataRole.AccessibleTextRole) == "NET_BIND_SERVICE: kept"
    sheet.take.click()
    assert {choice.toggle: choice.value for choice in column.draft.choices}["capabilities"] == "CAP_NET_BIND_SERVICE"
    assert column.rows["capabilities"].value.text() == "1 of 41"


def test_the_sheet_shows_the_command_and_what_to_keep_in_mind(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    side.column.button.click()
    before = side.dialog.before
    assert before.head_warnings.text() == "To keep in mind"
    assert before.warnings.count() == 1
    assert before.differences.count() == len(side.column.draft.choices)
    boxes = before.findChildren(QPlainTextEdit)
    assert [box.toPlainText() for box in boxes if box.isVisibleTo(before)] == [side.column.command.text]
    side.dialog.back.click()


def test_the_wheel_scrolls_the_page_and_changes_no_number(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    side.column.button.click()
    watch = side.dialog.watch
    before = watch.value()
    watch.setFocus()
    centre = QPointF(watch.rect().center())
    wheel = QWheelEvent(
        centre, QPointF(watch.mapToGlobal(centre.toPoint())), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(watch, wheel)
    assert watch.value() == before
    side.dialog.back.click()


def test_a_whole_relaunch(qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    assert side.dialog.pages.currentIndex() == Page.DURING.value
    assert "done" in side.dialog.steps.lines["stop"].accessibleName()
    assert "under way" in side.dialog.steps.lines["watch"].accessibleName()
    assert side.column.button.text() == "Show"
    select(window, "web")  # the window is not blocked
    select(window, "ci-runner")
    old = window.selection.current
    assert old is not None
    staged.gate.set()
    over(qtbot, side)
    assert side.dialog.title.text() == "Hardened, and proven"
    table = side.dialog.after.table
    assert table.rowCount() == len(side.dialog.after.proofs) > 0
    assert {proof.proof.outcome for proof in side.dialog.after.proofs} == {Proven.ENFORCED}
    assert "/proc/PID/status:CapBnd" in cell(table, 0, 3).toolTip()
    assert side.dialog.after.undo.isVisible()
    # the replacement arrives: it is selected, and stands beside the prediction
    new = replace(old, container=replace(old.container, id=f"new-{old.container.id[:8]}"))
    others = tuple(each for each in picture.containers if each.key != old.key)
    window.feed.snapshot.emit(replace(picture, containers=(*others, new)))
    assert window.selection.current is not None
    assert window.selection.current.key == new.key
    assert "reading" not in side.dialog.after.exposure.accessibleName()


def test_not_all_is_proven(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    staged.unproven = side.column.draft.choices[0].toggle
    relaunch(qtbot, window)
    over(qtbot, side)
    assert side.dialog.title.text() == "Hardened, but not all of it is proven"
    assert cell(side.dialog.after.table, 0, 1).text() == "Not enforced"
    assert cell(side.dialog.after.table, 0, 3).text() == "It is 0"


def test_a_rollback_tells_why_and_shows_the_log_as_plain_text(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.outcome = Ending.ROLLED_BACK
    side = relaunch(qtbot, window)
    over(qtbot, side)
    assert side.dialog.title.text() == "Rolled back: all is as it was before"
    assert side.dialog.lead.text() == "It ended by itself, with exit status 1."
    assert "Read-only file system" in side.dialog.after.log.toPlainText()
    assert "\x1b" not in side.dialog.after.log.toPlainText()
    assert side.dialog.after.words.text() == "exit 1"
    assert not side.dialog.after.undo.isVisible()
    assert "failed" in side.dialog.steps.lines["watch"].accessibleName()
    assert "done" in side.dialog.steps.lines["roll-back"].accessibleName()
    assert window.selection.current is not None
    assert window.selection.current.container.name == "ci-runner"


def test_who_is_to_blame_can_be_switched_off_at_once(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    side.column.presets.parts[Preset.STRICT].click()
    assert "read-only-root" in {choice.toggle for choice in side.column.draft.choices}
    staged.outcome, staged.suspects = Ending.ROLLED_BACK, ("read-only-root",)
    planned(qtbot, window)
    relaunch(qtbot, window)
    over(qtbot, side)
    after = side.dialog.after
    assert after.blame.text() == "The log speaks of a read-only file system."
    assert after.leave_out.text() == "Switch off “Read-only root directory”"
    after.leave_out.click()
    assert not side.dialog.isVisible()
    assert "read-only-root" not in {choice.toggle for choice in side.column.draft.choices}
    staged.suspects = ()
    planned(qtbot, window)
    relaunch(qtbot, window)
    over(qtbot, side)
    assert not after.leave_out.isVisible()
    assert not after.blame.isVisible()


def test_who_is_to_blame_is_switched_off_where_it_was(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    column = side.column
    column.presets.parts[Preset.STRICT].click()
    planned(qtbot, window)
    staged.outcome, staged.suspects = Ending.ROLLED_BACK, ("read-only-root",)
    relaunch(qtbot, window)
    over(qtbot, side)
    select(window, "web")
    column.presets.parts[Preset.STRICT].click()
    strict = column.draft.choices
    assert "read-only-root" in {choice.toggle for choice in strict}
    side.dialog.after.leave_out.click()
    qtbot.waitUntil(lambda: column.title.text() == "Harden ci-runner")
    planned(qtbot, window)
    assert column.draft.choices
    assert "read-only-root" not in {choice.toggle for choice in column.draft.choices}
    select(window, "web")
    assert column.draft.choices == strict


def test_who_is_to_blame_in_one_that_is_gone_changes_no_other(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    staged.outcome, staged.suspects = Ending.ROLLED_BACK, (side.column.draft.choices[0].toggle,)
    relaunch(qtbot, window)
    over(qtbot, side)
    window.feed.snapshot.emit(with_others(picture, without="ci-runner"))
    select(window, "web")
    before = side.column.draft.choices
    side.dialog.after.leave_out.click()
    assert window.selection.current is not None
    assert window.selection.current.container.name == "web"
    assert side.column.draft.choices == before


def test_what_an_owner_is_given_is_shown_and_taken_out_again(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    file = OwnerFile("/srv/shop/compose.override.yaml", "services:\n  web: {}\n")
    owned = Owned(OwnerKind.COMPOSE, "web", (), ("/srv/shop/compose.yaml",), (file,), 60.0)
    staged.owner = OwnerPlan(owned, msg("Compose creates the service again."), ("docker compose up -d web",))
    side = side_of(window)
    side.column.draft.switch("memory", False)
    planned(qtbot, window)
    assert side.column.note.text() == "Compose creates the service again."
    side.column.button.click()
    boxes = side.dialog.before.findChildren(QPlainTextEdit)
    assert [box.toPlainText() for box in boxes if box.isVisibleTo(side.dialog.before)] == [
        "services:\n  web: {}",
        "docker compose up -d web",
    ]
    side.dialog.go.click()
    over(qtbot, side)
    after = side.dialog.after
    assert after.discard.text() == "Accept…"
    after.undo.click()
    assert "taken out" in side.dialog.lead.text()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    side.dialog.go.click()
    over(qtbot, side)
    assert not after.undo.isVisible()
    assert not after.discard.isVisible()


def test_cancel_means_roll_back(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    side.dialog.back.click()
    assert "next safe place" in side.dialog.told.text()
    over(qtbot, side)
    assert side.dialog.title.text() == "Rolled back: all is as it was before"


def test_escape_hides_the_sheet_and_the_run_goes_on(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    QTest.keyClick(side.dialog, Qt.Key.Key_Escape)
    assert not side.dialog.isVisible()
    assert side.busy
    side.column.button.click()
    assert side.dialog.isVisible()
    staged.gate.set()
    over(qtbot, side)
    assert side.dialog.title.text() == "Hardened, and proven"


def test_a_run_that_ends_while_its_sheet_is_hidden_brings_it_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.gate, staged.outcome = threading.Event(), Ending.ROLLED_BACK
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    QTest.keyClick(side.dialog, Qt.Key.Key_Escape)
    assert not side.dialog.isVisible()
    staged.gate.set()
    over(qtbot, side)
    assert side.dialog.isVisible()
    assert side.dialog.title.text() == "Rolled back: all is as it was before"
    assert "exit status 1" in side.dialog.lead.text()


def test_the_way_back_to_a_run_stays_while_the_original_is_stopped(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    QTest.keyClick(side.dialog, Qt.Key.Key_Escape)
    column, old = side.column, named(picture, "ci-runner")
    window.feed.snapshot.emit(with_others(picture, stopped(old)))
    assert window.selection.current is not None
    assert window.selection.current.key == old.key
    assert column.nothing.text() == "It does not run at the moment."
    assert "Watch it for" in column.note.text()
    assert column.note.isVisible()
    assert column.button.text() == "Show"
    assert not column.presets.isVisible()
    column.button.click()
    assert side.dialog.isVisible()
    side.dialog.back.click()  # cancel, and roll back
    over(qtbot, side)
    assert not column.button.isVisible()
    assert not column.note.isVisible()
    assert "Start it first" in column.nothing.text()


def test_the_window_goes_once_to_what_a_run_left(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    staged.outcome = Ending.ROLLED_BACK
    side = relaunch(qtbot, window)
    over(qtbot, side)
    back = stopped(named(picture, "ci-runner"))  # ended again before it was read
    select(window, "web")
    window.feed.snapshot.emit(with_others(picture, back))
    assert window.selection.current is not None
    assert window.selection.current.key == back.key
    select(window, "web")
    window.toolbar.filter.setText("web")
    for _ in range(2):
        window.feed.snapshot.emit(with_others(picture, back))
        assert window.selection.current is not None
        assert window.selection.current.container.name == "web"
        assert window.toolbar.filter.text() == "web"


def test_after_an_undo_that_was_refused_the_window_shows_what_still_runs(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    old = named(picture, "ci-runner")
    new = replace(old, container=replace(old.container, id=f"new-{old.container.id[:8]}"))
    both = with_others(picture, new, stopped(old))
    window.feed.snapshot.emit(both)
    staged.undo_refused = msg("Other containers have come to need it since.")
    side.dialog.after.undo.click()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    side.dialog.go.click()
    over(qtbot, side)
    select(window, "web")
    window.feed.snapshot.emit(both)
    assert window.selection.current is not None
    assert window.selection.current.key == new.key


def test_an_undo(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.written = ("/var/lib/one", "/var/lib/two")
    side = relaunch(qtbot, window)
    over(qtbot, side)
    side.dialog.after.undo.click()
    assert side.dialog.title.text() == "Bring the original of ci-runner back?"
    assert not side.dialog.go.isEnabled()
    qtbot.waitUntil(side.dialog.go.isEnabled)

    def quoted() -> list[str]:
        boxes = side.dialog.before.findChildren(QPlainTextEdit)
        return [box.toPlainText() for box in boxes if box.isVisibleTo(side.dialog.before)]

    qtbot.waitUntil(lambda: quoted() == ["/var/lib/one\n/var/lib/two"])  # what is new is shown by the event loop
    side.dialog.go.click()
    over(qtbot, side)
    assert side.dialog.title.text() == "Undone: the original runs again"
    assert [done.kind.value for done in staged.set_aside] == ["undo"]
    assert side.dialog.after.discard.text() == "Discard it…"
    side.dialog.after.undo.click()
    assert side.dialog.title.text() == "Go back to the hardened ci-runner?"
    assert side.dialog.lead.isVisible()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    assert side.dialog.go.hasFocus()
    QTest.keyClick(side.dialog.go, Qt.Key.Key_Return)
    over(qtbot, side)
    assert side.dialog.title.text() == "The hardened one runs again"


def test_what_is_typed_while_an_undo_is_looked_into_stays(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    staged.undo_gate = threading.Event()
    side.dialog.after.undo.click()
    watch = side.dialog.watch
    watch.setFocus()
    watch.selectAll()
    QTest.keyClicks(watch, "33")
    staged.undo_gate.set()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    assert watch.hasFocus()
    assert watch.value() == 33
    side.dialog.back.click()
    side.ask_undo(staged.set_aside[0])
    assert watch.value() == side.dialog.before.usual()


def test_the_column_tells_what_is_set_aside_and_leads_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    side.dialog.back.click()
    kept = side.column.kept
    old = window.selection.current
    assert old is not None
    # both are there: the replacement under its name, and the original, which does not run
    new = replace(old, container=replace(old.container, id=f"new-{old.container.id[:8]}"))
    stopped = replace(old, container=replace(old.container, name="ci-runner.old-1", pid=None, status=Status.EXITED))
    others = tuple(each for each in picture.containers if each.key != old.key)
    window.feed.snapshot.emit(replace(picture, containers=(*others, new, stopped)))
    assert window.containers.view.select_key(new.key)
    qtbot.waitUntil(lambda: kept.text.text() == "Hardened 1 hour ago; the original is set aside.")
    kept.undo.click()
    assert side.dialog.title.text() == "Bring the original of ci-runner back?"
    side.dialog.back.click()
    assert window.containers.view.select_key(stopped.key)
    qtbot.waitUntil(lambda: kept.text.text() == "This is the original of ci-runner, set aside 1 hour ago.")
    assert side.column.nothing.text() == "It waits here, stopped, in case it is wanted again."
    press(kept.discard.click, "discard")
    qtbot.waitUntil(kept.isHidden)
    assert staged.set_aside == []


def test_what_is_set_aside_is_listed_and_discarded_only_after_a_question(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    staged.damaged = (Damaged("journal/x.json", "no JSON"),)
    action = next(each for each in window.actions_.menu.actions() if each.text() == "Set aside…")
    action.trigger()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.rowCount() == 2)
    table = side.set_aside.dialog.table
    assert [cell(table, 0, column).text() for column in range(5)] == [
        "ci-runner", "docker", "1 hour ago", "4.6 MiB", "Can be undone",
    ]  # fmt: skip
    assert "no JSON" in cell(table, 1, 4).text()
    table.selectRow(1)
    assert not side.set_aside.dialog.discard.isEnabled()
    table.selectRow(0)
    press(side.set_aside.dialog.discard.click, "")
    assert len(staged.set_aside) == 1  # kept: nothing was pressed but Escape
    press(side.set_aside.dialog.discard.click, "discard")
    qtbot.waitUntil(lambda: not staged.set_aside)
    qtbot.waitUntil(lambda: table.rowCount() == 1)


def set_aside(staged: StagedHardening, state: ContainerState) -> Transaction:
    """As `stratascope harden` in a terminal does, of a container that has had its replacement for long."""
    made = staged.transaction(staged.plan(state, staged.preset(state, Preset.RECOMMENDED)))
    done = replace(made, old="0" * 64, new=state.container.id)
    staged.set_aside.append(done)
    return done


def test_what_is_set_aside_or_discarded_elsewhere_is_known_soon(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    kept = side.column.kept
    staged.blocks = (
        Block("set-aside", msg("An original of it is still set aside."), msg("Undo or discard it first.")),
    )
    set_aside(staged, named(picture, "ci-runner"))
    window.clock.timeout.emit()
    qtbot.waitUntil(kept.isVisible)
    qtbot.waitUntil(lambda: side.column.button.text() == "Show what is set aside")
    side.set_aside.show()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.rowCount() == 1)
    kept.discard.click()
    boxes = [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]
    assert len(boxes) == 1
    staged.set_aside, staged.blocks = [], ()
    window.clock.timeout.emit()
    qtbot.waitUntil(kept.isHidden)
    assert not [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.rowCount() == 0)
    header = side.set_aside.dialog.table.horizontalHeader()
    assert all(header.sectionSize(place) >= header.sectionSizeHint(place) for place in range(header.count()))
    planned(qtbot, window)
    assert side.column.button.text() == "Relaunch hardened"
    assert asked(staged, "discard") == 0


def test_a_question_about_what_is_still_set_aside_stays(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = side_of(window)
    done = set_aside(staged, named(picture, "ci-runner"))
    window.clock.timeout.emit()
    qtbot.waitUntil(side.column.kept.isVisible)
    side.set_aside.show()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.rowCount() == 1)
    first = replace(set_aside(staged, named(picture, "web")), id="t0")
    staged.set_aside = [first, done]

    def meanwhile() -> None:
        side.ask_discard(done)
        window.clock.timeout.emit()
        qtbot.waitUntil(lambda: side.set_aside.kept == (first, done))

    press(meanwhile, "")
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.rowCount() == 2)
    assert side.set_aside.dialog.current is not None
    assert side.set_aside.dialog.current.id == done.id  # the selection stays with it


def test_the_result_offers_no_way_back_to_what_was_discarded_elsewhere(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    assert side.dialog.after.discard.isVisible()
    qtbot.waitUntil(lambda: bool(side.set_aside.kept))
    staged.set_aside = []
    window.clock.timeout.emit()
    qtbot.waitUntil(lambda: not side.dialog.after.discard.isVisible())
    assert not side.dialog.after.undo.isVisible()


def test_what_recovery_set_aside_is_known_at_once(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = side_of(window)
    qtbot.waitUntil(lambda: asked(staged, "kept") > 0)
    qtbot.wait(50)
    set_aside(staged, named(picture, "ci-runner"))
    side.recovery.recover()
    qtbot.waitUntil(side.column.kept.isVisible)


def press(call: Callable[[], object], name: str) -> None:
    """Answer the question that `call` opens; an empty name: Escape."""
    call()
    box = next(each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible())
    if name:
        next(button for button in box.buttons() if button.objectName() == name).click()
    else:
        QTest.keyClick(box, Qt.Key.Key_Escape)


def test_a_discard_that_fails_says_so(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    staged.discard_fails = EngineError(EngineState.STOPPED, msg("The engine does not answer."), "EOF")
    press(side.dialog.after.discard.click, "discard")
    qtbot.waitUntil(side.column.told.isVisible)
    assert "The engine does not answer. EOF" in side.column.told.text()
    assert len(staged.set_aside) == 1


def test_a_block_says_why_and_the_button_offers_the_way_out(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    staged.blocks = (BLOCK,)
    side.column.draft.switch("memory", False)
    planned(qtbot, window)
    assert side.column.note.text() == "Docker Swarm owns this container. Export the hardened settings."
    assert side.column.button.text() == "Copy the command"
    side.column.button.click()
    assert QGuiApplication.clipboard().text().startswith("docker run")
    assert not side.dialog.isVisible()


def test_our_own_blocks_have_a_way_out_here(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    staged.blocks = (
        Block("set-aside", msg("An original of it is still set aside."), msg("Undo or discard it first.")),
    )
    side.column.draft.switch("memory", False)
    planned(qtbot, window)
    assert side.column.button.text() == "Show what is set aside"
    side.column.button.click()
    qtbot.waitUntil(side.set_aside.dialog.isVisible)
    side.set_aside.dialog.hide()
    staged.blocks = (Block("unfinished", msg("It was not finished."), msg("Run recover first.")),)
    side.column.draft.switch("memory", True)
    planned(qtbot, window)
    assert side.column.button.text() == "Put it right"
    staged.calls.clear()
    staged.blocks = ()
    side.column.button.click()
    qtbot.waitUntil(lambda: "recover" in {name for name, _ in staged.calls})


def test_an_option_that_makes_it_safe_is_taken_and_given_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    boxes = side.column.remedies.boxes
    assert not side.column.remedies.isVisible()
    staged.blocks = (Block("writable-layer", msg("It wrote files."), msg("Commit it."), Remedy.COMMIT_LAYER), BLOCK)
    side.column.draft.switch("memory", False)
    planned(qtbot, window)
    assert side.column.note.text() == "Docker Swarm owns this container. Export the hardened settings."
    staged.blocks = staged.blocks[:1]
    side.column.draft.switch("memory", True)
    planned(qtbot, window)
    assert side.column.note.text() == "It wrote files."
    assert boxes[Remedy.COMMIT_LAYER].isVisible()
    assert not boxes[Remedy.DEPENDENTS].isVisible()
    assert side.column.button.text() == "Take its files along"
    side.column.button.click()
    planned(qtbot, window)
    assert side.column.button.text() == "Relaunch hardened"
    assert boxes[Remedy.COMMIT_LAYER].isChecked()
    assert side.column.draft.plan is not None
    assert side.column.draft.plan.remedies == {Remedy.COMMIT_LAYER}
    boxes[Remedy.COMMIT_LAYER].click()
    planned(qtbot, window)
    assert side.column.button.text() == "Take its files along"


def test_an_engine_that_offers_nothing_says_so(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.offer_fails = EngineError(EngineState.STOPPED, msg("The engine is stopped."), "connection refused")
    column = side_of(window).column
    state = next(each for each in window.selection.snapshot.containers if each.container.name == "web")  # type: ignore[union-attr]
    assert window.containers.view.select_key(state.key)
    qtbot.waitUntil(lambda: column.nothing.text() == "The engine is stopped.")
    assert column.nothing.isVisible()
    assert "connection refused" in column.nothing.toolTip()
    assert not column.button.isVisible()
    staged.offer_fails = None
    select(window, "ci-runner")
    assert column.button.isVisible()


def test_what_could_not_be_put_right_is_tried_again_when_the_engine_is_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = side_of(window)
    state = next(each for each in picture.containers if each.container.name == "web")
    staged.broken_off = (staged.transaction(staged.plan(state, staged.preset(state, Preset.RECOMMENDED))),)
    staged.recover_fails = EngineError(EngineState.STOPPED, msg("The engine is stopped."), "connection refused")
    side.recovery.recover()
    qtbot.waitUntil(side.column.told.isVisible)
    assert "can't be put right yet: The engine is stopped." in side.column.told.text()
    away = tuple(replace(each, state=EngineState.STOPPED) for each in picture.engines)
    window.feed.snapshot.emit(replace(picture, engines=away))
    staged.calls.clear()
    staged.recover_fails = None
    window.feed.snapshot.emit(picture)
    qtbot.waitUntil(lambda: "recover" in {name for name, _ in staged.calls})


def test_exports_are_in_a_menu(
    qtbot: QtBot, staged: StagedHardening, picture: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATASCOPE_THEME", "dark")
    staged.blocks = (BLOCK,)
    made = ui.make_window(
        sample.StillWatch(), hardening=staged,
        exports=lambda plan: (Exported(msg("Compose override file"), "override.yaml", lambda: plan.spec.name),),
    )  # fmt: skip
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    select(made, "ci-runner")
    side = planned(qtbot, made)
    assert side.column.button.text() == "Export instead…"
    side.column.button.click()
    menu = side.column.command.menu
    assert [action.text() for action in menu.actions()] == ["Compose override file"]
    part = menu.actions()[0].menu()
    assert isinstance(part, QMenu)
    part.actions()[0].trigger()
    assert QGuiApplication.clipboard().text() == "ci-runner"
    menu.hide()
    made.clock.stop()
    made.close()


def test_only_limits_are_changed_live(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = side_of(window)
    for choice in side.column.draft.choices:
        side.column.draft.switch(choice.toggle, False)
    side.column.draft.switch("memory", True)
    planned(qtbot, window)
    assert side.column.button.text() == "Change limits"
    assert side.column.prediction.title.text() == "After the change, predicted"
    staged.gate = threading.Event()
    relaunch(qtbot, window)
    assert side.dialog.title.text().startswith("Changing the limits of ")
    assert not side.dialog.back.isVisible(), "there is nothing to roll back"
    assert not side.dialog.lead.isVisible()
    window.close()
    assert window.isVisible(), "it closes once that is done"
    assert not [each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox) and each.isVisible()]
    staged.gate.set()
    over(qtbot, side)
    qtbot.waitUntil(lambda: not window.isVisible())
    assert side.dialog.title.text() == "The limits are changed"
    assert not side.dialog.after.undo.isVisible()
    assert not side.dialog.back.isHidden()


def test_a_plan_that_fails_can_be_tried_again(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    staged.plan_fails = EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."), "timeout")
    side.column.draft.switch("memory", False)
    qtbot.waitUntil(lambda: side.column.button.text() == "Try again")
    assert side.column.note.text() == "The engine does not answer."
    staged.plan_fails = None
    side.column.button.click()
    planned(qtbot, window)
    assert side.column.button.text() == "Relaunch hardened"


def test_why_a_plan_failed_outlives_the_next_reading(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    staged.plan_fails = EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."), "timeout")
    side.column.draft.switch("memory", False)
    qtbot.waitUntil(lambda: side.column.button.text() == "Try again")
    window.feed.snapshot.emit(with_others(picture))
    qtbot.wait(SETTLE + 100)
    assert side.column.note.text() == "The engine does not answer."
    assert side.column.button.text() == "Try again"
    assert side.column.button.isEnabled()
    staged.plan_fails = None
    side.column.draft.switch("memory", True)
    planned(qtbot, window)
    assert side.column.button.text() == "Relaunch hardened"


def test_a_plan_is_asked_for_again_when_the_engine_is_back(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    side = planned(qtbot, window)
    away = tuple(replace(each, state=EngineState.UNREACHABLE) for each in picture.engines)
    window.feed.snapshot.emit(replace(with_others(picture), engines=away))
    assert side.column.nothing.text() == "Its engine does not answer now."
    assert side.column.draft.plan is None
    window.feed.snapshot.emit(with_others(picture))
    planned(qtbot, window)
    assert side.column.button.isEnabled()


def test_closing_while_a_relaunch_runs_asks_and_rolls_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "watch" in side.dialog.steps.lines)
    press(window.close, "")
    assert window.isVisible()
    assert side.busy
    press(window.close, "roll-back")
    qtbot.waitUntil(lambda: not window.isVisible())
    assert not side.busy
    assert not side.dialog.isVisible()
    assert side.dialog.after.ended is not None
    assert side.dialog.after.ended.ending is Ending.ROLLED_BACK


def test_below_1240_the_column_is_a_drawer(qtbot: QtBot, window: MainWindow) -> None:
    side = side_of(window)
    assert side.column.isVisible()
    assert not dock_of(window).button.isVisible()
    window.resize(1100, 800)
    assert not side.column.isVisible()
    assert dock_of(window).button.isVisible()
    QTest.keyClick(window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert side.column.isVisible()
    assert dock_of(window).drawer.geometry().right() <= window.width()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not dock_of(window).drawer.isVisible()
    window.resize(1440, 900)
    assert side.column.isVisible()
    assert 288 <= side.column.width() <= 400


def test_low_windows_fold_parts_but_never_the_button(window: MainWindow) -> None:
    column = side_of(window).column
    assert column.command.isVisible()
    window.resize(1440, 790)
    assert not column.command.isVisible()
    assert column.prediction.rows[1].isVisible()
    window.resize(1440, 600)
    assert not column.prediction.rows[1].isVisible()
    assert column.button.isVisible()


def test_what_cannot_be_hardened_says_why(window: MainWindow, picture: Snapshot) -> None:
    column = side_of(window).column
    select(window, next(each for each in picture.containers if each.container.pid is None).container.name)
    assert "does not run" in column.nothing.text()
    assert not column.button.isVisible()


def test_the_demo_can_be_looked_at_and_nothing_done(qtbot: QtBot, picture: Snapshot) -> None:
    """With the real staged, which has no engine at all."""
    made = ui.make_window(sample.StillWatch(), hardening=start.hardening_of(LateEngines()))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(replace(picture, demo=True))
    side = side_of(made)
    made.feed.snapshot.emit(replace(picture, demo=True))
    state = next(each for each in picture.containers if each.container.name == "ci-runner")
    assert made.containers.view.select_key(state.key)
    qtbot.waitUntil(lambda: side.column.draft.offered_key == state.key)
    assert side.column.rows
    assert side.column.draft.preview is not None
    assert "This is the demo" in side.column.note.text()
    assert not side.column.button.isEnabled()
    qtbot.waitUntil(side.column.hint.isVisible)
    made.clock.stop()
    side.queries.end()


def test_what_would_help_most_is_named_where_it_stays_serious(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    column = side_of(window).column
    staged.hints = "engine-socket"
    column.presets.parts[Preset.RECOMMENDED].click()
    qtbot.waitUntil(column.hint.isVisible)
    told = column.hint.link.text()
    column.hint.link.click()
    assert column.draft.preview is not None
    assert told == f"Take the engine's socket away: {exposure_range(column.draft.preview.after)}"
    assert "engine-socket" in {choice.toggle for choice in column.draft.choices}
    qtbot.waitUntil(lambda: not column.hint.isVisible())


def test_a_hint_is_not_worked_out_again_for_nothing_and_goes_with_the_rest(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    column = side_of(window).column
    staged.hints = "engine-socket"
    column.presets.parts[Preset.RECOMMENDED].click()
    qtbot.waitUntil(column.hint.isVisible)
    staged.calls.clear()
    read_again = tuple(replace(each) for each in picture.containers)
    window.feed.snapshot.emit(replace(picture, containers=read_again))
    qtbot.wait(50)
    assert [name for name, _ in staged.calls if name in ("hint", "offer")] == []
    assert column.hint.isVisible()
    select(window, next(each for each in picture.containers if each.container.pid is None).container.name)
    assert not column.hint.isVisible()


def test_every_part_has_a_name_for_the_screen_reader(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    column = side.column
    for row in column.rows.values():
        assert row.accessibleName()
        assert row.accessibleDescription()
    assert "Now: Exposure" in column.prediction.now.accessibleName()
    assert "Capabilities" in column.prediction.rows[3].accessibleName()
    assert column.button.accessibleName() == "Relaunch hardened"
    assert column.button.accessibleDescription() == column.note.text()


def test_what_a_crash_left_is_told(
    qtbot: QtBot, staged: StagedHardening, picture: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    state = next(each for each in picture.containers if each.container.name == "web")
    staged.broken_off = (staged.transaction(staged.plan(state, staged.preset(state, Preset.RECOMMENDED))),)
    made = ui.make_window(sample.StillWatch(), hardening=staged)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(picture)
    side = side_of(made)
    qtbot.waitUntil(side.column.told.isVisible)
    assert "web" in side.column.told.text()
    made.clock.stop()
    made.close()


def test_a_glance_at_another_container_leaves_the_toggles(window: MainWindow, qtbot: QtBot) -> None:
    column = planned(qtbot, window).column
    assert window.selection.snapshot is not None
    here = window.selection.current
    assert here is not None
    other = next(
        each for each in window.selection.snapshot.containers if each.matrix is not None and each.key != here.key
    )
    for key in (other.key, here.key):  # faster than it answers
        window.containers.view.select_key(key)
    qtbot.wait(PATIENCE + 150)
    assert column.toggles.isVisible()
    assert column.toggles.isEnabled()
    assert not column.nothing.isVisible()


def test_an_offer_that_is_slower_than_the_readings_comes_all_the_same(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    column, web = planned(qtbot, window).column, named(picture, "web")
    staged.calls.clear()
    staged.offer_gate = threading.Event()
    assert window.containers.view.select_key(web.key)
    qtbot.waitUntil(lambda: asked(staged, "offer") == 1)
    for _ in range(3):
        window.feed.snapshot.emit(with_others(picture))
    staged.offer_gate.set()
    qtbot.waitUntil(lambda: column.draft.offered_key == web.key)
    qtbot.wait(50)
    assert asked(staged, "offer") == 1
    # what was true when it was asked for is shown, and asked for once more
    staged.calls.clear()
    staged.offer_gate = threading.Event()
    matrices = [each.matrix for each in picture.containers if each.matrix not in (None, web.matrix)]
    for matrix in matrices[:2]:
        window.feed.snapshot.emit(with_others(picture, replace(web, matrix=matrix)))
    qtbot.waitUntil(lambda: asked(staged, "offer") == 1)
    staged.offer_gate.set()
    qtbot.waitUntil(lambda: asked(staged, "offer") == 2)


def test_a_slow_engine_holds_up_no_other(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    qtbot.waitUntil(lambda: len(side.set_aside.kept) == 1)
    side.dialog.hide()
    here = named(picture, "ci-runner").container.engine
    other = next(each for each in picture.containers if each.container.engine != here and each.matrix is not None)
    own = next(each for each in picture.containers if each.container.engine == here and each.container.name == "web")
    staged.aside_gate, staged.offer_gate, staged.slow = threading.Event(), threading.Event(), here
    try:
        side.set_aside.show()
        offers = asked(staged, "offer")
        assert window.containers.view.select_key(own.key)
        qtbot.waitUntil(lambda: asked(staged, "aside") == 1 and asked(staged, "offer") > offers)
        select(window, other.container.name)
        staged.set_aside.clear()
        window.clock.timeout.emit()
        qtbot.waitUntil(lambda: side.set_aside.kept == ())
        assert side.column.draft.offered_key == other.key
    finally:
        staged.aside_gate.set()
        staged.offer_gate.set()


def test_until_an_offer_has_come_nothing_is_chosen_by_the_last_one(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    column, web = planned(qtbot, window).column, named(picture, "web")
    staged.offer_gate = threading.Event()
    assert window.containers.view.select_key(web.key)
    column.presets.parts[Preset.STRICT].click()
    staged.offer_gate.set()
    qtbot.waitUntil(lambda: column.draft.offered_key == web.key)
    assert column.presets.current is Preset.RECOMMENDED
    wanted = {choice.toggle for choice in staged.preset(web, Preset.RECOMMENDED)}
    assert {choice.toggle for choice in column.draft.choices} == wanted
