"""A hundred trials on copies, a quarter on each engine, killed at drawn moments: nothing is left after the next."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.twins.stage import left
from rig.engine import Rig
from rig.places import CHECKOUT
from stratascope.attempts import build

TIMES = 25  # on each engine
TRY = (sys.executable, "-m", "stratascope", "try")


def segments() -> int:
    """Of shared memory, whose maker is gone: another trial may run at the same time."""
    lines = Path("/proc/sysvipc/shm").read_text("ascii").splitlines()[1:]
    return sum(not Path(f"/proc/{line.split()[4]}").exists() for line in lines)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_any_moment_nothing_is_left(each_api: Rig, tmp_path: Path) -> None:
    build.build(CHECKOUT)
    draw = random.Random(7)
    environ = {**each_api.environ, "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(CHECKOUT / "app")}
    before, images = segments(), each_api.run("images", "-q")
    begun = 0
    with each_api.container("-v", f"kill-{os.getpid()}:/volume", command=("sleep", "3600")) as name:
        start = time.monotonic()
        subprocess.run((*TRY, name), env=environ, stdout=subprocess.DEVNULL, check=True)
        span = time.monotonic() - start
        for _ in range(TIMES):
            with subprocess.Popen(
                (*TRY, name), env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as one:
                time.sleep(draw.random() * span)
                one.kill()
            begun += bool(left(each_api))
        subprocess.run((*TRY, name, "bpf"), env=environ, stdout=subprocess.DEVNULL, check=True)
        assert begun  # some were killed while there was a copy
        assert left(each_api) == []
        assert (segments(), each_api.run("images", "-q")) == (before, images)
        assert "stratascope-" not in Path("/proc/keys").read_text("ascii")
        assert each_api.said(name, "echo", "runs") == "runs"
    each_api.run("volume", "rm", f"kill-{os.getpid()}")
