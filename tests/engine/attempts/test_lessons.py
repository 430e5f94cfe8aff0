"""Lessons on real engines: each stage comes as it is told, and nothing of it is left, also where it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.twins.stage import left, stage_of
from rig.collector.asking import wait_for
from rig.engine import Rig
from rig.places import CHECKOUT
from stratascope.attempts import build
from stratascope.core.lesson import StageOutcome
from stratascope.usecases.attempts import lessons
from stratascope.wiring.attempts import teach
from stratascope.wiring.hardening import open_hardening

LEARN = (sys.executable, "-m", "stratascope", "learn")


@pytest.fixture(autouse=True)
def program() -> None:
    build.build(CHECKOUT)


def images(rig: Rig) -> str:
    return rig.run("images", "--format", "{{.Repository}}")


def held(rig: Rig, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught = lessons.lesson(name)
    assert taught is not None
    with open_hardening((), stage_of(rig, folder, monkeypatch).journal) as found:
        (access,) = found.accesses
        if lessons.not_here(access, taught) is not None:
            assert lessons.recorded(name)
            return
        made = [event for event in teach(access, taught) if isinstance(event, StageOutcome)]
    assert [(each.outcome.tried, each.outcome.layer) for each in made if not each.as_told] == []
    assert [each.outcome for each in made if each.outcome.differs] == []
    assert tuple(each.stage for each in made) == taught.stages
    assert left(rig) == []
    assert "stratascope-disposable" not in images(rig)


@pytest.mark.parametrize("name", [each.id for each in lessons.LESSONS])
def test_it_comes_as_told(podman_rootful: Rig, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(podman_rootful, name, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.id for each in lessons.LESSONS])
def test_on_all(any_engine: Rig, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(any_engine, name, tmp_path, monkeypatch)


def test_killed_it_leaves_nothing(podman_rootful: Rig, tmp_path: Path) -> None:
    """What it had started is removed with the next command."""
    environ = {**podman_rootful.environ, "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(CHECKOUT / "app")}
    with subprocess.Popen((*LEARN, "seccomp"), env=environ, stdout=subprocess.DEVNULL) as child:
        wait_for(lambda: len(left(podman_rootful)) == 2)
        os.kill(child.pid, signal.SIGKILL)
    done = subprocess.run((*LEARN, "capabilities", "--json"), env=environ, capture_output=True, text=True, check=True)
    assert [json.loads(line)["as_told"] for line in done.stdout.splitlines()] == [True, True]
    assert left(podman_rootful) == []
    assert "stratascope-disposable" not in images(podman_rootful)
