"""Lessons as data, what was recorded of them, and how a stage is told."""

from __future__ import annotations

import errno

import pytest

from stratascope.core.lesson import Move, Stage, StageOutcome
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.threat import Outcome
from stratascope.layers import all_layers
from stratascope.presentation import lessons_report
from stratascope.presentation.terminal import Style
from stratascope.usecases.attempts import lessons, reasons


def test_every_layer_has_its_lesson_and_depth_too() -> None:
    assert {each.layer for each in lessons.LESSONS} == {layer.id for layer in all_layers()} | {""}


def test_what_is_tried_is_tried_harmlessly() -> None:
    known = {threat.id for threat in all_threats()}
    assert all(each.threat in known and each.threat not in reasons.NEVER for each in lessons.LESSONS)


def test_it_is_taken_away_first() -> None:
    for each in lessons.LESSONS:
        moves = [stage.move for stage in each.stages]
        assert moves == [Move.AWAY, *[Move.BACK] * (len(moves) - 1)]
        assert [bool(stage.layer) for stage in each.stages] == [move is Move.BACK for move in moves]
        assert all(each.layer in ("", stage.layer) for stage in each.stages if stage.layer)


def test_the_options_of_a_stage_as_typed() -> None:
    found = {each.id: [lessons.words(stage.options) for stage in each.stages] for each in lessons.LESSONS}
    assert found["namespaces"] == [("--pid", "host"), ()]
    assert found["usermap"][1] == ("--cap-add", "SYS_TIME", "--uidmap", "0:100000:65536")
    assert found["mac"][0][-1] == "apparmor=unconfined"
    assert all(len(set(words)) == len(words) for words in found.values())


@pytest.mark.parametrize("name", ["cgroup", "usermap", "depth", "mac"])
def test_what_was_recorded_elsewhere_came_as_told(name: str) -> None:
    taught, made = lessons.lesson(name), lessons.recorded(name)
    assert taught is not None
    assert made
    assert len(made) % len(taught.stages) == 0
    assert all(each.as_told and each.recorded is not None and not each.outcome.differs for each in made)
    assert {each.outcome.threat for each in made} == {taught.threat}


def made(tried: Tried, layer: str | None = None, number: int | None = None) -> StageOutcome:
    taught = lessons.LESSONS[3]
    outcome = AttemptOutcome(taught.threat, Outcome.STOPPED, tried, layer, "add_key(user)", number)
    return StageOutcome(Stage(Move.BACK, taught.stages[1].options, "seccomp"), outcome)


def test_the_strata_show_how_far_it_came() -> None:
    plain = Style(colour=False, unicode=False)
    stopped = lessons_report.strata(made(Tried.STOPPED, "seccomp", errno.EPERM), plain)
    assert [line.split()[-1] for line in stopped][:2] == ["|", "|"]
    assert stopped[2].endswith("X EPERM")
    assert not any(line.endswith("|") for line in stopped[3:])
    through = lessons_report.strata(made(Tried.OPEN), plain)
    assert all(line.endswith("|") for line in through[:6])
    assert through[6].endswith("v")
    assert not any(line.endswith(("|", "v", "X")) for line in lessons_report.strata(made(Tried.NOT_TRIED), plain))


def test_another_outcome_than_the_lesson_s_is_said() -> None:
    assert lessons_report.otherwise(made(Tried.STOPPED, "seccomp", errno.EPERM)) is None
    for each in (made(Tried.OPEN), made(Tried.STOPPED, "capabilities", errno.EPERM)):
        assert not each.as_told
        assert lessons_report.otherwise(each) is not None
