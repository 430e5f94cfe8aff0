"""The observer on a stock kernel that has no tracepoint for capability checks (6.12), with control groups of version 2.

Slow: the machine takes minutes. `guest_observed.py` says what runs in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from machine.vm.machine import Machine, NoMachineError, boot

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(3000)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Booted, with everything observed."""
    try:
        yield boot("apparmor", tmp_path_factory.mktemp("observed"), "guest_observed.py")
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def test_checks_are_told_by_kprobe_events(machine: Machine) -> None:
    lines = machine.truth["whole"]["lines"]
    assert "means='kprobe'" in lines[0]
    used = {line.split()[1] for line in lines if line.startswith("Check CAP_")}
    assert used >= {"CAP_CHOWN", "CAP_SYS_CHROOT", "CAP_SETUID", "CAP_SETGID"}
    assert used <= {"CAP_CHOWN", "CAP_SYS_CHROOT", "CAP_SETUID", "CAP_SETGID", "CAP_AUDIT_WRITE", "CAP_NET_ADMIN"}
    assert lines[-1].startswith("End")


def test_they_bear_our_name_and_go_with_the_observer(machine: Machine) -> None:
    whole = machine.truth["whole"]
    assert len(whole["during"].splitlines()) == 2
    assert all(":stratascope_" in line for line in whole["during"].splitlines())
    assert whole["after"] == ""


def test_a_killed_observer_leaves_no_events(machine: Machine) -> None:
    killed = machine.truth["killed"]
    assert len(killed["during"].splitlines()) == 2
    assert killed["after"] == ""


def test_checks_of_a_refused_call_come_with_it(machine: Machine) -> None:
    """By kprobe events too: `cat /etc/shadow` of a user, who asks for CAP_DAC_OVERRIDE (1) in vain."""
    lines = [line for line in machine.truth["whole"]["lines"] if line.startswith("Failed") and "errno=13" in line]
    assert any("CapabilityCheck(capability=1, answer=-1" in line for line in lines), lines


def test_who_has_ended_is_known_with_its_path(machine: Machine) -> None:
    """Out of what that kernel took at the moment: the word of a command, and as whom it ran."""
    lines = [line for line in machine.truth["whole"]["lines"] if line.startswith("Failed") and "errno=13" in line]
    found = [line for line in lines if "path='/etc/shadow'" in line]
    assert found, lines
    assert any("ids=(" in line and "ids=(0," not in line for line in found), found
