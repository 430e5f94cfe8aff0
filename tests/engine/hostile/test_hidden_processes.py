"""Processes that a container hides among many, or behind a control group's name: its own, or told as not read."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from machine.truth.fleet import report
from rig.engine import Rig
from rig.fixtures import Engines
from stratascope.collector import cgroups, members
from stratascope.collector.serve import Collector

NAME = "e" * 64  # what looks like a container's id
MANY = "i=0; while [ $i -lt {count} ]; do sleep 3600 & i=$((i+1)); done; touch /tmp/ready; wait"
LAYERS = ("namespaces", "cgroup", "capabilities", "seccomp", "mac", "usermap")


@pytest.fixture(params=["docker_rootful", "podman_rootful"])
def rootful(engines: Engines, request: pytest.FixtureRequest) -> Rig:
    """Whose containers have control groups of their own, wherever they run."""
    return engines.get(request.param)


def groups(pid: int) -> list[Path]:
    """The directories of its control groups, where these are its container's."""
    found = []
    top = Path("/sys/fs/cgroup")
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        number, names, path = line.split(":", 2)
        unified = top / "unified" if (top / "unified").is_dir() else top
        places = [unified] if number == "0" else [top / name.removeprefix("name=") for name in names.split(",")]
        found += [place / path[1:] for place in places if path != "/" and (place / path[1:]).is_dir()]
    return list({(place.stat().st_dev, place.stat().st_ino): place for place in found}.values())


@contextmanager
def moved(pid: int, *below: str) -> Iterator[None]:
    """That process in a control group of its own below where it is, in every hierarchy that lets it."""
    made = []
    for group in groups(pid):
        place = group.joinpath(*below)
        place.mkdir(parents=True, exist_ok=True)
        made.append((group, place))
        for setting in ("cpuset.cpus", "cpuset.mems"):  # empty in a new group of version 1, and then nobody gets in
            if (place / setting).exists():
                for folder in (*reversed([up for up in place.parents if up.is_relative_to(group)]), place):
                    if not (folder / setting).read_text().strip():
                        (folder / setting).write_text((group / setting).read_text())
        (place / "cgroup.procs").write_text(str(pid))
    assert made
    try:
        yield
    finally:
        for group, place in made:
            for word in (place / "cgroup.procs").read_text().split():
                (group / "cgroup.procs").write_text(word)
            for folder in (place, *(up for up in place.parents if up != group and up.is_relative_to(group))):
                folder.rmdir()


def pids(rig: Rig, name: str) -> set[int]:
    return {each["pid"] for each in report(rig, name)[name]["processes"]}


@pytest.mark.parametrize("below", [(NAME,), ("docker", NAME), (f"libpod-{NAME}.scope", "container")])
def test_a_group_below_is_its_own_whatever_it_is_called(rootful: Rig, below: tuple[str, ...]) -> None:
    rig = rootful
    with rig.container(name="hiding", command=("sh", "-c", MANY.format(count=2))) as container:
        wait_ready(rig, container)
        first = rig.pid(container)
        others = children(first)
        assert len(others) == 2
        with moved(others[0], *below):
            assert pids(rig, "hiding") == set(others)
        with moved(first, *below):  # all others are above it then
            found = report(rig, "hiding")["hiding"]
            assert {each["pid"] for each in found["processes"]} == set(others)
            assert found["layers"]["capabilities"]["verdict"] == "ENFORCED"
            assert found["processes_unread"] == 0


def test_a_privileged_container_moves_itself(rootful: Rig) -> None:
    """From within, by the control groups that it may write."""
    rig = rootful
    script = (
        f"for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/{NAME} && "
        f"for f in cpuset.cpus cpuset.mems; do [ -e $d/$f ] && cat $d/$f > $d/{NAME}/$f; done; "
        f"echo $$ > $d/{NAME}/cgroup.procs; done 2>/dev/null; touch /tmp/ready; exec sleep 3600"
    )
    with rig.container("--privileged", name="moving") as container:
        session = subprocess.Popen(rig.command("exec", container, "sh", "-c", script), env=rig.env)
        try:
            wait_ready(rig, container)
            first = rig.pid(container)
            while not (found := report(rig, "moving")["moving"]["processes"]):
                time.sleep(0.05)
            (hidden,) = [each["pid"] for each in found if each["command"] == "sleep"]
            assert hidden != first
            assert NAME in Path(f"/proc/{hidden}/cgroup").read_text()
        finally:
            rig.run("exec", container, "pkill", "-f", "sleep 3600", check=False)
            session.kill()
            session.wait()


def test_more_than_are_read_are_told(each_api: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """By control group and by PID namespace; whoever asks the collector gets a number and no silence."""
    rig = each_api
    monkeypatch.setattr(members, "MEMBERS_MAX", 100)
    with rig.container("--pids-limit", "1000", name="many", command=("sh", "-c", MANY.format(count=300))) as container:
        wait_ready(rig, container)
        wish = (rig.pid(container), ("status",), ("status",), True, rig.inspect(container)["Id"])
        _, found, how, unread = Collector().capture([wish])[0]
        assert how in ("cgroup", "pid namespace")
        assert (len(found), unread) == (100, 200)


def test_a_pid_namespace_inside_is_its_own(podman_rootless: Rig) -> None:
    """Where no control group tells, the container's PID namespace does: and those that were made in it."""
    rig = podman_rootless
    command = ("sh", "-c", "unshare -pf sh -c 'touch /tmp/ready; exec sleep 3598' & wait")
    with rig.container("--privileged", name="nesting", command=command) as container:
        wait_ready(rig, container)
        found = report(rig, "nesting")["nesting"]["processes"]
        assert "sleep" in [each["command"] for each in found]


@pytest.mark.slow
def test_five_thousand_and_one(docker_rootful: Rig) -> None:
    """Of so many only some are read: nothing is claimed of all of them, and a sentence says so."""
    rig = docker_rootful
    command = ("sh", "-c", MANY.format(count=5000))
    with rig.container("--pids-limit", "6000", "--cap-drop", "ALL", name="crowd", command=command) as container:
        wait_ready(rig, container)
        found = report(rig, "crowd")["crowd"]
        assert (len(found["processes"]), found["processes_unread"]) == (members.MEMBERS_MAX, 5000 - members.MEMBERS_MAX)
        assert_not_known(found)
        said = next(item for item in found["findings"] if item["code"] == "capabilities.unread-processes")
        assert "At least 3000 of its processes were not read" in said["text"]
        os.kill(rig.pid(container), signal.SIGKILL)


def assert_not_known(found: dict[str, Any]) -> None:
    for layer in found["layers"].values():
        assert layer["verdict"] in ("UNKNOWN", "OPEN")
        assert "processes" in [gap["what"] for gap in layer["gaps"]]
    assert found["layers"]["capabilities"]["verdict"] == "UNKNOWN"
    stances = [answer for threat in found["threats"].values() for answer in threat.get("stances", {}).values()]
    assert "STOPS" not in str(stances)
    assert found["exposure"] > found["exposure_at_best"]


def wait_ready(rig: Rig, container: str) -> None:
    while "ready" not in rig.run("exec", container, "ls", "/tmp", check=False):
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_what_a_group_does_not_show_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes outside of our PID namespace (0), groups past the limit, and a list that is too long."""
    for place, numbers in {"": "5\n0\n0\n", "a": "6\n", "a/b": "7\n", "c": "8\n"}.items():
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "cgroup.procs").write_text(numbers)
    whole = cgroups.processes(str(tmp_path), 10)
    assert whole is not None
    assert (sorted(whole.pids), whole.more) == ([5, 6, 7, 8], 2)
    monkeypatch.setattr(cgroups, "GROUPS_MAX", 2)
    few = cgroups.processes(str(tmp_path), 10)
    assert few is not None
    assert (len(few.pids), few.more) == (2, 3)
    monkeypatch.undo()
    (tmp_path / "cgroup.procs").write_text("5\n" * (1 << 20))
    long = cgroups.processes(str(tmp_path), 10)
    assert long is not None
    assert (sorted(long.pids), long.more) == ([5, 6, 7, 8], 1)
