"""The right column: presets, toggles, the text above the button, and why there may be nothing to switch."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import over, planned, press, relaunch, select, side_of
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState, Status
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.transaction import Remedy
from stratascope.core.snapshot import Snapshot
from stratascope.presentation.exposure import exposure_range
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.harden.column import RemedyBoxes
from stratascope.ui.harden.status_note import ButtonPair
from stratascope.ui.kit.buttons import MainButton
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.plan.preflight import Block
from stratascope.value import replace
from stratascope.wiring.engines import LateEngines

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
BLOCK = Block("swarm", msg("Docker Swarm owns this container."), msg("Export the hardened settings."))


def test_without_hardening_there_is_no_trace(qtbot: QtBot) -> None:
    made = ui.make_window(sample.StillWatch())
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(sample.snapshot())
    assert made.hardening is None
    assert not [action for action in made.actions_.menu.actions() if "Kept originals" in action.text()]
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
        choice.id for choice in column.draft.choices
    }
    planned(qtbot, window)
    assert column.button.isEnabled()
    assert column.button.text() == "Relaunch hardened"
    assert "kept for undo" in column.note.text()
    assert "docker run" in column.command.code.accessibleName()


def test_presets_by_arrow_keys_and_ones_own_choice(window: MainWindow) -> None:
    column = side_of(window).column
    recommended = column.draft.choices
    column.presets.parts[Preset.RECOMMENDED].setFocus()
    QTest.keyClick(column.presets, Qt.Key.Key_Right)
    QTest.keyClick(column.presets, Qt.Key.Key_Right)
    assert column.presets.current is Preset.STRICT
    assert len(column.draft.choices) > len(recommended)
    name = column.draft.choices[0].id
    column.rows[name].setFocus()
    QTest.keyClick(column.rows[name], Qt.Key.Key_Space)
    assert column.presets.current is None
    assert name not in {choice.id for choice in column.draft.choices}


def test_the_card_switches_the_smallest_set_on_and_asks(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side, card = side_of(window), window.strata_page.header.card
    state = window.selection.current
    assert state is not None
    qtbot.waitUntil(card.button.isVisible)
    wanted = staged.preset(state, Preset.CRITICAL)
    assert side.column.draft.choices != wanted
    card.button.click()
    qtbot.waitUntil(side.dialog.isVisible)
    assert side.column.draft.choices == wanted
    assert side.column.presets.current is None, "it is no preset of the strip"
    offer = side.column.draft.offer
    assert offer is not None
    keys = {each.key for each in offer.options if Preset.CRITICAL in each.presets}
    assert {chip.key for chip in card.answer.chips if chip.on} == keys
    assert {key.partition("=")[0] for key in keys} == {each.id for each in wanted}
    assert "run" not in [name for name, _ in staged.calls], "nothing happens before that is confirmed"
    side.dialog.reject()
    card.switch_wanted.emit("engine-socket")
    assert window.focusWidget() is side.column.rows["engine-socket"]


def test_the_first_head_has_the_smallest_set(window: MainWindow) -> None:
    toggles = side_of(window).column.toggles
    shown = [line.accessibleName() for line in toggles.heads.values() if line.isVisible()]
    assert shown[0].startswith("Closes what is critical")
    assert shown[-1] == "Good practice"
    first = next(iter(toggles.rows.values()))
    assert Preset.CRITICAL in first.option.presets


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
    assert side.column.button.text() == "Repair it"
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
    assert side.column.button.text() == "Carry its files over"
    side.column.button.setFocus()
    QTest.keyClick(side.column.button, Qt.Key.Key_Space)
    assert not side.column.button.isEnabled(), "it is planned anew"
    planned(qtbot, window)
    assert side.column.button.text() == "Relaunch hardened"
    assert side.column.button.hasFocus()
    assert boxes[Remedy.COMMIT_LAYER].isChecked()
    assert side.column.draft.plan is not None
    assert side.column.draft.plan.remedies == {Remedy.COMMIT_LAYER}
    boxes[Remedy.COMMIT_LAYER].click()
    planned(qtbot, window)
    assert side.column.button.text() == "Carry its files over"


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
    state = next(each for each in picture.containers if each.container.name == "ci-runner")
    assert made.containers.view.select_key(state.key)
    qtbot.waitUntil(lambda: side.column.draft.offered_key == state.key)
    assert side.column.rows
    assert side.column.draft.preview is not None
    assert "recorded elsewhere" in side.column.note.text()
    assert not side.column.button.isEnabled()
    qtbot.waitUntil(side.column.hint.isVisible)
    made.clock.stop()
    side.queries.end()


def test_what_would_help_most_is_named_where_it_stays_serious(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    column = side_of(window).column
    staged.hints = "read-only-root"
    column.presets.parts[Preset.RECOMMENDED].click()
    qtbot.waitUntil(column.hint.isVisible)
    told, hint = column.hint.link.text(), column.hint.hint
    assert hint is not None
    assert column.hint.text.text().startswith("A serious threat stays open.")
    column.hint.show_hint(replace(hint, certain=False))
    assert column.hint.text.text().startswith("Whether a serious threat stays open is not known.")
    column.hint.link.click()
    assert column.draft.preview is not None
    assert told == f"Read-only root directory: {exposure_range(column.draft.preview.after)}"
    assert "read-only-root" in {choice.id for choice in column.draft.choices}
    qtbot.waitUntil(lambda: not column.hint.isVisible())


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


def test_an_option_has_as_many_lines_as_it_needs(qtbot: QtBot, theme: Theme) -> None:
    boxes = RemedyBoxes(theme)
    qtbot.addWidget(boxes)
    boxes.show_remedies((Remedy.LEAVE_LOGS,), frozenset())
    box = boxes.boxes[Remedy.LEAVE_LOGS]
    heights = []
    for width in (600, 276, 140):
        boxes.resize(width, 10)
        boxes.show()
        QApplication.processEvents()
        boxes.resize(width, boxes.sizeHint().height())
        QApplication.processEvents()
        lines = box.text().split("\n")
        assert " ".join(lines) == box.accessibleName() == "Start the logs that it wrote outside its volumes anew"
        assert max(box.fontMetrics().horizontalAdvance(line) for line in lines) < width
        assert box.height() >= len(lines) * box.fontMetrics().height()
        heights.append(box.height())
    assert heights == sorted(set(heights))


def test_buttons_stand_above_each_other_where_a_word_grows(qtbot: QtBot, theme: Theme) -> None:
    small, large = QPushButton("Try"), MainButton(theme)
    large.say("Words that need one line")
    width = large.sizeHint().width() + 20
    large.say("Go")
    both = ButtonPair(theme, small, large)
    qtbot.addWidget(both)
    both.resize(width, 90)
    both.show()
    QApplication.processEvents()
    assert small.y() + small.height() > large.y()
    large.say("Words that need one line")
    for _ in range(4):
        QApplication.processEvents()
    assert small.y() + small.height() <= large.y()
    assert large.toolTip() == ""  # not elided


def test_the_column_tells_what_is_set_aside_and_leads_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    side.dialog.back.click()
    kept = side.column.kept
    old = window.selection.current
    assert old is not None
    # both exist: the replacement under its name, and the stopped original
    new = replace(old, container=replace(old.container, id=f"new-{old.container.id[:8]}"))
    stopped = replace(old, container=replace(old.container, name="ci-runner.old-1", pid=None, status=Status.EXITED))
    others = tuple(each for each in picture.containers if each.key != old.key)
    window.feed.snapshot.emit(replace(picture, containers=(*others, new, stopped)))
    assert window.containers.view.select_key(new.key)
    qtbot.waitUntil(lambda: kept.text.text() == "Relaunched 1 hour ago; the original is set aside.")
    kept.undo.click()
    assert side.dialog.title.text() == "Bring back the original of ci-runner?"
    side.dialog.back.click()
    assert window.containers.view.select_key(stopped.key)
    qtbot.waitUntil(lambda: kept.text.text() == "This is the original of ci-runner, set aside 1 hour ago.")
    assert side.column.nothing.text() == "It is set aside here, stopped, in case it is needed again."
    press(kept.discard.click, "discard")
    qtbot.waitUntil(kept.isHidden)
    assert staged.set_aside == []
