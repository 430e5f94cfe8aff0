"""The report beside what the kernel does when a process really tries, on today's engines: as tests/machine/attempts."""

from __future__ import annotations

import sys

import pytest

from machine.attempts.compare import outcomes, table
from machine.attempts.configurations import CONFIGURATIONS
from machine.attempts.trial import run
from rig.engine import Rig
from rig.filters import server_version

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.today]
UNKNOWN_AT_MOST = 0.03
# These engines run in a folder, so a container that may enter their programs is told that of another container's
IN_A_FOLDER, ANOTHERS = "enter-same-user-process", "enter-foreign-process"


def test_every_outcome(newer: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    trial = run(newer, CONFIGURATIONS)
    found = outcomes(trial)
    with capsys.disabled():
        sys.stdout.write(f"\n{newer.name} {server_version(newer)}, refused: {trial.refused}\n{table(found)}\n")
    assert len({item.configuration for item in found}) >= 50
    told = {item.configuration for item in found if (item.threat, item.said) == (ANOTHERS, "open")}
    wrong = [item for item in found if item.word == "disagreed"]
    assert [item for item in wrong if item.threat != IN_A_FOLDER or item.configuration not in told] == []
    unknown = [item for item in found if item.word == "unknown"]
    assert len(unknown) <= UNKNOWN_AT_MOST * len(found), unknown
