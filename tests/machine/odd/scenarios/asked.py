"""What is asked for in unusual words, and what other containers and the engine's own folders bring along."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine.attempts.configurations import Configuration, OnHost
from rig.engine import Rig

_DOCKER = ("docker_rootful", "docker_rootless")  # Podman refuses that
_PODMAN, _ROOTFUL = ("podman_rootful", "podman_rootless"), ("docker_rootful", "podman_rootful")


def _other(*options: str) -> OnHost:
    """Another container with these options, by its name."""

    @contextmanager
    def made(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
        name = f"strata-other-{os.getpid()}-{options[0].strip('-')}"
        with rig.container(*options, name=name):
            yield {"other": name}

    return made


@contextmanager
def _folders(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """That of its socket."""
    yield {"run": str(rig.socket.parent)}


SCENARIOS = (
    Configuration("odd-paths-alias", ("--security-opt", "systempaths=unconfined")),
    Configuration("odd-paths-alias-user", ("--security-opt", "systempaths=unconfined", "--user", "1000")),
    Configuration("odd-keep-id-other", ("--userns", "keep-id:uid=200,gid=210"), only=_PODMAN),
    Configuration("odd-keep-id-group", ("--userns", "keep-id:gid=5", "--group-add", "7"), only=("podman_rootless",)),
    Configuration("odd-drop-all-add-all", ("--cap-drop", "ALL", "--cap-add", "ALL"), only=_DOCKER),
    Configuration("odd-user-group", ("--user", "1000:4343", "--group-add", "8")),
    Configuration("odd-run-folder", ("-v", "{run}:/host-run"), host=(_folders,)),
    Configuration("odd-run-folder-read-only", ("-v", "{run}:/host-run:ro", "--cap-drop", "ALL"), host=(_folders,)),
    Configuration("odd-ipc-joined", ("--ipc", "container:{other}"), host=(_other("--ipc", "host"),), only=_ROOTFUL),
    Configuration("odd-pid-joined", ("--pid", "container:{other}"), host=(_other("--pid", "host"),), only=_ROOTFUL),
    Configuration("odd-net-joined", ("--network", "container:{other}"), host=(_other("--network", "host"),)),
)
