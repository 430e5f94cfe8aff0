"""Settings tried on a twin in the window: from the buttons through the sheet into the column, and every way to leave
it.
"""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QScrollArea
from pytestqt.qtbot import QtBot

from rig.window.hardening import arrived, asked, card_of, named, planned, select, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.snapshot import Privilege, PrivilegeState, Snapshot
from stratascope.layers.toggles import choice_of
from stratascope.state import preferences
from stratascope.ui.harden.draft import ContainerChoices
from stratascope.ui.kit.page import View
from stratascope.ui.tighten.controller import TrialController
from stratascope.ui.tighten.dialog import Page
from stratascope.ui.tighten.found_page import TrialCard
from stratascope.ui.use.page import UsePage
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace


def trials_of(window: MainWindow) -> TrialController:
    assert window.trials is not None
    return window.trials


def click(button: QAbstractButton) -> None:
    """Click as a user does: only what is visible and enabled."""
    assert button.isVisible()
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def tried(qtbot: QtBot, window: MainWindow, *, chosen: bool = False) -> TrialController:
    """Run trials to the end, by two clicks."""
    side, trials = planned(qtbot, window), trials_of(window)
    click(side.column.trials.try_chosen if chosen else side.column.trials.tighten)
    click(trials.dialog.go)
    qtbot.waitUntil(lambda: not trials.busy)
    return trials


def test_four_clicks_from_the_container_to_the_relaunch(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    """Tighten, try, take, relaunch: the column has exactly the result, and the sheet asks as usual."""
    trials, side = tried(qtbot, window), side_of(window)
    assert trials.dialog.page is Page.AFTER
    found = trials.dialog.after.choices
    assert found
    click(trials.dialog.go)
    assert not trials.dialog.isVisible()
    qtbot.waitUntil(side.dialog.isVisible)
    assert side.column.draft.choices == tuple(sorted(found, key=side.column.draft.choices.index))
    click(side.dialog.go)
    qtbot.waitUntil(lambda: not side.busy)
    arrived(window, picture)
    assert card_of(window).more.text() == "Undo"


def test_each_setting_says_why_and_can_be_switched_off(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.breaks = "read-only-root"
    dialog = tried(qtbot, window).dialog
    rows = dialog.after.rows
    assert {row.setting.toggle for row in rows} == {each.id for each in dialog.after.choices}
    assert all(row.switch.accessibleDescription() == "It was not seen to need it." for row in rows)
    assert "read-only-root" not in {each.id for each in dialog.after.choices}
    text = " ".join(label.text() for label in dialog.after.findChildren(type(dialog.lead)) if label.isVisible())
    assert "cron: open(/x) is refused (EROFS)." in text  # why that one is left out
    assert "It has no health check." in text  # not compared
    assert not dialog.after.untried.isVisible()
    before = dialog.after.prediction.then.matrix
    for row in rows[1:]:
        click_scrolled(dialog.after, row.switch)
    assert dialog.after.choices == (rows[0].setting.choice,)
    assert dialog.after.untried.isVisible()
    assert dialog.after.prediction.then.matrix is not before
    click_scrolled(dialog.after, rows[0].switch)
    assert not dialog.go.isEnabled()  # nothing is left to relaunch with


def click_scrolled(page: QScrollArea, button: QAbstractButton) -> None:
    page.ensureWidgetVisible(button)
    click(button)


def test_what_is_switched_on_is_tried_as_it_is(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    chosen = planned(qtbot, window).column.draft.choices
    dialog = tried(qtbot, window, chosen=True).dialog
    assert staged.wishes is not None
    assert staged.wishes.chosen == chosen
    assert dialog.title.text() == "It works with everything that is switched on."
    assert asked(staged, "run") == 0  # nothing was relaunched


def test_what_breaks_of_it_is_named(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    chosen = planned(qtbot, window).column.draft.choices
    staged.breaks = chosen[0].id
    dialog = tried(qtbot, window, chosen=True).dialog
    assert dialog.title.text() == f"It breaks with all of them, and works with {len(chosen) - 1} of {len(chosen)}."
    assert staged.breaks not in {each.id for each in dialog.after.choices}


def test_a_value_that_was_loosened_is_told(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    select(window, "backup")
    side = planned(qtbot, window)
    side.column.draft.set_value("pids", "50")
    staged.loosens = {"pids": "77"}
    dialog = tried(qtbot, window, chosen=True).dialog
    assert dialog.title.text() == "It breaks with all of them, and works with 1 value loosened."
    assert "Limit processes, loosened: 77" in [row.switch.accessibleName() for row in dialog.after.rows]


def test_progress_is_told_trial_by_trial_and_it_can_be_hidden(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.trial_gate = threading.Event()
    side, trials = planned(qtbot, window), trials_of(window)
    click(side.column.trials.tighten)
    click(trials.dialog.go)
    qtbot.waitUntil(lambda: trials.dialog.trials.model_.rowCount() == 1)
    assert trials.dialog.lead.text().startswith("Trial 1")
    QTest.keyClick(trials.dialog, Qt.Key.Key_Escape)
    assert not trials.dialog.isVisible()
    assert side.column.trials.tighten.text() == "Show the trials"
    assert not side.column.trials.try_chosen.isVisible()
    select(window, "backup")  # the button is there whatever is in view
    click(side.column.trials.tighten)
    assert trials.dialog.page is Page.DURING
    trials.dialog.hide()
    staged.trial_gate.set()
    qtbot.waitUntil(trials.dialog.isVisible)  # nothing else reports the end
    assert trials.dialog.go.text() == "Relaunch with these…"
    assert side.column.trials.tighten.text() == "Tighten…"


def test_twins_of_the_search_are_not_in_the_list_and_nothing_else_hides(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    state = named(picture, "ci-runner")
    twin = replace(state, container=replace(state.container, id="f" * 64, name="ci-runner.twin-12345678"))
    other = replace(state, container=replace(state.container, id="e" * 64, name="backup.twin-12345678"))
    with_them = replace(picture, containers=(*picture.containers, twin, other))

    def shown() -> set[str]:
        assert window.selection.snapshot is not None
        return {each.container.name for each in window.selection.snapshot.containers} & {
            twin.container.name,
            other.container.name,
        }

    window.feed.snapshot.emit(with_them)
    assert shown() == {twin.container.name, other.container.name}  # without a search they are ordinary containers
    staged.trial_gate = threading.Event()
    trials = trials_of(window)
    click(planned(qtbot, window).column.trials.tighten)
    click(trials.dialog.go)
    window.feed.snapshot.emit(with_them)
    assert shown() == {other.container.name}
    staged.trial_gate.set()
    qtbot.waitUntil(lambda: not trials.busy)
    window.feed.snapshot.emit(with_them)  # read before it was removed
    assert shown() == {other.container.name}


def test_cancelled_at_any_time(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.trial_gate = threading.Event()
    side, trials = planned(qtbot, window), trials_of(window)
    click(side.column.trials.tighten)
    click(trials.dialog.go)
    qtbot.waitUntil(lambda: trials.dialog.trials.model_.rowCount() == 1)
    click(trials.dialog.back)
    assert not trials.dialog.back.isEnabled()
    qtbot.waitUntil(lambda: not trials.busy)
    assert trials.dialog.title.text() == "The trials were interrupted."
    assert not trials.dialog.go.isVisible()
    click(trials.dialog.once_more)
    assert trials.dialog.page is Page.BEFORE


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoSuchContainerError("x"), "no longer knows this container"),
        (EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."), "refused"), "does not answer"),
    ],
)
def test_it_fails_with_a_sentence(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, error: Exception, said: str
) -> None:
    staged.no_result = error
    dialog = tried(qtbot, window).dialog
    assert dialog.title.text() == "It could not be tried"
    assert said in dialog.lead.text()
    assert not dialog.go.isVisible()


def test_the_container_is_gone_when_it_is_found(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    dialog = tried(qtbot, window).dialog
    window.selection.show_snapshot(with_others(picture, without="ci-runner"))
    click(dialog.go)
    assert dialog.lead.text() == "This container no longer exists, or is not running."
    assert not side_of(window).dialog.isVisible()
    window.selection.show_snapshot(picture)
    click(dialog.go)  # it was being read again
    qtbot.waitUntil(side_of(window).dialog.isVisible)


def test_the_window_waits_for_the_twin_and_then_closes(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.trial_gate = threading.Event()
    trials = trials_of(window)
    click(planned(qtbot, window).column.trials.tighten)
    click(trials.dialog.go)
    qtbot.waitUntil(lambda: trials.dialog.trials.model_.rowCount() == 1)
    assert not window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert not trials.busy
    assert not trials.dialog.isVisible()


def test_commands_are_remembered_by_image_and_offered(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    side, trials = planned(qtbot, window), trials_of(window)
    before = trials.dialog.before
    click(side.column.trials.tighten)
    assert not before.before.isVisible()
    before.commands.setPlainText("  curl -f http://127.0.0.1/  \n\ntrue\ntrue\n")
    before.repeats.setValue(5)
    click(trials.dialog.go)
    qtbot.waitUntil(lambda: not trials.busy)
    assert staged.wishes is not None
    assert staged.wishes.exercises.commands == ("curl -f http://127.0.0.1/", "true")
    assert staged.wishes.repeats == 5
    image = named(picture, "ci-runner").container.image
    assert preferences.exercises_of(window.settings, image) == ("curl -f http://127.0.0.1/", "true")
    click(trials.dialog.once_more)
    assert before.given == ("curl -f http://127.0.0.1/", "true")
    before.commands.clear()
    before.menu.actions()[1].trigger()
    assert before.commands.toPlainText().strip() == "true"


@pytest.mark.parametrize(
    ("privilege", "said"),
    [
        (Privilege(PrivilegeState.ON), ""),
        (Privilege(PrivilegeState.IDLE, "pkexec x"), "password"),
        (Privilege(PrivilegeState.REFUSED, "pkexec x"), "password"),
    ],
)
def test_what_watching_takes_is_said_before(
    qtbot: QtBot, window: MainWindow, picture: Snapshot, privilege: Privilege, said: str
) -> None:
    window.selection.show_snapshot(replace(picture, privilege=privilege))
    click(planned(qtbot, window).column.trials.tighten)
    watched = trials_of(window).dialog.before.watched
    assert watched.isVisible() is bool(said)
    assert said in watched.text()


def test_without_an_observer_it_says_why_and_goes_on(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    staged.unwatched = msg("The helper was refused.")
    dialog = tried(qtbot, window).dialog
    assert dialog.page is Page.AFTER
    assert dialog.told.isVisible()
    assert "by trials alone: The helper was refused." in dialog.told.text()
    assert dialog.go.isVisible()


def test_the_page_leads_to_it_and_shows_what_was_found(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening
) -> None:
    staged.breaks = "read-only-root"
    planned(qtbot, window)
    window.pages.show_view(View.USE)
    page = window.pages.of(UsePage)
    qtbot.waitUntil(lambda: page.ready)
    button = next(each for each in page.strip.findChildren(QAbstractButton) if each.text() == "Try on a twin")
    trials = trials_of(window)
    click(button)
    click(trials.dialog.go)
    qtbot.waitUntil(lambda: not trials.busy)
    trials.dialog.hide()
    card = page.findChild(TrialCard)
    assert isinstance(card, TrialCard)
    assert card.isVisible()
    rows = {row[0].text: row for row in card.table.model_.rows}
    assert rows["Read-only root directory"][0].sign == "cross"
    assert "cron: open(/x)" in rows["Read-only root directory"][1].text
    assert {row[0].sign for name, row in rows.items() if name != "Read-only root directory"} == {"tick"}
    select(window, "backup")
    assert not card.isVisible()
    select(window, "ci-runner")
    assert card.isVisible()


def test_nothing_of_it_in_the_demo_nor_where_nothing_runs(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    buttons = planned(qtbot, window).column.trials
    assert buttons.tighten.isVisible()
    window.selection.show_snapshot(replace(with_others(picture), demo=True))
    assert not buttons.tighten.isVisible()
    assert not buttons.try_chosen.isVisible()


def test_a_low_window_has_one_of_the_buttons(qtbot: QtBot, window: MainWindow) -> None:
    buttons = planned(qtbot, window).column.trials
    window.resize(1440, 520)
    assert buttons.tighten.isVisible()
    assert not buttons.try_chosen.isVisible()
    click(buttons.tighten)
    assert trials_of(window).dialog.before.chosen.isVisible()
    window.resize(1440, 900)
    assert buttons.try_chosen.isVisible()


def test_single_capabilities_are_switches_of_their_own() -> None:
    """One choice of a trial is two toggles of the column, and becomes one choice again."""
    chosen = ContainerChoices()
    chosen.put((choice_of("drop", "SYS_ADMIN,NET_RAW"), choice_of("pids", "50")))
    assert chosen.on == {
        "drop=SYS_ADMIN": "SYS_ADMIN",
        "drop=NET_RAW": "NET_RAW",
        "pids": "50",
    }
    assert chosen.preset is None
