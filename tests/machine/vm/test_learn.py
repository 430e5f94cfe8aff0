"""The lesson on AppArmor and SELinux, on kernels with them: it comes as `resources/learn/recorded.json` shows it.

Each machine is booted once (`machine.py`); `guest_learn.py` runs the lesson, and tries threats in a running container.
Slow: a machine takes minutes.
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


@pytest.mark.parametrize(("flavour", "at_least"), [("apparmor", 35), ("selinux", 25)])
def test_it_comes_as_recorded(flavour: str, at_least: int, tmp_path: Path) -> None:
    try:
        truth = boot(flavour, tmp_path / flavour, "guest_learn.py").truth
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    where = lessons.MACHINES[flavour]
    recorded = [json_object(each.outcome) for each in lessons.recorded("mac") if each.recorded == where]
    assert truth["as told"] == [True] * len(recorded)
    assert [{key: each[key] for key in SAME} for each in truth["stages"]] == [
        {key: each[key] for key in SAME} for each in recorded
    ]
    tried = [each for each in truth["in place"] if each["tried"] != "not-tried"]
    assert [each for each in tried if each["predicted"] != each["tried"]] == []
    assert len(tried) >= at_least  # under SELinux the label can't be taken on, and what gets through says nothing
