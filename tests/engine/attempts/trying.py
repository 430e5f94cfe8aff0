"""Threats tried on a copy, as the command does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.twins.stage import stage_of
from rig.engine import Rig
from stratascope.core.threats.attempt import AttemptOutcome
from stratascope.usecases.attempts.attempts import threats
from stratascope.wiring.attempts import as_root, tries
from stratascope.wiring.engines import open_engines
from stratascope.wiring.hardening import connected


def tried(rig: Rig, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *asked: str) -> list[AttemptOutcome]:
    journal = stage_of(rig, folder, monkeypatch).journal
    with open_engines() as engines:
        found = connected(engines, journal)
        as_root(found.accesses[0], engines)
        access, state = found.state(name, beside_all=True)
        return [each for each in tries(access, state, threats(asked)) if isinstance(each, AttemptOutcome)]
