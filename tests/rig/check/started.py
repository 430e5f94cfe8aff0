"""Containers that real tools start from files: docker-compose, Podman's `kube play`, and Quadlet's generator."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.engine import Rig


@contextmanager
def generated(rig: Rig, folder: Path) -> Iterator[None]:
    """The units' containers, started by the command that Podman's generator writes."""
    done = subprocess.run(
        ("/usr/libexec/podman/quadlet", "-dryrun"),
        env={"QUADLET_UNIT_DIRS": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    names = []
    try:
        for part in done.stdout.split("\n---")[0:]:
            unit, _, body = part.lstrip("-").partition(".service---")
            line = next(line for line in body.split("\n") if line.startswith("ExecStart="))
            words = shlex.split(line.removeprefix("ExecStart="))[2:]  # without podman run
            dropped = ("--cidfile", "--sdnotify", "--cgroups", "--replace", "--rm", "--name")
            kept = [word for word in words if not word.startswith(dropped) and word != "systemd-%N"]
            rig.run("run", "--name", unit, *kept)
            names.append(unit)
        yield
    finally:
        rig.remove(*names)


@contextmanager
def composed(rig: Rig, file: Path, project: str, program: str) -> Iterator[None]:
    """The file's containers, `PROJECT-SERVICE-1`."""
    command, environ = (program, "-f", str(file), "-p", project), {**rig.env, "DOCKER_HOST": rig.endpoint}
    try:
        up = subprocess.run((*command, "up", "-d"), env=environ, capture_output=True, text=True, check=False)
        assert up.returncode == 0, f"{file.name}: {up.stderr}"
        yield
    finally:
        subprocess.run((*command, "down", "-v", "-t", "0"), env=environ, capture_output=True, check=False)


@contextmanager
def played(rig: Rig, file: Path) -> Iterator[None]:
    """The manifest's containers, `POD-CONTAINER`."""
    try:
        rig.run("kube", "play", str(file))
        yield
    finally:
        rig.run("kube", "down", str(file), check=False)
