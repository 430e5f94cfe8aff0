"""The right column: the plan of the container in view, its numbers, its rows, and why there may be none."""

from __future__ import annotations

import gc
import threading

import pytest
import shiboken6
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget, QWidgetItem
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import asked, named, planned, select, side_of, with_others
from rig.window.named import in_menu
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.hardening_plan import ChangeKind
from stratascope.core.relaunch.toggle import Choice, Evidence, Preset, Proof, Proven, Use
from stratascope.core.relaunch.transaction import Remedy
from stratascope.core.snapshot import Snapshot
from stratascope.layers.toggles import toggle
from stratascope.presentation.exposure import number_text
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.harden.foot import WrappedBox
from stratascope.ui.harden.next_step import Act, remedy_title
from stratascope.ui.harden.plan_draft import SETTLE
from stratascope.ui.kit.feedback import Feedback
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import Theme
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.plan.offers import InForce
from stratascope.usecases.plan.preflight import Block, Caution
from stratascope.value import replace
from stratascope.wiring.engines import LateEngines

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
BLOCK = Block("swarm", msg("Docker Swarm owns this container."), msg("Export the hardened settings."))
UNTRIED = "Try it safely"


def word(window: MainWindow) -> str:
    """The button's, without numbers."""
    return side_of(window).column.foot.buttons.button.text().partition("  ")[0]


def line(window: MainWindow) -> str:
    """What stands above it."""
    return side_of(window).column.foot.sign.text.text()


def test_without_hardening_there_is_no_trace(qtbot: QtBot) -> None:
    made = ui.make_window(sample.StillWatch())
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(sample.snapshot())
    assert made.hardening is None
    assert "Kept originals…" not in in_menu(made)
    made.clock.stop()


def test_the_suggested_plan_is_shown(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    column, state = side.column, window.selection.current
    assert state is not None
    plan = staged.suggested(state)
    assert column.name.text() == "for ci-runner"
    assert column.numbers.told == (number_text(plan.now), number_text(plan.then))
    assert list(column.changes.rows) == [change.key for change in plan.changes]
    assert [row.isChecked() for row in column.changes.rows.values()] == [change.on for change in plan.changes]
    assert side.draft.choices == plan.choices
    assert [change.number for change in column.marks.layers] == [1, 2, 3, 4, 5, 6]
    assert word(window) == UNTRIED
    assert column.foot.buttons.button.text().endswith(" → ".join(column.numbers.told)), "one number"
    assert all(row.isVisible() for row in column.changes.rows.values())
    bar = column.changes.verticalScrollBar()
    assert not bar.isVisible() or bar.maximum() == 0, "all rows are in sight"


def test_flipping_a_row_judges_anew_and_moves_nothing(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    rows = side.column.changes.rows
    order, before = list(rows), side.column.numbers.told
    key = "engine-socket"
    places = {each: row.mapTo(side.column, QPoint()) for each, row in rows.items()}
    rows[key].click()
    assert not rows[key].isChecked(), "at once, before it is judged"
    planned(qtbot, window)
    assert list(rows) == order
    assert not rows[key].isChecked()
    assert side.column.numbers.told != before
    assert side.column.keeps.isVisible()
    then = side.column.numbers.told[1]
    assert side.column.keeps.text.text().startswith(f"It stays {then} because this is off: ")
    assert "socket" in side.column.keeps.text.text()
    QApplication.processEvents()
    assert {each: row.mapTo(side.column, QPoint()) for each, row in rows.items()} == places, "the next click is aimed"
    rows[key].click()
    planned(qtbot, window)
    assert side.column.numbers.told == before
    assert not side.column.keeps.isVisible()


def test_one_row_alone_by_its_menu(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    rows = side.column.changes.rows
    assert sum(row.isChecked() for row in rows.values()) > 1
    key, row = next((key, row) for key, row in rows.items() if not row.isChecked())
    (only,) = row.actions()
    assert row.contextMenuPolicy() is Qt.ContextMenuPolicy.ActionsContextMenu
    only.trigger()
    planned(qtbot, window)
    assert [each for each, row in side.column.changes.rows.items() if row.isChecked()] == [key]
    assert side.draft.plan is not None
    assert row.change.choice in side.draft.plan.choices


def test_no_wrapper_outlives_its_layout_item(qtbot: QtBot, window: MainWindow) -> None:
    def items() -> int:
        gc.collect()
        return sum(isinstance(each, QWidgetItem) for each in shiboken6.getAllValidWrappers())

    def turned() -> int:
        for name in ("web", "ci-runner"):  # nothing to be taken back, and much
            select(window, name)
            qtbot.wait(2 * SETTLE)
        return items()

    first = turned()
    assert [turned() for _ in range(2)] == [first, first], "what is made at their address later ends the program"


def test_what_will_happen_stays_until_it_is_told_anew(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    foot = side.column.foot
    qtbot.waitUntil(lambda: side.draft.relaunch is not None)
    foot.link.click()
    before, down = foot.what.lines.lines, foot.downtime.text()
    parts = set(foot.what.findChildren(QWidget))
    assert before
    assert down
    staged.judge_gate = gate = threading.Event()
    side.column.changes.rows["engine-socket"].click()
    qtbot.wait(2 * SETTLE)
    assert side.draft.pending
    assert (foot.what.lines.lines, foot.downtime.text()) == (before, down)
    gate.set()
    staged.judge_gate = None
    planned(qtbot, window)
    qtbot.waitUntil(lambda: side.draft.relaunch is not None)
    assert foot.what.lines.lines != before
    assert parts <= set(foot.what.findChildren(QWidget)), "filled in place: rows made anew left items of dead layouts"
    select(window, "web")
    assert not foot.what.isVisible(), "never another container's"


def test_a_sentence_that_is_the_use_and_what_breaks_is_said_once(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    row = side.column.changes.rows["cgroupns"]
    why = msg("It listens on port 80.")
    change = replace(row.change, evidence=Evidence(Use.USED, why), reason=None, breaks=(why,), alternatives=())
    row.show_change(change, window.selection.current, on=False, failed=None, acceptable=False)
    assert row.told == "It listens on port 80."


def test_another_container_empties_it_at_once_and_flips_stay(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    side.column.changes.rows["engine-socket"].click()
    planned(qtbot, window)
    side.column.changes.rows["engine-socket"].click()
    planned(qtbot, window)

    def frame(side: RelaunchController) -> list[QRect]:
        column = side.column
        return [part.geometry() for part in (column.numbers, column.marks, column.changes, column.foot)]

    before, card = frame(side), window.strata_page.header.card
    side.column.changes.rows["engine-socket"].click()
    planned(qtbot, window)
    staged.offer_gate = threading.Event()
    state = named(window.selection.snapshot, "web")  # type: ignore[arg-type]
    assert window.containers.view.select_key(state.key)
    assert side.draft.plan is None
    assert not side.column.changes.rows
    assert side.column.numbers.now is None
    assert not side.column.marks.layers
    assert not side.column.button.isEnabled()
    assert "→" not in side.column.button.text()
    assert not card.answer.numbers
    assert side.column.name.text() == "for web"
    QApplication.processEvents()
    assert frame(side) == before  # an empty frame of the same size
    qtbot.waitUntil(side.column.changes.coming.isVisible)
    assert frame(side) == before
    staged.offer_gate.set()
    staged.offer_gate = None
    qtbot.waitUntil(lambda: side.draft.plan is not None)
    assert "engine-socket" not in side.column.changes.rows
    select(window, "ci-runner")
    qtbot.waitUntil(lambda: not side.draft.pending)
    assert not side.column.changes.rows["engine-socket"].isChecked()


def test_what_is_used_unfolds_with_what_would_help(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    row = side.column.changes.rows["cgroupns"]  # buildkit runs containers itself
    assert row.change.evidence.use is Use.USED
    assert row.unfolded
    assert "runs containers itself" in row.told
    assert row.height() > side.column.changes.rows["memory"].height()
    assert ", used, " in row.accessibleName()


def test_evidence_and_effect_are_spoken(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    for row in side.column.changes.rows.values():
        assert row.accessibleName()
    spoken = side.column.changes.rows["engine-socket"].accessibleName()
    assert spoken.startswith("Remove the Docker socket, on, unknown, minus ")


def test_a_peak_is_told_in_the_limits_row(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    change = side.column.changes.rows["memory"].change
    measured = replace(change, evidence=Evidence(Use.MEASURED, msg("It used {size} at most.", size="412 MiB")))
    row = side.column.changes.rows["memory"]
    row.show_change(measured, None, on=True, failed=None, acceptable=False)
    assert "peak 412 MiB" in row.accessibleName()


def test_a_block_says_why_and_the_button_is_the_way_out(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    staged.blocks = (BLOCK,)
    side.draft.switch("memory", True)
    planned(qtbot, window)
    assert line(window) == "Docker Swarm owns this container. Export the hardened settings."
    assert word(window) == "Export instead…"
    side.column.button.click()
    assert QGuiApplication.clipboard().text().startswith("docker run")


def test_our_own_blocks_have_a_way_out_here(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    staged.blocks = (Block("unfinished", msg("It was not finished."), msg("Run recover first.")),)
    side.draft.switch("memory", True)
    planned(qtbot, window)
    assert word(window) == "Repair it"
    staged.calls.clear()
    staged.blocks = ()
    side.column.button.click()
    qtbot.waitUntil(lambda: "recover" in {name for name, _ in staged.calls})


def test_an_option_that_makes_it_safe_is_taken_and_given_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    boxes = side.column.foot.what.boxes
    staged.blocks = (Block("writable-layer", msg("It wrote files."), msg("Commit it."), Remedy.COMMIT_LAYER),)
    side.draft.switch("memory", True)
    planned(qtbot, window)
    assert line(window) == "It wrote files."
    assert word(window) == "Carry its files over"
    side.column.button.click()
    planned(qtbot, window)
    assert word(window) == UNTRIED
    side.column.foot.link.click()
    assert boxes[Remedy.COMMIT_LAYER].isVisible()
    assert boxes[Remedy.COMMIT_LAYER].isChecked()
    assert side.draft.relaunch is not None
    assert side.draft.relaunch.remedies == {Remedy.COMMIT_LAYER}
    boxes[Remedy.COMMIT_LAYER].click()
    planned(qtbot, window)
    assert word(window) == "Carry its files over"


def test_what_will_happen_is_told_before(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    foot = side.column.foot
    assert not foot.what.isVisible()
    foot.link.click()
    assert foot.what.isVisible()
    assert foot.what.lines.lines
    assert all(each[:2] in ("- ", "+ ") for each in foot.what.lines.lines)
    shown = foot.what.height()
    assert shown > 60
    made = side.draft.relaunch
    assert made is not None
    caution = Caution("x", msg("Something to keep in mind."))
    side.draft.relaunch = replace(made, checked=replace(made.checked, warnings=(caution,)))
    foot.show_draft(side.draft, (), more=False)  # as when a trial has ended: its texts are made anew
    qtbot.waitUntil(lambda: foot.what.height() > shown)
    foot.what.lines.copy.click()
    assert QGuiApplication.clipboard().text() == "\n".join(foot.what.lines.lines)
    foot.link.click()
    assert not foot.what.isVisible()


def test_an_engine_that_offers_nothing_says_so(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.offer_fails = EngineError(EngineState.STOPPED, msg("The engine is stopped."), "connection refused")
    column = side_of(window).column
    state = named(window.selection.snapshot, "web")  # type: ignore[arg-type]
    assert window.containers.view.select_key(state.key)
    qtbot.waitUntil(lambda: column.nothing.text() == "The engine is stopped.")
    assert column.nothing.isVisible()
    assert "connection refused" in column.nothing.toolTip()
    assert not column.button.isVisible()
    staged.offer_fails = None
    select(window, "ci-runner")
    assert column.button.isVisible()


def test_what_cannot_be_hardened_says_why(window: MainWindow, picture: Snapshot) -> None:
    column = side_of(window).column
    select(window, next(each for each in picture.containers if each.container.pid is None).container.name)
    assert "not running" in column.nothing.text()
    assert not column.button.isVisible()


def test_the_demo_can_be_looked_at_and_nothing_done(qtbot: QtBot, picture: Snapshot) -> None:
    """With the real staging, which has no engine at all."""
    made = ui.make_window(sample.StillWatch(), Services(hardening=start.hardening_of(LateEngines())))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(replace(picture, demo=True))
    side = side_of(made)
    made.feed.snapshot.emit(replace(picture, demo=True))
    assert made.containers.view.select_key(named(picture, "ci-runner").key)
    qtbot.waitUntil(lambda: side.draft.plan is not None)
    assert side.column.changes.rows
    assert "recorded elsewhere" in line(made)
    assert not side.column.button.isEnabled()
    side.column.changes.rows["engine-socket"].click()  # to see what it comes to
    qtbot.waitUntil(lambda: not side.draft.pending)
    assert not side.column.button.isEnabled()
    assert side.draft.relaunch is None
    made.clock.stop()
    side.queries.end()


def test_a_failed_plan_stays_told_until_something_is_changed(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    staged.plan_fails = EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."), "timeout")
    side.draft.switch("memory", True)
    qtbot.waitUntil(lambda: word(window) == "Try again")
    window.feed.snapshot.emit(with_others(picture))
    qtbot.wait(SETTLE + 100)
    assert line(window) == "The engine does not answer."
    staged.plan_fails = None
    side.column.button.click()
    planned(qtbot, window)
    assert word(window) == UNTRIED


def test_a_reading_that_changes_nothing_asks_nothing(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    planned(qtbot, window)
    staged.calls.clear()
    window.feed.snapshot.emit(with_others(picture))
    qtbot.wait(50)
    assert asked(staged, "offer") == asked(staged, "suggested") == asked(staged, "plan") == 0


def test_all_is_judged_off_the_windows_thread(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    side.column.changes.rows["engine-socket"].click()
    planned(qtbot, window)
    assert {thread for name, thread in staged.calls if name in ("offer", "suggested", "plan")} <= {
        thread for _, thread in staged.calls if thread.startswith("query")
    }


def test_pressing_while_it_is_judged_waits_for_it(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    """What is tried is what the switches say."""
    side = planned(qtbot, window)
    staged.judge_gate = threading.Event()
    side.column.changes.rows["engine-socket"].click()
    side.column.button.click()
    qtbot.wait(20)
    assert staged.wishes is None
    staged.judge_gate.set()
    qtbot.waitUntil(lambda: staged.wishes is not None)
    assert staged.wishes is not None
    assert "engine-socket" not in {choice.id for choice in staged.wishes.chosen}


def test_its_key_says_that_there_is_no_plan_yet(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    """What was not seen is not done, neither now nor when it comes."""

    def pressed() -> str:
        QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        note = window.findChild(Feedback)
        return "" if note is None else note.text()

    tried: list[bool] = []
    draft = side_of(window).draft
    draft.try_wanted.connect(lambda: tried.append(True))
    staged.offer_gate = threading.Event()
    assert window.selection.snapshot is not None
    window.selection.choose(named(window.selection.snapshot, "web").key)
    assert draft.coming
    assert pressed() == "The plan is not ready yet."
    staged.offer_gate.set()
    planned(qtbot, window)
    assert not tried
    window.pages.show_view(View.FLEET)
    assert pressed() == "Open the container's page first."
    window.pages.show_view(View.STRATA)
    staged.trial_gate = threading.Event()
    pressed()
    assert tried
    qtbot.waitUntil(lambda: draft.button.act is Act.CANCEL)
    assert pressed() == "Yours keeps running; Esc stops it."
    assert draft.button.act is Act.CANCEL
    assert draft.trial is not None
    assert not draft.trial.cancelling
    staged.trial_gate.set()
    qtbot.waitUntil(lambda: draft.trial is None)


def test_standards_say_what_they_add(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    menu = side.column.standards
    menu.fill()
    restricted = menu.entries[Preset.CIS]
    qtbot.waitUntil(lambda: "…" not in restricted.text())
    assert menu.entries[Preset.RECOMMENDED].isChecked()
    assert number_text(side.draft.plan.now) in menu.entries[None].text()  # type: ignore[union-attr]
    suggested, said = frozenset(side.draft.choices), restricted.text().partition("\t")[2]
    restricted.trigger()
    planned(qtbot, window)
    assert frozenset(side.draft.choices) != suggested
    assert side.draft.plan is not None
    assert said.endswith(number_text(side.draft.plan.then)), "one number"
    menu.fill()
    assert menu.entries[Preset.CIS].isChecked()
    menu.entries[None].trigger()
    qtbot.waitUntil(lambda: not side.draft.pending)
    assert side.draft.choices == ()
    assert word(window) == "Nothing to change"
    menu.fill()
    menu.entries[Preset.RECOMMENDED].trigger()
    planned(qtbot, window)
    assert frozenset(side.draft.choices) == suggested


def test_the_standards_stay_below_their_button_as_they_grow(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    menu, button = side.column.standards, side.column.standard
    menu.open_below(button)
    qtbot.waitUntil(lambda: "…" not in menu.entries[Preset.CIS].text())
    QApplication.processEvents()
    assert menu.width() == menu.sizeHint().width()
    assert menu.mapToGlobal(menu.rect().topRight()).x() < button.mapToGlobal(button.rect().topRight()).x() + 2
    menu.close()


def test_what_no_row_makes_gets_one(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    side.draft.add((Choice(toggle("ulimit-nofile"), "1024"), Choice(toggle("capabilities"), "+CAP_SYS_TIME")))
    planned(qtbot, window)
    rows = side.column.changes.rows
    assert [row.change.choice.id for row in rows.values() if row.change.kind is ChangeKind.GIVE] == ["capabilities"]
    assert side.column.changes.heads[ChangeKind.GIVE].isVisible()
    assert {"ulimit-nofile", "capabilities"} <= {choice.id for choice in side.draft.choices}


def test_an_option_has_as_many_lines_as_it_needs(qtbot: QtBot, theme: Theme) -> None:
    words = "Start the logs that it wrote outside its volumes anew"
    assert remedy_title(Remedy.LEAVE_LOGS).id == words
    box = WrappedBox(theme, words)
    qtbot.addWidget(box)
    heights = []
    for width in (600, 276, 140):
        box.resize(width, 10)
        box.show()
        QApplication.processEvents()
        box.resize(width, box.sizeHint().height())
        QApplication.processEvents()
        lines = box.text().split("\n")
        assert " ".join(lines) == box.accessibleName() == words
        assert max(box.fontMetrics().horizontalAdvance(line) for line in lines) < width
        heights.append(box.height())
    assert heights == sorted(set(heights))


def test_pointing_at_a_row_leaves_its_rays_lit(qtbot: QtBot, window: MainWindow) -> None:
    side, rays = planned(qtbot, window), window.strata_page.strata.rays
    row = side.column.changes.rows["engine-socket"]
    assert row.change.closes
    row.setFocus()
    assert rays.lit_threats == frozenset(row.change.closes)
    rays.grab()
    side.column.button.setFocus()
    assert rays.lit_threats is None


def test_how_long_it_was_watched_stands_in_the_head(qtbot: QtBot, window: MainWindow) -> None:
    column = planned(qtbot, window).column
    head = column.changes.heads[ChangeKind.UNUSED]
    column.can_watch = True
    column.show_changed()
    assert head.link.isVisible()
    column.show_watched(msg("watched {age}, {count} starts", age="3 d", count=2))
    assert head.said.text() == "watched 3 d, 2 starts"
    assert not head.link.isVisible()


def test_what_is_seen_in_use_is_asked_about_anew(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    """A plan that takes away what it was seen using meanwhile would close a door that is in use."""
    draft = planned(qtbot, window).draft
    key = window.selection.key
    assert key is not None
    draft.show_used(key, frozenset())
    staged.calls.clear()
    draft.show_used(key, frozenset())
    draft.show_used(("docker", "another"), frozenset({"SYS_ADMIN"}))
    draft.show_used(key, frozenset())
    assert not draft.use_timer.isActive()
    draft.use_timer.setInterval(0)
    draft.show_used(key, frozenset({"/var/run/docker.sock connected"}))
    qtbot.waitUntil(lambda: asked(staged, "offer") == 1)
    planned(qtbot, window)


def test_what_is_used_can_be_accepted(qtbot: QtBot, window: MainWindow) -> None:
    """Where there is a finding that says so."""
    column = planned(qtbot, window).column
    column.can_accept = True
    row = column.changes.rows["engine-socket"]
    used = replace(row.change, evidence=Evidence(Use.USED, msg("It uses it.")))
    row.show_change(used, None, on=False, failed=None, acceptable=True)
    assert row.unfolded
    with qtbot.waitSignal(column.accept_wanted) as blocker:
        row.accept_wanted.emit(row.change.key)
    assert "socket" in blocker.args[0].code


def test_the_standard_that_was_taken_is_named_until_something_is_switched(qtbot: QtBot, window: MainWindow) -> None:
    side = planned(qtbot, window)
    link, menu = side.column.standard, side.column.standards
    assert link.text() == "Match a standard"
    menu.fill()
    qtbot.waitUntil(menu.entries[Preset.CIS].isEnabled)
    menu.entries[Preset.CIS].trigger()
    planned(qtbot, window)
    assert link.text() == "CIS Docker, section 5"
    assert link.accessibleName() == "Match a standard: CIS Docker, section 5"
    menu.fill()
    assert [which for which, entry in menu.entries.items() if entry.isChecked()] == [Preset.CIS]
    old, new = window.selection.key, ("docker", "another")
    assert old is not None
    side.draft.carry_over(old, new)
    select(window, "web")
    select(window, "ci-runner")
    planned(qtbot, window)
    assert link.text() == "CIS Docker, section 5"
    next(iter(side.column.changes.rows.values())).click()
    planned(qtbot, window)
    assert link.text() == "Match a standard"


def test_what_a_copy_broke_with_holds_for_what_has_its_name_and_image(
    qtbot: QtBot, window: MainWindow, picture: Snapshot
) -> None:
    side = planned(qtbot, window)
    own, state = side.draft.own, window.selection.current
    assert own is not None
    assert state is not None
    own.failed["engine-socket"] = msg("It stopped.")
    again = replace(state, container=replace(state.container, id="created-anew"))
    window.selection.show_snapshot(with_others(picture, again))
    window.selection.go_to(again.key)
    planned(qtbot, window)
    row = side.column.changes.rows["engine-socket"]
    assert not row.isChecked()
    assert "It stopped." in row.told
    other = replace(again, container=replace(again.container, id="c3", image="another:1"))
    window.selection.show_snapshot(with_others(picture, again, other))
    window.selection.go_to(other.key)
    planned(qtbot, window)
    assert side.column.changes.rows["engine-socket"].isChecked()


def test_what_a_relaunch_has_changed_stands_as_proved(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    state = select(window, "ci-runner")
    proof = Proof(Proven.ENFORCED, msg("No"), msg("There is none"), "@mountinfo")
    staged.in_force = (
        InForce(Choice(toggle("engine-socket"), "remove"), ChangeKind.TAKE_BACK, proof),
        InForce(Choice(toggle("memory"), "536870912"), ChangeKind.LIMIT, proof),
    )
    select(window, "web")
    select(window, "ci-runner")
    side = planned(qtbot, window)
    column = side.column
    assert [row.word for row in column.changes.proved] == ["proved", "proved"]
    assert [row.accessibleName() for row in column.changes.proved] == [
        "Remove the engine socket, in force, proved",
        "Limit memory: 512 MiB, in force, proved",
    ]
    heads = column.changes.heads
    assert heads[ChangeKind.TAKE_BACK].said.text() == "1 in force"
    assert heads[ChangeKind.UNUSED].said.text() != "1 in force"
    column.show_tried(frozenset({"engine-socket"}))
    assert [row.word for row in column.changes.proved] == ["tried, refused", "proved"]
    side.draft.take_choices(state.key, ())
    qtbot.waitUntil(lambda: not side.draft.pending)
    assert column.numbers.then is None
    assert column.numbers.counted() == "2 changes in force"


def test_no_bar_covers_the_plan_while_another_one_comes(window: MainWindow, picture: Snapshot) -> None:
    """A scroll bar that is no longer needed is gone before anything is painted at the width without it."""
    window.resize(1024, 640)
    side = side_of(window)
    area = side.column.changes
    inner, bar = area.widget(), area.verticalScrollBar()
    assert inner is not None
    shown = 0
    for state in (each for each in picture.containers if each.matrix is not None):
        select(window, state.container.name)
        for _ in range(12):
            QApplication.processEvents()
            shown += area.isVisible()
            assert not area.isVisible() or inner.width() <= area.viewport().width(), state.container.name
            assert not bar.isVisible() or bar.maximum() > 0, state.container.name
    assert shown
