"""The row `sudo` of `reach` beside what a real sudo does, under one set of rules after the other.

The machine is booted once (`machine.py`); `guest_sudo.py` has the rules. Slow: a machine takes minutes.
"""

from __future__ import annotations

import os

import pytest

from machine.vm.machine import NoMachineError, boot

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(3000)]

# The machines that a rule is for are not compared: said to be open
OVERSTATED = {"another machine"}
TOLD = {"nothing": "open", "password": "unknown", "refuses": "closed"}


def test_it_says_what_sudo_does(tmp_path_factory: pytest.TempPathFactory) -> None:
    try:
        machine = boot("apparmor", tmp_path_factory.mktemp("sudo"), "guest_sudo.py")
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    assert len(machine.truth) >= 25
    assert {each["did"] for each in machine.truth.values()} == set(TOLD)
    wrong = {
        name: (each["did"], each["row"] and each["row"]["outcome"])
        for name, each in machine.truth.items()
        if each["row"] is None or each["row"]["outcome"] != TOLD[each["did"]]
    }
    assert wrong == dict.fromkeys(OVERSTATED, ("refuses", "open"))
