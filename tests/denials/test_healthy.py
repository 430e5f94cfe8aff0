"""Programs that are in good health, under all that people do with them: nothing of what they are refused is shown.

What they are refused all the same is benign, and folded away. Slow: minutes for each program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.fixtures import Engines
from software.families import PROGRAMS
from software.hardened import broken, engine_with_image, service
from software.program import Program
from software.reach import network_of, up
from stratascope.collector.filters import why_not

APP = Path(__file__).parents[2] / "app"
SECONDS = 60  # of all that its deep check does, over and over

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root"),
]


@pytest.mark.parametrize("kind", ["docker_hybrid", "podman_hybrid"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_nothing_is_shown_of_it(program: Program, kind: str, engines: Engines, tmp_path: Path) -> None:
    rig = engine_with_image(engines, kind, program.family)
    environ = {
        **os.environ,
        "PYTHONPATH": str(APP),
        "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}",
        "XDG_STATE_HOME": str(tmp_path),
    }
    with service(rig, program) as at:
        up(at, program.deep[0])
        command = (sys.executable, "-m", "stratascope", "denials", at.name, "--all", "--json")
        child = subprocess.Popen(
            ("nsenter", f"--net={network_of(rig)}", *command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        until = time.monotonic() + SECONDS
        failed: dict[str, str] = {}
        while time.monotonic() < until and child.poll() is None:
            failed |= broken(program, at)
        child.send_signal(2)
        text, _ = child.communicate()
    assert failed == {}
    told = [json.loads(line) for line in text.splitlines()]
    sys.stdout.write(f"\n{program.name} on {rig.kind}: {len(told)} kinds of refusals\n")
    assert [each for each in told if not each["benign"]] == []
