"""Whole projects of real Compose: replicas at once, services in the order in which they need each other, and back."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.owners.composed import HARDER, QUICK, WRITES, Project

# The database is named last, and needed first; web-2 keeps its number whatever happens
SHOP = """services:
  web:
    image: busybox
    init: {init}
    scale: 3
    command: {command}
    depends_on: [zdb]
  zdb:
    image: busybox
    command: {quick}
    volumes: ["data:/data"]
volumes:
  data:
"""
LOGS = '["sh", "-c", "mkdir -p /var/log/web; date >> /var/log/web/access; trap \'exit 0\' TERM; sleep 3600 & wait"]'
SHOWN = ("enforced", "verified")  # whether something showed that it works, too, is not what this is about


class Shop:
    """A project with three replicas and a database that has something in its volume."""

    def __init__(self, project: Project, command: str = LOGS) -> None:
        self.project = project
        init = "true" if project.rig.kind == "docker" else "false"  # Podman needs catatonit for that
        project.file.write_text(SHOP.format(command=command, quick=QUICK, init=init))
        project.compose("up", "-d", "-t", "1")
        project.rig.run("exec", f"{project.name}-zdb-1", "sh", "-c", "echo kept > /data/mark")

    def all(self) -> dict[str, str]:
        """Name to id of all that run; Compose still knows them."""
        found = {}
        for line in self.project.compose(
            "ps", "-a", "--no-trunc", "--format", "{{.Name}} {{.ID}} {{.State}}"
        ).splitlines():
            name, number, state = line.split()
            assert state == "running", line
            found[name.removeprefix(f"{self.project.name}-")] = number
        assert set(found) == {"web-1", "web-2", "web-3", "zdb-1"}
        self.project.rig.run("exec", found["zdb-1"], "grep", "-qx", "kept", "/data/mark")
        return found

    def hardened(self) -> set[str]:
        """Those that can't gain privileges."""
        return {
            name
            for name, number in self.all().items()
            if "NoNewPrivs:\t1" in Path(f"/proc/{self.project.rig.pid(number)}/status").read_text()
        }

    def many(self, verb: str, *words: str) -> tuple[int, dict[str, Any], str]:
        """The exit code and the last line."""
        yes = ("--yes", "--enforced-is-enough") if verb == "harden" else ()
        code, out, err = self.project.run(verb, "--project", self.project.name, "--json", "--watch", "1", *yes, *words)
        return code, json.loads(out.splitlines()[-1]) if out else {}, err


@pytest.mark.slow
def test_a_whole_project_on_any_engine(any_project: Project) -> None:
    _there_and_back(Shop(any_project))


@pytest.mark.slow
def test_a_whole_project_and_back(project: Project) -> None:
    _there_and_back(Shop(project))


def _there_and_back(shop: Shop) -> None:
    before = shop.all()
    code, last, err = shop.many("harden", *HARDER)
    assert (code, last["result"], shop.all()) == (3, "refused", before), (last, err)  # its logs
    code, last, err = shop.many("harden", *HARDER, "--leave-logs")
    assert (code, last["result"] in SHOWN) == (0, True), (last, err)
    names = [item["name"].removeprefix(f"{shop.project.name}-") for item in last["containers"]]
    assert names == ["zdb-1", "web-1", "web-2", "web-3"]
    now = shop.all()
    assert [item["replacement_id"] for item in last["containers"]] == [now[name] for name in names]
    assert shop.hardened() == set(before)
    for name, number in now.items():
        labels = shop.project.rig.inspect(number)["Config"]["Labels"]
        assert labels["com.docker.compose.container-number"] == name.partition("-")[2]
    assert "web-2" in shop.project.compose("logs", "web") or not shop.project.compose("logs", "web")
    shop.project.compose("up", "-d", "-t", "1")
    assert shop.hardened() == set(before), "its own up keeps it"
    code, last, err = shop.many("undo")
    assert (code, last["result"] in SHOWN) == (0, True), (last, err)
    assert shop.hardened() == set()
    assert not shop.project.override.exists()


@pytest.mark.slow
def test_replicas_that_fail_undo_the_database(project: Project) -> None:
    shop = Shop(project, WRITES)
    code, last, err = shop.many("harden", "--set", "read-only-root=on", "--set", "no-new-privileges=on")
    assert (code, last["result"]) == (4, "rolled-back"), (last, err)
    assert {item["result"] for item in last["containers"]} == {"rolled-back"}
    assert shop.hardened() == set()
    assert not project.override.exists()
    journal = project.folder / "state/stratascope/relaunches"
    assert [path.name for path in journal.iterdir() if path.suffix != ".lock"] == []


@pytest.mark.slow
def test_one_replica_is_not_changed_without_the_others(project: Project) -> None:
    shop = Shop(project, QUICK)
    code, out, _ = project.run("harden", f"{project.name}-web-2", "--dry-run", *HARDER)
    assert (code, "--service web" in out) == (3, True)
    code, last, err = shop.many("harden", "--service", "web", *HARDER)
    assert (code, last["result"] in SHOWN) == (0, True), (last, err)
    assert shop.hardened() == {"web-1", "web-2", "web-3"}
    # scaled by hand meanwhile: all that are there go back
    project.compose("up", "-d", "-t", "1", "--scale", "web=2")
    code, _, err = project.run("undo", f"{project.name}-web-1", "--watch", "0")
    assert code == 0, err
    assert not project.override.exists()


@pytest.mark.slow
def test_killed_in_the_middle_leaves_all_or_none(project: Project) -> None:
    """The moments are drawn anew each time; the seed is printed."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    draw = random.Random(seed)
    shop = Shop(project, QUICK)
    for lines in (draw.randrange(5, 12), draw.randrange(12, 20)):
        words = ("--project", project.name, "--json", "--yes", "--watch", "0.2", *HARDER)
        child = project.popen("harden", *words)
        assert child.stdout is not None
        for _ in range(lines):
            child.stdout.readline()
        time.sleep(draw.random() * 0.5)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        until = time.monotonic() + 60
        while (answer := project.run("recover"))[0] == 2 and time.monotonic() < until:
            time.sleep(1)  # what Compose was told goes on without us: what it holds can't be put right before its end
        code, out, err = answer
        assert code == 0, err
        assert shop.hardened() in (set(), set(shop.all())), (lines, out)
        if shop.hardened():
            assert shop.many("undo")[0] == 0
        assert not project.override.exists(), (lines, out)
