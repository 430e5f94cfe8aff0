"""Threats on real AppArmor and SELinux kernels: what our report says of them, against what becomes of real attempts.

Each machine is booted once (`machine.py`); `guest_attempts.py` lists the containers. Slow: a machine takes minutes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

import pytest

from machine.vm.machine import Json, Machine, NoMachineError, boot

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(3000)]

UNKNOWN_AT_MOST = 0.03  # as root; of all outcomes of one container
# It is tried with signal 0, which AppArmor lets through where it refuses real ones (measured with SIGURG)
# Of what can be used up only the ways to lift a limit are tried, and not whether there is one
NOT_COMPARED = {"signal-host-process", "exhaust-memory", "exhaust-cpu", "fork-bomb"}


@pytest.fixture(scope="module", params=("apparmor", "selinux"))
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """That machine, booted, with all attempts made."""
    flavour: str = request.param
    try:
        yield boot(flavour, tmp_path_factory.mktemp(flavour), "guest_attempts.py")
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def tried(lines: list[str]) -> dict[str, str]:
    """What became of each threat: open where any of its routes is, and stopped only if the direct one was tried, for
    which some need what only the rig of our own engines gives them.
    """
    said = [json.loads(line) for line in lines if line.startswith("{")]
    said = [each for each in said if "threat" in each]
    open_ = {each["threat"] for each in said if each["result"] == "open"}
    untried = {each["threat"] for each in said if (each["route"], each["result"]) == ("direct", "untried")}
    stopped = {each["threat"] for each in said if each["result"] == "stopped"} - untried
    return dict.fromkeys(stopped, "stopped") | dict.fromkeys(open_, "open")


def reports(machine: Machine) -> dict[str, Json]:
    """The containers that were tried, by name, each in the report of someone who can read it."""
    found = {**machine.containers("user"), **machine.containers("root")}
    return {name: found[name] for name in machine.truth["attempts"]}


def test_every_container_was_started_and_tried(machine: Machine) -> None:
    assert machine.truth["failed"] == {}
    assert all(len(tried(lines)) > 60 for lines in machine.truth["attempts"].values())


def test_outcomes_agree(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    disagreed, lines = {}, []
    for name, container in reports(machine).items():
        results = tried(machine.truth["attempts"][name])
        outcomes = {threat: said["outcome"] for threat, said in container["threats"].items() if threat in results}
        outcomes = {threat: outcome for threat, outcome in outcomes.items() if threat not in NOT_COMPARED}
        decided = {threat: outcome for threat, outcome in outcomes.items() if outcome != "unknown"}
        wrong = {threat: (said, results[threat]) for threat, said in decided.items() if said != results[threat]}
        if wrong:
            disagreed[name] = wrong
        agreed = len(decided) - len(wrong)
        lines.append(
            f"{machine.flavour} {name}: {agreed} of {len(outcomes)} agree, {len(outcomes) - len(decided)} unknown"
        )
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))
    assert disagreed == {}


def test_root_leaves_little_unknown(machine: Machine) -> None:
    for name, container in machine.containers("root").items():
        if name in machine.truth["attempts"]:
            said = [threat["outcome"] for threat in container["threats"].values()]
            assert said.count("unknown") <= UNKNOWN_AT_MOST * len(said), name
