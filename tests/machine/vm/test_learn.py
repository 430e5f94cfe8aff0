"""The lesson on AppArmor, on a kernel with it: it comes as `resources/learn/recorded.json` shows it elsewhere.

The machine is booted once (`machine.py`); `guest_learn.py` runs the lesson. Slow: a machine takes minutes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from machine.vm.machine import NoMachineError, boot
from stratascope.presentation.attempts_report import json_object
from stratascope.usecases.attempts import lessons

SAME = ("threat", "predicted", "tried", "layer", "call", "errno", "step")
pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(3000)]


def test_it_comes_as_recorded(tmp_path: Path) -> None:
    try:
        truth = boot("apparmor", tmp_path / "apparmor", "guest_learn.py").truth
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    recorded = [json_object(each.outcome) for each in lessons.recorded("mac")]
    assert truth["as told"] == [True] * len(recorded)
    assert [{key: each[key] for key in SAME} for each in truth["stages"]] == [
        {key: each[key] for key in SAME} for each in recorded
    ]
