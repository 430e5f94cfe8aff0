"""Containers in every state that engines know: each has its row, and nothing is claimed of a process that is not."""

from __future__ import annotations

import time
from typing import Any

from machine.truth.fleet import again_and_again, report
from rig.engine import Rig


def assert_no_process(found: dict[str, Any], memory: int | None) -> None:
    assert found["pid"] is None
    assert found["processes"] == []
    assert len(found["layers"]) == 6
    for layer in found["layers"].values():
        assert layer["verdict"] == "UNKNOWN"
        assert [gap["gap"] for gap in layer["gaps"]] == ["GONE"]
        assert layer["facts"] == {}
        assert layer["asked"]
    assert found["layers"]["cgroup"]["asked"]["memory"] == memory


def until(rig: Rig, name: str, *states: str) -> None:
    while rig.inspect(name)["State"]["Status"] not in states:
        time.sleep(0.1)


def test_created_exited_paused(each_api: Rig) -> None:
    rig = each_api
    limit = () if rig.rootless else ("--memory", "64m")
    memory = None if rig.rootless else 64 << 20
    with (
        rig.container(*limit, name="made", start=False),
        rig.container(*limit, name="ended", command=("true",)) as ended,
        rig.container(name="frozen") as frozen,
    ):
        until(rig, ended, "exited")
        can_pause = not rig.rootless  # rootless engines have no freezer of cgroup version 1
        if can_pause:
            rig.run("pause", frozen)
        found = report(rig)
        assert {name: found[name]["status"] for name in ("made", "ended")} == {"made": "created", "ended": "exited"}
        for name in ("made", "ended"):
            layers = found[name]["layers"]
            assert_no_process(found[name], memory or layers["cgroup"]["asked"]["memory"])
        assert found["frozen"]["status"] == ("paused" if can_pause else "running")
        assert found["frozen"]["pid"] == rig.pid(frozen)
        assert found["frozen"]["layers"]["capabilities"]["verdict"] == "ENFORCED"
        assert found["frozen"]["layers"]["namespaces"]["facts"]["pid"]["inode"]
        if can_pause:
            rig.run("unpause", frozen)


def test_restarting(each_api: Rig) -> None:
    """A program that fails at once: between two starts there is no process."""
    rig = each_api
    with rig.container("--restart", "always", name="failing", command=("false",)) as failing:
        if rig.kind == "docker":
            until(rig, failing, "restarting")
        found = report(rig)["failing"]
        # Podman starts again at once, so any of these may be met
        assert found["status"] in ("restarting", "exited", "running", "created", "stopping", "unknown")
        if found["pid"] is None:
            assert_no_process(found, found["layers"]["cgroup"]["asked"]["memory"])


def test_containers_that_come_and_go_during_reports(one_engine: Rig) -> None:
    """Removed while a report is made: it may miss, or be a row that says so, but never break the report."""
    rig = one_engine
    with rig.container(name="steady") as steady:
        pid = rig.pid(steady)
        run = ("run", "-d", "--name", "brief", "busybox", "sleep", "9")
        with again_and_again(rig, run, ("rm", "-f", *rig.at_once, "brief")):
            for _ in range(3):
                found = report(rig)
                assert found["steady"]["pid"] == pid
                assert found["steady"]["layers"]["capabilities"]["verdict"] == "ENFORCED"
                if "brief" in found and found["brief"]["pid"] is None:
                    assert found["brief"]["layers"]["namespaces"]["verdict"] == "UNKNOWN"
        rig.remove("brief")
