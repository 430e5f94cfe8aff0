"""Watching for refusals after a relaunch: shown as they come, and the remedy for one is a click away."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window.hardening import asked, named, over, planned, relaunch, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.trial import Loosening, TwinRefusal
from stratascope.core.snapshot import Snapshot
from stratascope.layers.toggles import choice_of
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.dialog import Page
from stratascope.ui.relaunch.refusals import RefusalWatch
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.tighten.afterwards import Afterwards
from stratascope.usecases.trial.strategy import applied
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
WIDER = Loosening("capabilities", choice_of("capabilities", "CAP_CHOWN"), certain=True)
CHOWN = TwinRefusal("chown", msg("{by}: {call} needs {names}.", by="sh", call="chown(/w)", names="CHOWN"), WIDER)
WRITES = TwinRefusal(
    "write",
    msg("{by}: {call} would write where everything is read-only.", by="sh", call="open(/x)"),
    Loosening("read-only-root", certain=True),
)
OTHER = TwinRefusal("other", msg("{by}: {call} is refused ({why}).", by="sh", call="kill", why="EPERM"))


def watch_of(window: MainWindow) -> RefusalWatch:
    assert window.refusals is not None
    return window.refusals


def hardened(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> RelaunchController:
    """A successful relaunch with all of the strictest preset; the replacement is in view."""
    side = planned(qtbot, window)
    side.column.presets.parts[Preset.STRICT].click()
    relaunch(qtbot, window)
    over(qtbot, side)
    old = named(picture, "ci-runner")
    new = replace(old, container=replace(old.container, id=f"new-{old.container.id[:8]}"))
    window.feed.snapshot.emit(with_others(picture, new, without="ci-runner"))
    qtbot.waitUntil(lambda: side.column.draft.offered_key == new.key)
    return side


def watched(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> RefusalWatch:
    """The watch, started by the button on the result."""
    side, watch = hardened(qtbot, window, picture), watch_of(window)
    assert side.dialog.after.refusals.isVisible()
    assert not watch.busy, "nobody asked for it yet"
    side.dialog.after.refusals.button.click()
    assert watch.busy
    assert watch.dialog.isVisible()
    return watch


def tell(staged: StagedHardening, watch: RefusalWatch, *refusals: TwinRefusal, ended: bool = False) -> None:
    """Emit these refusals."""
    assert watch.plan is not None
    loosened = applied(watch.plan.choices, [each.loosening for each in refusals if each.loosening is not None])
    staged.afterwards.put(Afterwards(refusals, loosened, ended))


def told(watch: RefusalWatch) -> list[str]:
    return [row.allow.accessibleName() for row in watch.dialog.rows]


def test_what_is_refused_is_told_as_it_comes(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    watch = watched(qtbot, window, picture)
    assert watch.dialog.title.text() == "Watching ci-runner for refusals…"
    tell(staged, watch)
    qtbot.waitUntil(lambda: watch.dialog.lead.text().startswith("5 minutes left."))
    QTest.keyClick(watch.dialog, Qt.Key.Key_Escape)
    assert not watch.dialog.isVisible()
    assert watch.busy, "it goes on"
    tell(staged, watch, CHOWN)
    qtbot.waitUntil(watch.dialog.isVisible)
    assert told(watch) == ["Allow: sh: chown(/w) needs CHOWN."]
    assert watch.dialog.rows[0].allow.accessibleDescription() == "To allow it: Fewer capabilities: CHOWN"
    assert not watch.dialog.all_of_it.isVisible()
    tell(staged, watch, CHOWN, WRITES, OTHER)
    qtbot.waitUntil(lambda: len(told(watch)) == 3)
    assert "undo the relaunch first" in watch.dialog.rows[1].allow.accessibleDescription()
    assert not watch.dialog.rows[2].allow.isVisible(), "nothing of ours would allow it"
    assert watch.dialog.all_of_it.isVisible()
    staged.afterwards.put(None)
    qtbot.waitUntil(lambda: not watch.busy)
    assert watch.dialog.title.text() == "3 things were refused to ci-runner"
    assert watch.dialog.again.isVisible()
    assert not watch.dialog.undo.isVisible()


def test_one_click_opens_the_relaunch_with_just_that(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    watch, side = watched(qtbot, window, picture), side_of(window)
    tell(staged, watch, CHOWN)
    qtbot.waitUntil(lambda: len(told(watch)) == 1)
    watch.dialog.rows[0].allow.click()
    assert not watch.dialog.isVisible()
    qtbot.waitUntil(lambda: side.dialog.isVisible() and side.dialog.pages.currentIndex() == Page.BEFORE.value)
    assert side.column.draft.choices == (WIDER.choice,)
    assert asked(staged, "run") == 1, "nothing is done before it is confirmed"
    side.dialog.go.click()
    qtbot.waitUntil(lambda: not watch.busy)  # it is another container by now
    over(qtbot, side)
    assert not watch.dialog.isVisible()


def test_what_has_to_be_left_out_is_undone_first(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    watch, side = watched(qtbot, window, picture), side_of(window)
    made = watch.plan
    assert made is not None
    tell(staged, watch, WRITES)
    qtbot.waitUntil(lambda: len(told(watch)) == 1)
    watch.dialog.rows[0].allow.click()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    assert side.dialog.go.text() == "Undo"
    side.dialog.go.click()
    over(qtbot, side)
    window.feed.snapshot.emit(with_others(picture))  # the original again
    qtbot.waitUntil(lambda: side.dialog.pages.currentIndex() == Page.BEFORE.value)
    assert side.dialog.go.text() == "Relaunch hardened"
    assert {each.id for each in side.column.draft.choices} == {each.id for each in made.choices} - {"read-only-root"}
    side.dialog.hide()
    side.ask_undo(staged.set_aside[-1])  # a plain undo, without a relaunch after it
    qtbot.waitUntil(side.dialog.go.isEnabled)
    side.dialog.go.click()
    over(qtbot, side)
    window.feed.snapshot.emit(with_others(picture))
    assert side.dialog.pages.currentIndex() == Page.AFTER.value


def test_all_of_it_at_once(qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot) -> None:
    watch, side = watched(qtbot, window, picture), side_of(window)
    places = Loosening("tmpfs", choice_of("tmpfs", "/w"), certain=True)
    tell(staged, watch, CHOWN, replace(WRITES, loosening=places))
    qtbot.waitUntil(lambda: len(told(watch)) == 2)
    watch.dialog.all_of_it.click()
    qtbot.waitUntil(lambda: side.dialog.isVisible() and side.dialog.pages.currentIndex() == Page.BEFORE.value)
    assert set(side.column.draft.choices) == {WIDER.choice, places.choice}


def test_one_that_died_is_told_with_the_way_back(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    watch, side = watched(qtbot, window, picture), side_of(window)
    watch.dialog.hide()
    tell(staged, watch, CHOWN, ended=True)
    staged.afterwards.put(None)
    qtbot.waitUntil(lambda: not watch.busy)
    assert watch.dialog.isVisible()
    assert watch.dialog.title.text() == "ci-runner ended while it was being watched"
    assert told(watch) == ["Allow: sh: chown(/w) needs CHOWN."]
    assert not watch.dialog.again.isVisible()
    for button in (watch.dialog.undo, watch.dialog.rows[0].allow):  # a stopped container cannot be relaunched
        button.click()
        qtbot.waitUntil(side.dialog.go.isEnabled)
        assert side.dialog.go.text() == "Undo"
        side.dialog.hide()


def test_what_is_just_being_read_anew_can_be_tried_again(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    watch, side = watched(qtbot, window, picture), side_of(window)
    there = window.selection.snapshot
    assert there is not None
    tell(staged, watch, CHOWN)
    qtbot.waitUntil(lambda: len(told(watch)) == 1)
    window.feed.snapshot.emit(with_others(picture, without="ci-runner"))
    watch.dialog.rows[0].allow.click()
    assert watch.dialog.lead.text() == "This container no longer exists, or is not running."
    window.feed.snapshot.emit(there)
    watch.dialog.rows[0].allow.click()
    qtbot.waitUntil(lambda: side.dialog.isVisible() and side.dialog.pages.currentIndex() == Page.BEFORE.value)


def test_nothing_was_refused(qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot) -> None:
    watch = watched(qtbot, window, picture)
    watch.dialog.hide()
    staged.afterwards.put(None)
    qtbot.waitUntil(lambda: not watch.busy)
    assert watch.dialog.isVisible()
    assert watch.dialog.title.text() == "Nothing new was refused to ci-runner"
    assert watch.dialog.lead.text() == "It was watched for the whole time."
    watch.dialog.again.minutes.setValue(2)
    watch.dialog.again.button.click()
    assert watch.busy
    watch.dialog.back.click()
    qtbot.waitUntil(lambda: not watch.busy)
    assert watch.dialog.lead.text() == "Watching was stopped early."
    assert asked(staged, "refused") == 2


def test_why_it_can_not_be_watched(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    watch = watched(qtbot, window, picture)
    staged.afterwards.put(ProbeError(msg("The helper was refused."), "pkexec: 126"))
    qtbot.waitUntil(lambda: not watch.busy)
    assert watch.dialog.title.text() == "ci-runner can't be watched for refusals"
    assert watch.dialog.lead.text() == "The helper was refused."
    assert watch.dialog.again.isVisible()


def test_the_window_ends_the_watch_and_closes(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    watch = watched(qtbot, window, picture)
    assert not window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert not watch.busy
    assert not watch.dialog.isVisible()


def test_an_undo_has_nothing_to_watch(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    side = hardened(qtbot, window, picture)
    side.dialog.after.undo.click()
    qtbot.waitUntil(side.dialog.go.isEnabled)
    side.dialog.go.click()
    over(qtbot, side)
    assert not side.dialog.after.refusals.isVisible()
