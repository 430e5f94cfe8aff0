"""Who refused it on real machines: AppArmor, SELinux, control groups of version 2, rootless Podman.

Slow: a machine takes the better part of an hour. `guest_denials.py` says what runs in it; the table is printed
(pytest's -s).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from engine.denials.cases.machines import APPARMOR, OF_ROOTLESS, SECOND_VERSION, SELINUX
from engine.denials.staged import Told
from engine.denials.verdict import Verdict, summed, table
from machine.vm.machine import Machine, NoMachineError, boot

SECONDS = 5400
CASES = {case.id: case for case in (*APPARMOR, *SELINUX, *OF_ROOTLESS, *SECOND_VERSION)}

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(SECONDS + 900)]


@pytest.fixture(scope="module", params=("apparmor", "second-version", "selinux"))
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Booted, with all cases carried out."""
    try:
        flavour = "selinux" if request.param == "selinux" else "apparmor"
        yield boot(flavour, tmp_path_factory.mktemp("denials"), "guest_denials.py", SECONDS, request.param)
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def test_each_case_is_what_it_claims(machine: Machine) -> None:
    results = machine.truth["results"]
    assert {f"{each['engine']} {each['case']}": each["untrue"] for each in results if each["untrue"]} == {}


def test_the_goals(machine: Machine) -> None:
    """As in `tests/engine/denials`."""
    found = tuple(
        Verdict(each["engine"], CASES[each["case"]], Told(**each["told"])) for each in machine.truth["results"]
    )
    sys.stdout.write("\n" + table(found) + "\n")
    total = summed(found)
    assert [one.row() for one in found if one.wrong] == []
    assert total.right >= 0.95, [one.row() for one in found if not one.right]
    assert total.remedied >= 0.9, [one.row() for one in found if one.told.helped is not True]
