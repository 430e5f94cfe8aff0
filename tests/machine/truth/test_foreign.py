"""An engine that counts PIDs in a namespace of its own: here the numbers are other processes', and not to be read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from machine.truth.fleet import report
from rig.engine import Rig, complete, launch
from rig.places import APP
from rig.plan import NoEngineError
from stratascope.core.layer import Verdict
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler

OWN_PIDS = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture(scope="module")
def elsewhere(engines: object) -> Iterator[Rig]:
    """Docker as root in a PID namespace of its own. (`engines` marks the test.)"""
    try:
        rig = complete(launch("docker_rootful", OWN_PIDS))
    except NoEngineError as error:
        pytest.skip(str(error))
    yield rig
    for pid in rig.daemon_pids():
        os.kill(pid, signal.SIGTERM)  # unshare(1) does not pass the keeper's on
    rig.close()


@pytest.fixture(scope="module")
def collision(elsewhere: Rig) -> Iterator[frozenset[int]]:
    """The numbers of processes of this machine that have the numbers which the engine's next containers will get."""
    decoys = [subprocess.Popen(("sleep", "600")) for _ in range(400)]
    numbers = frozenset(decoy.pid for decoy in decoys)
    # where they lie closest: a busy machine gives the numbers between them to others
    start = max(numbers, key=lambda begin: len(numbers & set(range(begin + 1, begin + 100))))
    daemon = elsewhere.daemon_pids()[0]
    line = f"echo {start} > /proc/sys/kernel/ns_last_pid"
    subprocess.run(("nsenter", "-t", str(daemon), "--pid", "--mount", "sh", "-c", line), check=True)
    yield numbers
    for decoy in decoys:
        decoy.kill()
        decoy.wait()


def test_every_layer_says_that_it_is_foreign(elsewhere: Rig, collision: frozenset[int]) -> None:
    with elsewhere.container(name="one"), elsewhere.container(name="two"), elsewhere.container(name="three"):
        found = report(elsewhere)
    taken = [name for name in ("one", "two", "three") if found[name]["pid"] in collision]
    assert taken
    for name in taken:
        for layer in found[name]["layers"].values():
            assert layer["verdict"] == "UNKNOWN"
            assert [gap["gap"] for gap in layer["gaps"]] == ["FOREIGN"]
            assert layer["asked"]
            assert layer["facts"] == {}
        assert found[name]["processes"] == []


def test_a_reused_pid_is_foreign_in_a_replay(docker_rootful: Rig, tmp_path: Path) -> None:
    """The readings of one container under the PID of another: as if the PID had been reused."""
    file = tmp_path / "capture.json"
    with docker_rootful.container(name="first"), docker_rootful.container(name="second"):
        subprocess.run(
            (sys.executable, "-m", "stratascope", "report", "--json", "--save-capture", str(file)),
            env={**os.environ, "PYTHONPATH": str(APP), "STRATASCOPE_ENGINES": docker_rootful.endpoint},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    capture = capture_file.load(file)
    names = {json.loads(item.raw.inspect)["Name"].strip("/"): item for item in capture.containers}
    swapped = replace(names["first"], found=names["second"].found)
    others = tuple(item for item in capture.containers if item is not names["first"])
    snapshot = assembler().snapshot(replace(capture, containers=(swapped, *others)))
    after = next(state for state in snapshot.containers if state.container.name == "first")
    verdicts = {layer.assessment.verdict for layer in after.layers}
    assert verdicts == {Verdict.UNKNOWN}
    assert {gap.gap.kind.value for layer in after.layers for gap in layer.assessment.gaps} == {"FOREIGN"}
