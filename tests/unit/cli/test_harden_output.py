"""What people read before and after a relaunch, beside the steps."""

from __future__ import annotations

import pytest

from rig.recorded import recorded
from stratascope.cli.harden.relaunch import ENDINGS, chosen_lines, halves
from stratascope.core.container import Asked, EngineKind
from stratascope.core.relaunch.launch_spec import LaunchSpec, RestartPolicy
from stratascope.core.relaunch.owner import Owned, OwnerKind
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.relaunch.transaction import (
    PlainOutcome,
    RelaunchOutcome,
    RelaunchResult,
    Stage,
    Transaction,
    TransactionKind,
)
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of, fold, plain
from stratascope.presentation.relaunch_words import ending_sentence
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Preflight
from stratascope.value import replace
from unit.layers.toggle_subjects import subject

DONE = Transaction(
    *("1", TransactionKind.HARDEN, Stage.DONE, "docker", "unix:///run/docker.sock", "web", "old", "new", True),
    *("web.old-1", "web.new-1", RestartPolicy(), RestartPolicy(), True, 10, 0.0),
)
OWNED = replace(DONE, old_aside="", owner=Owned(OwnerKind.COMPOSE, "web", (), (), (), 10.0))


def planned(known: Subject, **values: str) -> Plan:
    choices = plain([choice_of(name.replace("_", "-"), value) for name, value in values.items()], known)
    asked = known.container.asked
    spec = LaunchSpec("docker", EngineKind.DOCKER, "old", "web", "img", "sha", asked, "{}", "{}")
    state = ContainerState(known.container, ())
    return Plan(state, known, spec, choices, fold(asked, choices, known), "{}", Preflight((), ()))


@pytest.mark.parametrize(
    ("how", "made", "words"),
    [
        (RelaunchOutcome.VERIFIED, DONE, "kept as web.old-1: undo brings it back"),
        (RelaunchOutcome.VERIFIED, replace(DONE, kind=TransactionKind.UNDO), "web is as it was before."),
        (RelaunchOutcome.VERIFIED, OWNED, "Its owner re-created web: undo reverts the change"),
        (RelaunchOutcome.VERIFIED, replace(OWNED, kind=TransactionKind.UNDO), "web is as it was before"),
        (RelaunchOutcome.VERIFIED, None, "Works."),
        (RelaunchOutcome.KEPT, DONE, "not verified"),
        (RelaunchOutcome.LIMITED, None, "without a relaunch"),
        (RelaunchOutcome.ROLLED_BACK, DONE, "Rolled back: web is as it was before."),
        (RelaunchOutcome.ROLLED_BACK, replace(DONE, kind=TransactionKind.UNDO), "web runs as hardened"),
        (RelaunchOutcome.ROLLED_BACK, None, "Rolled back: it is as it was before."),
        (RelaunchOutcome.REFUSED, None, "Nothing was changed."),
    ],
)
def test_how_it_ended(how: RelaunchOutcome, made: Transaction | None, words: str) -> None:
    assert words in translate(ending_sentence(RelaunchResult(how, made)))


def test_three_outcomes_for_people() -> None:
    outcomes = {each: RelaunchResult(each, None).outcome for each in RelaunchOutcome}
    assert outcomes == {
        RelaunchOutcome.VERIFIED: PlainOutcome.WORKS,
        RelaunchOutcome.LIMITED: PlainOutcome.WORKS,
        RelaunchOutcome.ENFORCED: PlainOutcome.NOT_TESTED,
        RelaunchOutcome.KEPT: PlainOutcome.NOT_TESTED,
        RelaunchOutcome.ROLLED_BACK: PlainOutcome.ROLLED_BACK,
        RelaunchOutcome.REFUSED: None,
        RelaunchOutcome.UNFINISHED: None,
    }
    assert halves(RelaunchResult(RelaunchOutcome.ENFORCED, None))["outcome"] == "not-tested"
    assert {each.value: code for each in PlainOutcome for of, code in ENDINGS.items() if of.plain is each} == {
        "works": 0,
        "not-tested": 1,
        "rolled-back": 4,
    }


def test_choices_are_told_as_they_may_be_typed_with_what_they_could_break() -> None:
    known = subject(Asked(), recorded("lsm/apparmor/docker-default"))
    lines = list(chosen_lines(planned(known, memory="256m", capabilities="CHOWN,KILL")))
    assert lines[0] == "capabilities=CHOWN,KILL"
    assert lines[1].startswith("  ? It starts as root: programs that then change to another user")
    assert "memory=256m" in lines
    assert list(chosen_lines(planned(known))) == ["No options change."]


def test_as_another_user_it_loses_nothing_that_it_did_not_hold() -> None:
    known = subject(Asked(), recorded("lsm/apparmor/docker-user1000"))
    alone = list(chosen_lines(planned(known, capabilities="none")))
    both = list(chosen_lines(planned(known, capabilities="none", user="1000:1000")))
    assert any("It starts as root" in line for line in alone)
    assert both == ["user=1000:1000", "capabilities=none"]
