"""The program, or the engine, killed at any moment of a trial: the next start leaves nothing of the twin.

No container, no volume, no mount, no entry of the journal; and the original was not touched.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.crash.scene import QUICK, TRIAL, Point, Scene, points
from engine.twins.stage import Stage
from rig.engine import KINDS, Rig
from rig.fixtures import Engines

SETTLED = 3.0  # seconds after which an engine has done what was under way


class Trial:
    """A container, and what there was before a trial of it died."""

    def __init__(self, rig: Rig, state: Path) -> None:
        self.scene, self.stage = Scene(rig, state), Stage(rig, state)
        self.name = f"crash-trial-{os.urandom(3).hex()}"
        self.scene.start(self.name, QUICK)
        self.there = self.stage.there()
        self.began = rig.inspect(self.name)["State"]["StartedAt"]

    def die(self, how: str, number: int) -> subprocess.Popen[str]:
        return self.scene.python(str(Path(__file__).with_name("dying.py")), how, str(number), "trial", self.name)

    def at_work(self, mark: Path) -> subprocess.Popen[str]:
        """One whose twin is exercised as long as that file is there."""
        self.scene.environ["DYING_EXERCISE"] = f"touch {mark}; while [ -e {mark} ]; do sleep 0.1; done"
        child = self.die("at", 99)
        while not mark.exists():
            assert child.poll() is None, child.communicate()
            time.sleep(0.05)
        return child

    def recovered(self) -> None:
        """As it was; once more changes nothing."""
        code, _, err = self.scene.stratascope("recover")
        assert (code, err) == (0, "")
        for _ in range(2):
            assert self.stage.there() == self.there
            assert self.stage.journal.twins() == ()
            time.sleep(SETTLED)  # what was under way in the engine is done by now
        assert self.scene.rig.inspect(self.name)["State"]["StartedAt"] == self.began
        assert self.scene.stratascope("recover") == (0, "", "")


@pytest.fixture
def trial(any_engine: Rig, tmp_path: Path) -> Iterator[Trial]:
    found = Trial(any_engine, tmp_path)
    yield found
    found.scene.clear()


def killed(trial: Trial, point: Point) -> None:
    child = trial.die(point.how, point.number)
    out, err = child.communicate()
    assert child.returncode == -signal.SIGKILL, (point.name, out, err)
    passed = tuple(out.splitlines())
    assert passed == TRIAL[: len(passed)], (point.name, out)
    assert len(passed) in (point.number, point.number + 1), (point.name, out)
    sys.stdout.write(f"{trial.scene.rig.name:16} {point.name}\n")
    trial.recovered()


@pytest.mark.slow
def test_killed_at_every_point(trial: Trial) -> None:
    for point in points("trial"):
        killed(trial, point)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_killed_at_points_drawn_anew_each_time(engines: Engines, name: str, tmp_path: Path) -> None:
    """The seed is printed."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    trial = Trial(engines.get(name), tmp_path)
    try:
        for point in random.Random(seed).sample(points("trial"), 2):
            killed(trial, point)
    finally:
        trial.scene.clear()


def test_no_point_is_left_out(docker_rootful: Rig, tmp_path: Path) -> None:
    """Run through, a trial passes exactly the points that are listed, and leaves nothing by itself."""
    trial = Trial(docker_rootful, tmp_path)
    try:
        out, err = trial.die("at", 99).communicate()
        assert (tuple(out.splitlines()), err) == (TRIAL, "")
        assert trial.stage.there() == trial.there
        assert trial.stage.journal.twins() == ()
    finally:
        trial.scene.clear()


def test_a_living_trial_is_left_to_its_program(docker_rootful: Rig, tmp_path: Path) -> None:
    trial = Trial(docker_rootful, tmp_path)
    try:
        trial.scene.environ["DYING_EXERCISE"] = (
            f"touch {tmp_path}/there; while [ -e {tmp_path}/there ]; do sleep 0.1; done"
        )
        child = trial.die("at", 99)
        while not (tmp_path / "there").exists():
            assert child.poll() is None, child.communicate()
            time.sleep(0.05)
        code, out, err = trial.scene.stratascope("recover")
        assert (code, out, "another window or command is working on it" in err) == (0, "", True)
        (tmp_path / "there").unlink()
        assert child.communicate()[1] == ""
        assert trial.stage.there() == trial.there
    finally:
        trial.scene.clear()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.slow
def test_the_engine_and_the_program_killed_while_a_twin_runs(engines: Engines, name: str, tmp_path: Path) -> None:
    """As when the machine loses its power: both are gone at once."""
    rig = engines.get(name)
    trial = Trial(rig, tmp_path)
    try:
        child = trial.at_work(tmp_path / "there")
        assert len(trial.stage.there()[0]) == len(trial.there[0]) + 1
        child.kill()
        for pid in rig.daemon_pids():
            os.kill(pid, signal.SIGKILL)
        (tmp_path / "there").unlink()
        child.communicate()
        rig.stop()
        rig.start()
        code, _, err = trial.scene.stratascope("recover")
        assert (code, err) == (0, "")
        containers, volumes, overlays = trial.stage.there()
        assert (containers, volumes, overlays) == trial.there
        assert trial.stage.journal.twins() == ()
    finally:
        trial.scene.clear()
