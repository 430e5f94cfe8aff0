"""Services under a real systemd: what they asked beside what is enforced, and their corrected line as a drop-in.

And why no user namespace can be made there, by the switches of the kernel and a profile of AppArmor.

The machine is booted once (`machine.py`); `guest_units.py` has the steps. Slow: a machine takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from machine.vm.machine import Machine, NoMachineError, boot

SECONDS = 3000
pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(SECONDS + 900)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, booted, with all steps taken."""
    try:
        yield boot("apparmor", tmp_path_factory.mktemp("units"), "guest_units.py", SECONDS)
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def service(machine: Machine, name: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = machine.truth["services"][name]["report"]
    assert (found["kind"], found["maker"]) == ("service", "systemd")
    return found


def codes(found: dict[str, Any]) -> set[str]:
    return {each["code"] for each in found["findings"]}


def test_a_service_is_listed_with_what_its_unit_asked(machine: Machine) -> None:
    hard, soft = service(machine, "hard"), service(machine, "soft")
    assert (hard["name"], soft["name"]) == ("hard.service", "soft.service")
    assert (hard["layers"]["seccomp"]["verdict"], soft["layers"]["seccomp"]["verdict"]) == ("UNKNOWN", "OPEN")
    assert hard["layers"]["cgroup"]["verdict"] == "ENFORCED"
    # what systemd lays over a folder is no path of the host, and nothing is told to have been lost
    assert not {code for code in codes(hard) if "drift" in code or "false-mask" in code}


def test_the_drop_in_closes_what_it_is_for(machine: Machine) -> None:
    found = machine.truth["services"]
    lines = found["plan"]["line"]["text"].splitlines()
    assert lines[0] == "[Service]"
    assert found["verified"] == ""
    before, after = found["soft"], found["corrected"]
    assert before["pid"] != after["pid"]
    assert (before["status"]["NoNewPrivs"], after["status"]["NoNewPrivs"]) == ("0", "1")
    assert "NoNewPrivileges=yes" in lines
    assert (before["status"]["Seccomp"], after["status"]["Seccomp"]) == ("0", "2")
    assert any(line.startswith("SystemCallFilter=") for line in lines)
    assert int(after["status"]["CapBnd"], 16) < int(before["status"]["CapBnd"], 16)
    first, second = service(machine, "soft"), service(machine, "corrected")
    verdicts = [each["layers"]["seccomp"]["verdict"] for each in (first, second)]
    assert verdicts[0] == "OPEN"
    assert verdicts[1] != "OPEN"
    assert second["exposure"] == pytest.approx(found["plan"]["exposure"]["then"], abs=0.5)  # as was foreseen


@pytest.mark.parametrize(
    ("case", "cause"),
    [
        ("kernel.unprivileged_userns_clone", "debian-switch"),
        ("user.max_user_namespaces", "namespaces-forbidden"),
        ("profile", "apparmor-userns"),
    ],
)
def test_why_no_user_namespace_can_be_made(machine: Machine, case: str, cause: str) -> None:
    found = machine.truth["starts"]
    assert found["plain"]["works"]
    assert not found[case]["works"]
    assert [each["id"] for each in found[case]["causes"]] == [cause]
    assert found["allowed"]["works"]  # with what is advised for the last of them
