"""The engines that are newer than this machine's, by suite and kind. packaging/engines-today.sh makes their roots.

`experimental` has another Docker only where its version differs from that of `sid`; then it is tried as well.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from rig.places import CHECKOUT

NOWHERE = 77  # the script's status where no package source has them
ENGINES = (
    ("sid", "docker_rootful"),
    ("sid", "docker_rootless"),
    ("sid", "podman_rootful"),
    ("sid", "podman_rootless"),
    ("experimental", "docker_rootful"),
    ("experimental", "podman_rootful"),
    ("experimental", "podman_rootless"),
)


class NowhereError(Exception):
    """No package source has them, or there is nothing newer."""


@cache
def root(suite: str) -> Path:
    """The root folder with that suite's engines, made on first use. Raises NowhereError."""
    command = ("sh", str(CHECKOUT / "packaging" / "engines-today.sh"), suite)
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode == NOWHERE:
        raise NowhereError(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-3000:]
    return Path(done.stdout.strip())


def needed(suite: str, kind: str) -> Path:
    """Its root folder, where it has another engine than `sid`. Raises NowhereError."""
    found = root(suite)
    package = "docker.io" if kind.startswith("docker") else "podman"
    if suite != "sid" and _version(found, package) == _version(root("sid"), package):
        raise NowhereError(f"{package} of {suite} is that of sid")
    return found


def _version(folder: Path, package: str) -> str:
    command = ("dpkg-query", f"--admindir={folder / 'var/lib/dpkg'}", "--show", "--showformat=${Version}", package)
    return subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ)).stdout
