"""The plan's button: it tries the plan on a copy, then relaunches; and what it says where something is in the way."""

from __future__ import annotations

import threading
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window.hardening import asked, dock_of, named, over, planned, relaunch, select, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.hardening_plan import ChangeKind, HardeningPlan, Wanted
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.core.relaunch.trial import Tried, Works
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation.exposure import number_text
from stratascope.state import preferences
from stratascope.ui.harden import next_step
from stratascope.ui.harden.next_step import Act, Sign
from stratascope.ui.tighten.controller import TrialController
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.plan.choices import Resolved
from stratascope.usecases.tighten.tighten import Tightened
from stratascope.usecases.trial.strategy import Ends, Verdict
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
COMMANDS = ("curl -f http://127.0.0.1/", "true")


def trials_of(window: MainWindow) -> TrialController:
    assert window.trials is not None
    return window.trials


def word(window: MainWindow) -> str:
    """The button's, without numbers."""
    return side_of(window).column.foot.buttons.button.text().partition("  ")[0]


def line(window: MainWindow) -> str:
    """What stands above it."""
    return side_of(window).column.foot.sign.text.text()


def tried(qtbot: QtBot, window: MainWindow) -> None:
    """Try the plan as it stands."""
    side = planned(qtbot, window)
    side.column.button.click()
    qtbot.waitUntil(lambda: not trials_of(window).busy)
    planned(qtbot, window)


def test_the_bar_of_a_trial_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    trial = next_step.Trial(("docker", "1"), "web", (), 100.0, 100.0)
    seen = list[float]()
    for second in range(60):
        clock[0] = 100.0 + second
        if second in {1, 8, 30}:  # a copy begins: a second is left at the least, then twenty
            trial = trial.going_on(1.0 if second == 1 else 20.0, trial.number + 1)
        seen.append(trial.part)
    assert seen == sorted(seen)
    assert seen[6] < 0.9, "it took longer than the least"
    assert 0.7 < seen[-1] < 1.0


def test_tried_then_relaunched_in_two_clicks(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    staged.trial_gate = threading.Event()
    side.column.button.click()
    qtbot.waitUntil(lambda: side.draft.trial is not None)
    assert word(window).startswith("Trying on a copy, ")
    assert side.column.foot.buttons.button.accessibleName() == "Trying on a copy", "no second that runs"
    assert side.draft.button.part is not None
    assert not side.column.foot.buttons.arrow.isVisible()
    staged.trial_gate.set()
    qtbot.waitUntil(lambda: not trials_of(window).busy)
    planned(qtbot, window)
    assert staged.wishes is not None
    assert staged.wishes.chosen == side.draft.choices
    assert word(window) == "Relaunch"

    def shown() -> Sign:
        return side.draft.button.sign

    # nobody saw whether it uses these, and a copy that starts shows nothing of that
    assert line(window) == "The copy starts. Not tested: Drop SYS_ADMIN, Remove the Docker socket."
    assert shown() is Sign.UNKNOWN
    for change in side.draft.plan.changes if side.draft.plan is not None else ():
        if change.kind is ChangeKind.TAKE_BACK and change.on:
            side.draft.switch(change.key, False)
    tried(qtbot, window)
    assert line(window).startswith("The copy runs as before.")
    assert shown() is Sign.DONE
    assert asked(staged, "run") == 0, "nothing happens before that is pressed"
    side.column.button.click()
    over(qtbot, side)
    assert asked(staged, "run") == 1


def test_what_was_tried_stays_though_the_copy_changed_what_is_suggested(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a peak that the copy had: another limit would be another plan, and the trial in vain."""
    side = planned(qtbot, window)
    side.draft.switch("engine-socket", False)
    planned(qtbot, window)
    staged.trial_gate = threading.Event()
    side.column.button.click()
    qtbot.waitUntil(lambda: side.draft.trial is not None)
    suggested, before = staged.suggested, side.draft.choices

    def other(state: ContainerState, wanted: Wanted | None = None) -> HardeningPlan:
        wanted = wanted or Wanted()
        return suggested(state, replace(wanted, values=(*wanted.values, ("memory", "134217728"))))

    monkeypatch.setattr(staged, "suggested", other)
    staged.trial_gate.set()
    qtbot.waitUntil(lambda: not trials_of(window).busy)
    planned(qtbot, window)
    assert side.draft.choices == before
    assert word(window) == "Relaunch"


def test_what_must_be_kept_in_mind_is_unfolded_before(qtbot: QtBot, window: MainWindow) -> None:
    tried(qtbot, window)
    what = side_of(window).column.foot.what
    assert what.isVisible()


@pytest.mark.parametrize("place", ["column", "list", "filter", "drawer"])
def test_escape_stops_it_wherever_the_focus_is(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, place: str
) -> None:
    side = planned(qtbot, window)
    staged.trial_gate = threading.Event()
    QTest.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: side.draft.button.act is Act.CANCEL)
    if place == "drawer":
        window.resize(1100, 800)
        dock_of(window).turn_drawer()
    focus = {"list": window.containers.view, "filter": window.toolbar.filter}.get(place, side.column)
    focus.setFocus()
    QTest.keyClick(focus, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not trials_of(window).busy)
    assert side.column.isVisible(), "it closes nothing, too"
    planned(qtbot, window)
    assert word(window) == "Try it safely"
    assert side.draft.failure is None


def test_a_row_that_breaks_a_copy_is_marked_and_off(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    staged.breaks = "no-new-privileges"
    assert side.column.changes.rows["no-new-privileges"].isChecked()
    tried(qtbot, window)
    row = side.column.changes.rows["no-new-privileges"]
    assert not row.isChecked()
    assert ", off, used, " in row.accessibleName()
    assert row.unfolded
    assert "cron: open(/x) is refused (EROFS)." in row.told
    assert "no-new-privileges" not in {choice.id for choice in side.draft.choices}
    assert word(window) == "Relaunch", "what is left was tried"
    # who switches something else has to try again
    side.column.changes.rows["memory"].click()
    planned(qtbot, window)
    assert side.draft.plan is not None
    assert word(window) == f"Try again without it: {number_text(side.draft.plan.then)}"
    assert line(window).startswith("The copy stopped: cron: open(/x) is refused (EROFS).")
    assert side.draft.button.sign is Sign.ATTENTION


def test_a_value_that_is_too_tight_is_loosened_in_its_row(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    side = planned(qtbot, window)
    side.draft.set_value("memory", "64m")
    planned(qtbot, window)
    staged.breaks, staged.loosens = "", {"memory": str(128 << 20)}
    tried(qtbot, window)
    assert side.column.changes.rows["memory"].isChecked()
    assert side.column.changes.rows["memory"].value.text() == "128 MiB"
    assert word(window) == "Relaunch"


def test_no_copy_is_possible(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = Tried((), Works.REFUSED, 0.1, msg("It is in a pod."))

    def refused(*_: object) -> object:
        yield Tightened(Verdict(Ends.REFUSED, last=why), Resolved(()), None, 1, 0.1)

    monkeypatch.setattr(staged, "tighten", refused)
    side = planned(qtbot, window)
    tried(qtbot, window)
    assert line(window) == "No copy is possible: It is in a pod."
    assert side.draft.plan is not None
    numbers = number_text(side.draft.plan.now), number_text(side.draft.plan.then)
    button = side.column.foot.buttons.button
    assert button.text() == "Relaunch  {} → {}".format(*numbers)
    assert button.accessibleName() == "Relaunch, {} to {}".format(*numbers)
    side.column.button.click()
    over(qtbot, side)
    assert asked(staged, "run") == 1


def test_a_search_without_a_result_says_why(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.no_result = EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."), "EOF")
    side = planned(qtbot, window)
    side.column.button.click()
    qtbot.waitUntil(lambda: line(window) == "The engine does not answer.")
    assert word(window) == "Try again"


def test_another_container_is_not_told_to_be_tried(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = planned(qtbot, window)
    staged.trial_gate, staged.breaks = threading.Event(), "no-new-privileges"
    side.column.button.click()
    qtbot.waitUntil(lambda: side.draft.trial is not None)
    select(window, "web")
    assert line(window) == "A copy of ci-runner is being tried."
    assert not side.column.button.isEnabled()
    staged.trial_gate.set()
    qtbot.waitUntil(lambda: not trials_of(window).busy)
    assert side.column.changes.rows["no-new-privileges"].isChecked(), "that was the other's"
    select(window, "ci-runner")
    qtbot.waitUntil(lambda: not side.draft.pending)
    assert not side.column.changes.rows["no-new-privileges"].isChecked()


def test_commands_that_ended_well_on_a_copy_count(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    trials = trials_of(window)
    planned(qtbot, window)
    trials.ask_commands()
    trials.sheet.field.setPlainText("\n".join(COMMANDS))
    trials.sheet.keep.click()
    state = window.selection.current
    assert state is not None
    assert preferences.exercises_of(window.settings, state.container.image) == COMMANDS
    tried(qtbot, window)
    assert staged.wishes is not None
    assert staged.wishes.exercises.commands == COMMANDS
    side = side_of(window)
    side.column.button.click()
    over(qtbot, side)
    assert staged.exercised == COMMANDS


def test_they_do_not_count_for_other_settings(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    trials = trials_of(window)
    planned(qtbot, window)
    state = window.selection.current
    assert state is not None
    preferences.remember_exercises(window.settings, state.container.image, COMMANDS)
    tried(qtbot, window)
    side = side_of(window)
    side.draft.add((Choice(side.draft.choices[0].toggle, side.draft.choices[0].value),))
    side.column.changes.rows["no-new-privileges"].click()
    relaunch(qtbot, window)
    over(qtbot, side)
    assert staged.exercised == ()
    assert not trials.busy


def test_what_breaks_a_failed_relaunch_is_found_and_off(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.outcome, staged.blame = RelaunchOutcome.ROLLED_BACK, msg("None of its output points to a toggle.")
    side = relaunch(qtbot, window)
    made = side.draft.relaunch
    qtbot.waitUntil(lambda: not side.busy)
    assert made is not None
    staged.breaks = "no-new-privileges"
    side.find_wanted.emit(made)
    qtbot.waitUntil(lambda: asked(staged, "loosen") == 1 and not trials_of(window).busy)
    planned(qtbot, window)
    assert not side.column.changes.rows["no-new-privileges"].isChecked()
    assert "no-new-privileges" not in {choice.id for choice in side.draft.choices}


def test_a_run_under_way_is_told_whatever_is_in_view(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.gate = threading.Event()
    side = relaunch(qtbot, window)
    qtbot.waitUntil(lambda: "Watch it" in line(window))
    assert word(window).startswith("Relaunching, ")
    state = named(window.selection.snapshot, "web")  # type: ignore[arg-type]
    assert window.containers.view.select_key(state.key)
    assert "ci-runner" in line(window)
    staged.gate.set()
    over(qtbot, side)


def test_what_was_tried_is_relaunched_whatever_is_read_meanwhile(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    """A twin is watched: by what was learned of it the plan would be another one by now."""
    side = planned(qtbot, window)
    tried(qtbot, window)
    choices, staged.calls = side.draft.choices, []
    state = named(picture, "ci-runner")
    other = named(picture, "web").matrix
    window.feed.snapshot.emit(with_others(picture, replace(state, matrix=other)))
    qtbot.wait(50)
    assert asked(staged, "offer") == 0
    assert side.draft.choices == choices
    assert word(window) == "Relaunch"
