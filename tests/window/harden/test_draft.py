"""The choices for each container, and when offer, hint and plan are requested: never on the window's thread."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from rig.window.hardening import asked, named, over, planned, relaunch, select, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers.toggles import choice_of
from stratascope.ui.harden.draft import PATIENCE, SETTLE
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.plan.offers import Asking
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def test_engine_work_is_never_on_the_windows_thread(qtbot: QtBot, window: MainWindow, staged: StagedHardening) -> None:
    side = relaunch(qtbot, window)
    over(qtbot, side)
    side.set_aside.show()
    qtbot.waitUntil(lambda: side.set_aside.dialog.table.model_.rowCount() == 1)
    assert {name for name, _ in staged.calls} >= {"recover", "plan", "run", "aside"}
    assert threading.main_thread().name not in {thread for _, thread in staged.calls}


def test_choices_stay_with_their_container(window: MainWindow) -> None:
    column = side_of(window).column
    column.presets.chosen.emit(Preset.STRICT)
    strict = column.draft.choices
    select(window, "web")
    assert column.presets.current is Preset.RECOMMENDED
    select(window, "ci-runner")
    assert column.draft.choices == strict


def test_another_user_brings_what_keeps_it_from_becoming_root_again(window: MainWindow) -> None:
    draft = side_of(window).column.draft
    draft.switch("no-new-privileges", False)
    draft.switch("user", True)
    assert {"user", "no-new-privileges"} <= {each.id for each in draft.choices}
    draft.switch("no-new-privileges", False)
    assert "no-new-privileges" not in {each.id for each in draft.choices}, "a person decides"


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


def test_a_hint_is_not_worked_out_again_for_nothing_and_goes_with_the_rest(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    column = side_of(window).column
    staged.hints = "read-only-root"
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
    # the answer to the earlier request is shown, and a new one is made
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
    wanted = {choice.id for choice in staged.preset(web, Preset.RECOMMENDED)}
    assert {choice.id for choice in column.draft.choices} == wanted


NET, TIME, MEMORY = (
    choice_of("capabilities", "CAP_NET_ADMIN"),
    choice_of("capabilities", "CAP_SYS_TIME"),
    choice_of("memory", "1073741824"),
)


def asks(*choices: Choice) -> tuple[tuple[Choice, Asking], ...]:
    return tuple((each, Asking(msg("Give it {what}", what=each.value), 0)) for each in choices)


def test_what_was_refused_stands_below_what_closes_and_is_off(window: MainWindow) -> None:
    column = side_of(window).column
    key = select(window, "ci-runner").key
    before = column.draft.choices
    column.draft.show_asked(key, asks(NET, MEMORY))
    rows = {row.option.key: row for row in column.rows.values() if row.option.asking is not None}
    assert {key: (row.text(), row.isChecked()) for key, row in rows.items()} == {
        "capabilities=CAP_NET_ADMIN": ("Give it CAP_NET_ADMIN", False),
        "memory=1073741824": ("Give it 1073741824", False),
    }
    assert "Opens no threat" in rows["memory=1073741824"].accessibleDescription()
    assert column.draft.choices == before
    column.presets.chosen.emit(Preset.STRICT)
    assert not any(row.isChecked() for row in column.rows.values() if row.option.asking is not None)
    select(window, "web")
    assert not any(row.option.asking is not None for row in column.rows.values())


def test_what_gives_and_what_hardens_take_each_others_place(window: MainWindow) -> None:
    """A toggle and what it would take away replace each other; granted values are merged into one list."""
    draft = side_of(window).column.draft
    key = select(window, "ci-runner").key
    draft.show_asked(key, asks(NET, TIME, MEMORY))
    draft.switch("capabilities", True)
    draft.switch("memory", True)
    for choice in (NET, TIME, MEMORY):
        draft.allow(key, (choice,))
    chosen = draft.chosen
    assert chosen is not None
    assert {"capabilities=CAP_NET_ADMIN", "capabilities=CAP_SYS_TIME", "memory=1073741824"} <= set(chosen.on)
    assert not {"capabilities", "memory"} & set(chosen.on)
    assert choice_of("capabilities", "CAP_NET_ADMIN,CAP_SYS_TIME") in draft.choices
    assert draft.preview is not None
    draft.switch("capabilities", True)
    assert not any(name.startswith("capabilities=") for name in chosen.on)


def test_who_allows_what_was_refused_gets_just_that(window: MainWindow) -> None:
    """A preset that was offered by default is not the user's choice; a chosen one is, and stays."""
    draft = side_of(window).column.draft
    key = select(window, "grafana").key
    draft.show_asked(key, asks(NET))
    draft.allow(key, (NET,))
    assert draft.choices == (NET,)
    draft.take_preset(Preset.RECOMMENDED)
    chosen = draft.choices
    draft.allow(key, (NET,))
    assert set(draft.choices) > {NET}
    assert len(draft.choices) >= len(chosen)


def test_what_is_allowed_before_its_toggles_are_known_is_switched_on_then(
    window: MainWindow, staged: StagedHardening, qtbot: QtBot
) -> None:
    draft = side_of(window).column.draft
    staged.offer_gate = threading.Event()
    state = named_in(window, "web")
    draft.show_asked(state.key, asks(MEMORY))
    window.selection.go_to(state.key)
    draft.allow(state.key, (MEMORY,))
    staged.offer_gate.set()
    qtbot.waitUntil(lambda: draft.offered_key == state.key)
    assert MEMORY in draft.choices


def test_what_is_on_stays_when_it_is_not_asked_for_any_more(window: MainWindow) -> None:
    draft = side_of(window).column.draft
    key = select(window, "ci-runner").key
    draft.show_asked(key, asks(NET, MEMORY))
    draft.allow(key, (MEMORY,))
    draft.show_asked(key, ())
    assert MEMORY in draft.choices
    assert "capabilities=CAP_NET_ADMIN" not in draft.options


def named_in(window: MainWindow, name: str) -> ContainerState:
    assert window.selection.snapshot is not None
    return named(window.selection.snapshot, name)
