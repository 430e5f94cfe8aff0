"""The exposure of real containers against what the design promises (section 6): a number says the same on any engine.

One report for each engine, about all of its containers; bounds and not numbers, since hosts differ in their settings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rig.engine import KINDS, Rig
from stratascope.core.severity import Severity
from stratascope.core.threats.depth import FLOORS

APP = Path(__file__).parents[1] / "app"
LIMITS = ("--memory", "64m", "--pids-limit", "50", "--cpus", "0.5")
DROPPED = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
SOCKET = ("-v", "{socket}:/var/run/engine/docker.sock:ro")
ROOTFUL = tuple(kind for kind in KINDS if kind.endswith("rootful"))
ROOTLESS = tuple(kind for kind in KINDS if kind.endswith("rootless"))


@dataclass(frozen=True)
class Case:
    """A container, on which engines, and between what its exposure must be, with unknown counted as let through."""

    name: str
    options: tuple[str, ...]
    engines: tuple[str, ...]
    least: float
    most: float


CASES = (
    Case("privileged", ("--privileged",), ROOTFUL, 10.0, 10.0),
    Case("socket", SOCKET, ROOTFUL, 9.0, 10.0),
    Case("socket-hardened", (*SOCKET, *DROPPED, "--read-only", *LIMITS), ROOTFUL, 9.0, 10.0),
    # one of these alone hands over the machine, or all that its root may read
    Case("admin", ("--cap-add", "SYS_ADMIN"), ROOTFUL, 9.0, 10.0),
    Case("host-processes", ("--pid", "host"), ROOTFUL, 9.0, 10.0),
    Case("default", (), ROOTFUL, 4.0, 6.5),
    Case("limited", (*LIMITS, *DROPPED), ROOTFUL, 0.1, 3.9),
    Case("user", (*DROPPED, "--user", "1000:1000", "--read-only"), ROOTFUL, 0.1, 2.5),
    # a rootless engine hands over its user at most
    Case("privileged", ("--privileged",), ROOTLESS, 4.0, 8.9),
    Case("default", (), ROOTLESS, 0.1, 3.9),
    # restricted as in the Pod Security Standards, which want a user other than root
    Case("restricted", (*DROPPED, "--read-only", "--user", "1000:1000"), ROOTLESS, 0.1, 2.0),
    # root inside: whether another container is as weak, so that it can be entered, is not known and counts
    Case("restricted-root", (*DROPPED, "--read-only"), ROOTLESS, 0.1, 2.5),
)


def exposures(rig: Rig, cases: tuple[Case, ...]) -> dict[str, dict[str, Any]]:
    """What the report says of these containers, by name."""
    with ExitStack() as stack:
        for case in cases:
            options = tuple(option.replace("{socket}", str(rig.socket)) for option in case.options)
            stack.enter_context(rig.container(*options, name=f"calibrate-{case.name}"))
        done = subprocess.run(
            (sys.executable, "-m", "stratascope", "report", "--json"),
            env={**os.environ, "PYTHONPATH": str(APP), "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"},
            capture_output=True,
            text=True,
            check=True,
        )
    found = {each["name"].removeprefix("calibrate-"): each for each in json.loads(done.stdout)["containers"]}
    return {case.name: found[case.name] for case in cases}


@pytest.mark.parametrize("engine", KINDS)
def test_calibration(engine: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(engine)
    cases = tuple(case for case in CASES if engine in case.engines)
    found = exposures(rig, cases)
    told = {case.name: found[case.name]["exposure"] for case in cases}
    wrong = [case.name for case in cases if not case.least <= told[case.name] <= case.most]
    assert wrong == [], told
    for name, container in found.items():
        assert container["exposure_at_best"] <= container["exposure"], name
        for threat in container["threats"].values():
            if threat["outcome"] == "open":
                assert container["exposure_at_best"] >= FLOORS.get(Severity(threat["severity"]), 0.0), name
    critical = {
        key for key, threat in found["default"]["threats"].items()
        if threat["severity"] == "critical" and threat["outcome"] != "stopped"
    }  # fmt: skip
    assert critical == set()
