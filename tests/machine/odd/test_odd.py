"""Odd containers: each module of `scenarios/` is a subject, tried on all four engines, as root's and as an ordinary
user's report tells them.

What is said to be stopped and is open is a fault without exception; the other limits are the goals of the program.
A subject's `UNSEEN` names scenarios in which something decides that no ordinary user can read, `UNSEEN_OF_ROOTS` those
in which nobody can whose own engine it is not: there it must only never say that anything is stopped that is open.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from machine.attempts.compare import Agreement, outcomes, table, told
from machine.attempts.configurations import Configuration
from machine.attempts.trial import run
from rig.engine import Rig

SUBJECTS = sorted(path.stem for path in (Path(__file__).parent / "scenarios").glob("[!_]*.py"))
FALSE_OPEN_AT_MOST, UNKNOWN_AT_MOST = 0.001, 0.005


def scenarios_of(subject: str) -> tuple[Configuration, ...]:
    """The scenarios of one subject."""
    found: tuple[Configuration, ...] = _subject(subject).SCENARIOS
    return found


def _subject(name: str) -> ModuleType:
    return import_module(f"machine.odd.scenarios.{name}")


def test_names_differ() -> None:
    names = [item.name for subject in SUBJECTS for item in scenarios_of(subject)]
    assert names
    assert len(names) == len(set(names))
    assert all(name.startswith("odd-") for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_odd(any_engine: Rig, subject: str, capsys: pytest.CaptureFixture[str]) -> None:
    scenarios = scenarios_of(subject)
    trial = run(any_engine, scenarios, told=True)
    expected = {item.name: item.refused[any_engine.name] for item in scenarios if any_engine.name in item.refused}
    assert trial.refused.keys() == expected.keys(), trial.refused
    assert all(words in trial.refused[name] for name, words in expected.items()), trial.refused
    assert trial.told.keys() == trial.attempts.keys()
    by_reader = {"root": outcomes(trial), "an ordinary user": told(trial)}
    with capsys.disabled():
        for reader, found in by_reader.items():
            sys.stdout.write(f"\n{subject}, as {reader}\n{table(found)}\n")
    assert {reader: _false_stops(found) for reader, found in by_reader.items()} == {key: [] for key in by_reader}
    unseen: frozenset[str] = getattr(_subject(subject), "UNSEEN", frozenset())
    if not any_engine.rootless:
        unseen |= getattr(_subject(subject), "UNSEEN_OF_ROOTS", frozenset())
    known = [item for item in by_reader["an ordinary user"] if item.configuration not in unseen]
    for found in (by_reader["root"], known):
        _at_most([item for item in found if item.word == "disagreed"], FALSE_OPEN_AT_MOST, found)
        _at_most([item for item in found if item.word == "unknown"], UNKNOWN_AT_MOST, found)


def _false_stops(found: list[Agreement]) -> list[Agreement]:
    return [item for item in found if item.said == "stopped" and item.did == "open"]


def _at_most(some: list[Agreement], share: float, of: list[Agreement]) -> None:
    assert len(some) <= share * len(of), [(item.configuration, item.threat, item.said, item.did) for item in some]
