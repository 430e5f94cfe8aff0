"""The plan of a sandbox, which no engine starts: the same rows and number, and the corrected line to copy."""

from __future__ import annotations

import shlex

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from rig.window.hardening import named, select, side_of, with_others
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import NO_ENGINE
from stratascope.core.message import NOTHING
from stratascope.core.sandbox import Group, Sandbox
from stratascope.core.sandboxes.asked import bubblewrap
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers.toggles import choice_of
from stratascope.ui.harden.next_step import TRY, Act, PlanButton, effect, idle
from stratascope.ui.harden.plan_button import TryButton
from stratascope.ui.harden.plan_row import PlanRow
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.sandbox_plans import SandboxPlans
from stratascope.value import replace

_LINE = "bwrap --ro-bind / / --dev /dev --proc /proc nap"


def _sandbox(state: ContainerState) -> ContainerState:
    """The same as bubblewrap's."""
    sandbox = Sandbox(
        *("bubblewrap-nap", "bubblewrap", "bubblewrap", Group.OTHER, NOTHING, "nap", "nap", 7, 1, ((7, 1),)),
        asked_text=(("/proc/7/cmdline", _LINE),),
    )
    container = replace(state.container, engine=NO_ENGINE.id, id=sandbox.id, name="nap", sandbox=sandbox)
    asked = bubblewrap.read(shlex.split(_LINE)).asked
    assert asked is not None
    return replace(state, container=replace(container, asked=asked))


@pytest.fixture
def sandboxed(window: MainWindow, staged: StagedHardening, picture: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = SandboxPlans(lambda: None)
    monkeypatch.setattr(staged, "offer", lambda state: plans.previews(state, picture.ground).offer(state))
    monkeypatch.setattr(
        staged, "suggested", lambda state, wanted=None: plans.previews(state, picture.ground).plan(state, wanted=wanted)
    )
    monkeypatch.setattr(
        staged,
        "preview",
        lambda state, choices, _files=(): plans.previews(state, picture.ground).preview(state, choices),
    )
    monkeypatch.setattr(staged, "line", lambda state, choices: plans.line(state, picture.ground, choices))
    window.selection.show_snapshot(with_others(picture, _sandbox(named(picture, "web"))))
    select(window, "nap")


@pytest.mark.usefixtures("sandboxed")
def test_the_button_copies_the_line_of_what_is_on(window: MainWindow, qtbot: QtBot) -> None:
    column = side_of(window).column
    draft = column.draft
    assert draft.plan is not None
    for row in column.changes.rows.values():
        if row.change.key in ("network", "uts") and not row.isChecked():
            row.click()
    qtbot.waitUntil(lambda: not draft.pending and draft.line is not None)
    assert draft.line is not None
    assert draft.button.act is Act.EXPORT
    assert column.button.text().startswith("Copy the corrected line")
    assert column.foot.sign.text.text() == "It is started by you, not by an engine."
    column.button.click()
    copied = QGuiApplication.clipboard().text()
    assert copied == draft.line.text
    words = shlex.split(copied)
    assert words[-1] == "nap"
    assert {"--unshare-net", "--unshare-uts"} <= set(words)
    assert set(words) >= set(shlex.split(_LINE))
    assert set(column.foot.what.lines.lines) >= {"+ --unshare-net", "+ --unshare-uts"}


@pytest.mark.usefixtures("sandboxed")
def test_no_copy_and_no_relaunch_is_offered(window: MainWindow, qtbot: QtBot) -> None:
    draft = side_of(window).column.draft
    qtbot.waitUntil(lambda: not draft.pending and (draft.line is not None or not draft.choices))
    assert draft.button.act in (Act.EXPORT, Act.NOTHING)
    assert draft.relaunch is None
    assert draft.failure is None


@pytest.mark.usefixtures("sandboxed")
def test_where_the_number_stays_the_button_says_how_many_changes(window: MainWindow, qtbot: QtBot) -> None:
    draft = side_of(window).draft
    qtbot.waitUntil(lambda: not draft.pending and (draft.line is not None or not draft.choices))
    plan = draft.plan
    assert plan is not None
    on = replace(plan.changes[0], on=True)
    some = replace(plan, changes=(on, *(replace(each, on=False) for each in plan.changes[1:])))
    assert effect(replace(some, then=plan.now)) == ("1 change",)
    button = TryButton(window.theme)
    button.show_button(PlanButton(Act.TRY, TRY, numbers=True), effect(replace(some, then=plan.now)))
    assert (button.text(), button.accessibleName()) == ("Try it safely  1 change", "Try it safely, 1 change")
    assert idle(replace(plan, changes=(), unclosed=plan.now.threats[:1])).word.id == "No plan"
    assert idle(replace(plan, changes=(), unclosed=())).word.id == "Nothing to change"


@pytest.mark.usefixtures("sandboxed")
def test_of_a_sandbox_no_profile_is_to_be_chosen(window: MainWindow, picture: Snapshot) -> None:
    """No engine has a default for it, and its maker takes no such file."""
    draft = side_of(window).draft
    assert draft.plan is not None
    change = replace(draft.plan.changes[0], choices=(choice_of("seccomp", "default"),))
    row = PlanRow(window.theme, change)
    for state, chosen in ((draft.state, False), (named(picture, "web"), True)):
        row.show_change(change, state, on=True, failed=None, acceptable=False)
        assert row.value.isHidden() is not chosen
