"""A container that the command line hardens on a real engine, with a journal of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rig.engine import Rig
from rig.places import APP

NAME = "hardened"
IMAGES = "localhost/stratascope/"
STAYS = ("verified", "enforced")  # results of a relaunch that is enforced, whether or not it was shown to work
# Ends at once on SIGTERM, so that a stop takes no ten seconds, with its child, which would outlive it in the host's PID
# namespace
QUICK = ("sh", "-c", "trap 'kill $!; exit 0' TERM; sleep 3600 & wait")


class Desk:
    """The command line against one engine, with a journal of its own."""

    def __init__(self, rig: Rig, state: Path) -> None:
        self.rig = rig
        self.environ = {
            **os.environ,
            "PYTHONPATH": str(APP),
            "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}",
            "XDG_STATE_HOME": str(state),
        }

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "stratascope", *words],
            env=self.environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        child = self.popen(*words)
        out, err = child.communicate()
        return child.returncode, out, err

    def harden(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Run `harden`. Most test containers have neither ports nor a healthcheck, so enforcement is enough."""
        plain = ("harden", NAME, "--json", "--yes", "--watch", "1", "--enforced-is-enough")
        code, out, err = self.run(*plain, *words)
        return code, json.loads(out.splitlines()[-1]) if out else {}, err

    def all(self) -> dict[str, tuple[str, str]]:
        """(id, status) of all containers of this test, by name."""
        found = {}
        for line in self.rig.run("ps", "-a", "--no-trunc", "--format", "{{.Names}}|{{.ID}}|{{.Status}}").splitlines():
            names, number, status = line.split("|", 2)
            name = next(each for each in names.split(",") if "/" not in each)  # links are listed as names, too
            if name.startswith(NAME):
                found[name] = (number, "running" if status.startswith("Up") else "stopped")
        return found

    def images(self) -> list[str]:
        """Names of the images that hold what a container wrote."""
        listed = self.rig.run("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
        return [name for name in listed if name.startswith(IMAGES)]

    def volumes(self) -> list[str]:
        """Names of this test's volumes."""
        return [name for name in self.rig.run("volume", "ls", "-q").split() if name.startswith(NAME)]

    def only_one_runs(self) -> str:
        running = {name: number for name, (number, status) in self.all().items() if status == "running"}
        assert list(running) == [NAME]
        return running[NAME]


@contextmanager
def desk_at(rig: Rig, state: Path) -> Iterator[Desk]:
    """A `Desk` whose containers, volumes and images are removed at the end."""
    desk = Desk(rig, state)
    yield desk
    for name in desk.all():
        rig.run("rm", "-f", name)
    for name in desk.volumes():
        rig.run("volume", "rm", name)
    for image in desk.images():
        rig.run("rmi", "-f", image)


def start(desk: Desk, *options: str, command: tuple[str, ...] = QUICK, image: str = "busybox") -> str:
    return desk.rig.run("run", "-d", "--name", NAME, *options, image, *command).strip().splitlines()[-1]
