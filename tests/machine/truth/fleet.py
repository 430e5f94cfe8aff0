"""Containers of all sorts on one real engine, and the report of the program about them: for tests/machine/truth."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.engine import Rig
from rig.places import APP

LIMITS = ("--memory", "64m", "--pids-limit", "50", "--cpus", "0.5")
TIGHT = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--user", "1000:1000")
HOST = ("--pid", "host", "--network", "host", "--uts", "host")


def shared(rig: Rig) -> Path:
    """A directory of the host that containers of this engine may write."""
    folder = rig.folder / "shared"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    return folder


def _slow_disk() -> tuple[str, ...]:
    """A limit on some disk of this machine."""
    disk = next(
        Path("/dev") / each.name for each in sorted(Path("/sys/block").iterdir()) if (Path("/dev") / each.name).exists()
    )
    return "--device-write-bps", f"{disk}:1mb"


def options(rig: Rig) -> dict[str, tuple[str, ...]]:
    """The configurations of one engine, by name."""
    found = {
        "default": (),
        "hard": (*TIGHT, "--cgroupns", "private", *(() if rig.rootless else (*LIMITS, *_slow_disk()))),
        "privileged": ("--privileged",),
        # the machine may have no /dev/mqueue, which rootless runtimes want to bind here
        "host": HOST if rig.rootless else (*HOST, "--ipc", "host"),
        "sysadmin": ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"),
        "mounts": (
            *(
                "-v",
                f"{rig.socket}:/var/run/docker.sock:ro",
                "-v",
                "/usr/local:/host/local:ro",
                "-v",
                f"{shared(rig)}:/rig",
            ),
            *("-v", "data:/data", "--tmpfs", "/scratch", "--device", "/dev/fuse"),
        ),
        "joined": ("--pid", "container:default", "--network", "container:default"),
    }
    if rig.kind == "podman":
        found["pod"] = ("--pod", "stack")
        found["mapped"] = ("--userns=keep-id",) if rig.rootless else (
            "--uidmap", "0:200000:65536", "--gidmap", "0:300000:65536"
        )  # fmt: skip
    return found


@contextmanager
def again_and_again(rig: Rig, *commands: tuple[str, ...]) -> Iterator[None]:
    """These commands of the engine's command line, over and over until the block ends; their failures are no matter."""
    flag = rig.folder / "again"
    flag.touch()
    lines = "; ".join(shlex.join(rig.command(*words)) for words in commands)
    loop = subprocess.Popen(
        ("sh", "-c", f"exec >{os.devnull} 2>&1; while [ -e {flag} ]; do {lines}; done"),
        env=rig.env,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        flag.unlink()
        loop.wait()


@dataclass
class Fleet:
    """One engine, what runs on it, and what the program says of it: containers by name."""

    rig: Rig
    ids: dict[str, str]
    report: dict[str, Any]
    pids: dict[str, int] = field(default_factory=dict)

    def facts(self, name: str, layer: str) -> dict[str, Any]:
        found: dict[str, Any] = self.report[name]["layers"][layer]["facts"]
        return found

    def verdict(self, name: str, layer: str) -> str:
        found: str = self.report[name]["layers"][layer]["verdict"]
        return found

    def codes(self, name: str) -> set[str]:
        return {finding["code"] for finding in self.report[name]["findings"]}


def report(rig: Rig, *words: str) -> dict[str, Any]:
    """`stratascope report --json` about this engine: containers by name."""
    done = subprocess.run(
        (sys.executable, "-m", "stratascope", "report", "--json", *words),
        env={**os.environ, "PYTHONPATH": str(APP), "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return {container["name"]: container for container in json.loads(done.stdout)["containers"]}
