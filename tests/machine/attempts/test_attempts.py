"""The report beside what the kernel does when a process really tries: on all four kinds of engines.

`make test` tries a handful of configurations, `make test-all` all of them and the isolated ones. The table of
agreement is printed. What disagrees is a bug of ours, never of the kernel.
"""

from __future__ import annotations

import sys

import pytest

from machine.attempts.compare import Agreement, others_that_stop, outcomes, stances, table
from machine.attempts.configurations import CONFIGURATIONS, ISOLATED, QUICK
from machine.attempts.trial import Trial, run
from rig.engine import Rig

UNKNOWN_AT_MOST = 0.03  # with privilege


_TRIALS: dict[str, Trial] = {}  # by kind of engine: one takes a minute


def everything(rig: Rig) -> Trial:
    """All configurations of this engine, once."""
    if rig.name not in _TRIALS:
        _TRIALS[rig.name] = run(rig, (*CONFIGURATIONS, *(item.configuration for item in ISOLATED)))
    return _TRIALS[rig.name]


def agree(found: list[Agreement], capsys: pytest.CaptureFixture[str]) -> None:
    """Print the table; nothing may disagree, and little may be unknown."""
    with capsys.disabled():
        sys.stdout.write(f"\n{table(found)}\n")
    assert [item for item in found if item.word == "disagreed"] == []
    unknown = [item for item in found if item.word == "unknown"]
    assert len(unknown) <= UNKNOWN_AT_MOST * len(found), unknown


def test_a_handful(any_engine: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    trial = run(any_engine, [item for item in CONFIGURATIONS if item.name in QUICK])
    assert trial.refused == {}
    found = outcomes(trial)
    assert len({item.configuration for item in found}) >= len(QUICK) - 1
    agree(found, capsys)


@pytest.mark.slow
def test_every_outcome(any_engine: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    trial = everything(any_engine)
    found = outcomes(trial)
    assert len({item.configuration for item in found}) >= 60
    agree(found, capsys)


@pytest.mark.slow
def test_what_an_engine_refuses(any_engine: Rig) -> None:
    refused = everything(any_engine).refused
    expected = {item.name: words for item in CONFIGURATIONS if (words := item.refused.get(any_engine.name))}
    assert refused.keys() == expected.keys(), refused
    for name, words in expected.items():
        assert words in refused[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["docker_rootful", "podman_rootful", "podman_rootless"])
def test_stances_with_one_layer_alone(
    name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    rig: Rig = request.getfixturevalue(name)
    trial = everything(rig)
    assert others_that_stop(trial, ISOLATED) == []
    found = stances(trial, ISOLATED)
    assert len(found) >= 80
    agree(found, capsys)
