"""The recorded trials of all four kinds of engines, judged again: what was open must be said to be open."""

from __future__ import annotations

import pytest

from machine.attempts.compare import others_that_stop, outcomes, stances
from machine.attempts.configurations import ISOLATED
from machine.attempts.trial import Trial, recorded
from rig.engine import KINDS

TRIALS = recorded()


def test_every_kind_of_engine_was_recorded() -> None:
    assert tuple(trial.engine for trial in TRIALS) == KINDS
    assert sum(len(trial.attempts) for trial in TRIALS) >= 240


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.engine)
def test_outcomes(trial: Trial) -> None:
    found = outcomes(trial)
    assert [item for item in found if item.word == "disagreed"] == []
    assert sum(item.word == "unknown" for item in found) <= 0.03 * len(found)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.engine)
def test_stances(trial: Trial) -> None:
    found = stances(trial, ISOLATED)
    assert [item for item in found if item.word == "disagreed"] == []
    assert others_that_stop(trial, ISOLATED) == []
