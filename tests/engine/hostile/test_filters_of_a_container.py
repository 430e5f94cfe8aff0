"""A container that puts filters before itself which are hard to follow, on real engines, read as root: the report is
there, what the engine's own filter stops is stopped, the rest is undecided with the reason, and others are as ever."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.command_line import run
from rig.engine import Rig
from rig.hostile.filters import SHAPES, answers_by_upper_halves
from stratascope.collector.filters import why_not

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root")
SOURCE = Path(__file__).with_name("own_filters.c")
# these let everything through whose upper halves are no numbers of ours, so that the process lives on
ALIVE = [make() for name, make in SHAPES.items() if name not in ("answers_apart", "answers_of_six")]


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    with tempfile.TemporaryDirectory(prefix="strata-filters-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        command = (compiler, "-O1", "-static", "-Wall", "-Werror", "-o", str(folder / "own_filters"), str(SOURCE))
        subprocess.run(command, check=True, capture_output=True)
        filters = [answers_by_upper_halves()] * 12 + [each for each in ALIVE if len(each) < 8 * 700]
        (folder / "filters").write_bytes(b"".join(struct.pack("<I", len(each) // 8) + each for each in filters))
        (folder / "count").write_text(str(1 + len(filters)))
        yield folder


def seccomp_filters(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Seccomp_filters:")).split()[1])


def test_the_report_is_there_and_says_what_is_not_known(each_api: Rig, program: Path) -> None:
    wanted = int((program / "count").read_text())
    hostile = (f"{program}:/own:ro",)
    with (
        each_api.container() as plain,
        each_api.container("-v", *hostile, command=("/own/own_filters", "/own/filters")) as name,
    ):
        pid = each_api.pid(name)
        while seccomp_filters(pid) != wanted:
            time.sleep(0.05)
        done = run("report", "--json", "--privileged", engines=each_api.endpoint)
        assert (done.returncode, done.stderr) == (0, "")
        found = {each["id"]: each for each in json.loads(done.stdout)["containers"]}
        alone = json.loads(run("report", "--json", "--privileged", plain, engines=each_api.endpoint).stdout)
    seccomp = found[name]["layers"]["seccomp"]
    assert (seccomp["facts"]["filters"], seccomp["facts"]["source"]) == (wanted, "kernel")
    assert {"what": "seccomp:*", "gap": "UNPARSED"}.items() <= seccomp["gaps"][0].items()
    threats, usual = found[name]["threats"], found[plain]["threats"]
    said = {key: each["stances"].get("seccomp") for key, each in threats.items()}
    stopped = {key for key, each in usual.items() if each["stances"].get("seccomp") == "STOPS"}
    # what is not known of a route can make it another one than the weakest, which stands in the report
    same = {key for key in stopped if threats[key]["weakest_route"] == usual[key]["weakest_route"]}
    assert {said[key] for key in same} == {"STOPS"}
    assert {threats[key]["outcome"] for key in stopped} == {"stopped"}
    assert len(stopped - same) < len(stopped) / 10
    assert "UNKNOWN" in said.values()
    (other,) = alone["containers"]
    assert found[plain]["layers"]["seccomp"] == other["layers"]["seccomp"]
    assert found[plain]["layers"]["seccomp"]["gaps"] == []
