"""The unit of packaging/fleet: with its three capabilities alone a report reads as much as all of root does.

Of the system's engines: a rootless engine's socket is its user's alone, and takes CAP_DAC_OVERRIDE.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from rig.cli.command_line import environ, run
from rig.engine import Rig
from rig.places import CHECKOUT
from stratascope.collector.filters import why_not

UNIT = CHECKOUT / "packaging" / "fleet" / "systemd" / "stratascope-report.service"


def capabilities() -> str:
    """As setpriv has them, of the unit's CapabilityBoundingSet=."""
    line = next(line for line in UNIT.read_text().splitlines() if line.startswith("CapabilityBoundingSet="))
    names = line.partition("=")[2].split()
    return ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in names)])


@pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root")
@pytest.mark.parametrize("engine", ["docker_rootful", "podman_rootful"])
def test_it_reads_as_much_as_root(engine: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(engine)
    with rig.container():
        whole = run("report", "--json", "--privileged", engines=rig.endpoint)
        less = subprocess.run(
            ("setpriv", f"--bounding-set={capabilities()}", "--no-new-privs", sys.executable, "-m", "stratascope",
             "report", "--json", "--privileged"),
            env=environ(rig.endpoint),
            capture_output=True,
            encoding="utf-8",
            check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    assert (less.returncode, less.stderr) == (whole.returncode, whole.stderr) == (0, "")
    one, two = (json.loads(text)["containers"] for text in (whole.stdout, less.stdout))
    assert len(one) == len(two) == 1
    for key in ("exposure", "exposure_verified", "threats", "findings"):
        assert one[0][key] == two[0][key], key
    for layer, found in one[0]["layers"].items():
        assert found["gaps"] == two[0]["layers"][layer]["gaps"], layer
