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
from engine.denials.verdict import Verdict, table
from machine.vm.guest_denials import plan
from machine.vm.machine import Machine, NoMachineError, boot

SECONDS = 5400
PARTS = {"apparmor": ("apparmor", "second-version"), "selinux": ("selinux",)}
FOUND: dict[str, list[Verdict]] = {}  # by the kind of machine
CASES = {case.id: case for case in (*APPARMOR, *SELINUX, *OF_ROOTLESS, *SECOND_VERSION)}

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(SECONDS + 900)]


@pytest.fixture(scope="module", params=[part for parts in PARTS.values() for part in parts])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Booted, with all cases carried out."""
    try:
        flavour = next(each for each, parts in PARTS.items() if request.param in parts)
        yield boot(flavour, tmp_path_factory.mktemp("denials"), "guest_denials.py", SECONDS, request.param)
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def test_each_case_is_what_it_claims(machine: Machine) -> None:
    results = machine.truth["results"]
    assert {f"{each['engine']} {each['case']}": each["untrue"] for each in results if each["untrue"]} == {}


def test_the_goals(machine: Machine) -> None:
    """As in `tests/engine/denials`, over all parts of that kind of machine: one alone is too few cases for shares, so
    what the parts have found until now must leave the goals within reach.
    """
    found = tuple(
        Verdict(each["engine"], CASES[each["case"]], Told(**each["told"])) for each in machine.truth["results"]
    )
    sys.stdout.write("\n" + table(found) + "\n")
    assert [one.row() for one in found if one.wrong] == []
    so_far = FOUND.setdefault(machine.flavour, [])
    so_far += found
    planned = [case for part in PARTS[machine.flavour] for _, case in plan(part)]
    missed = [one.row() for one in so_far if not one.right]
    assert len(missed) <= 0.05 * len(planned), missed
    unhelped = [one.row() for one in so_far if one.case.remedied and one.told.helped is not True]
    assert len(unhelped) <= 0.1 * sum(case.remedied for case in planned), unhelped
