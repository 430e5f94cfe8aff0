"""Programs of the host in sight: of root with one capability, of an ordinary user, in a rootless engine's namespace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine.attempts.build import program
from machine.attempts.configurations import Configuration
from rig.engine import Rig

_ROOTFUL = ("docker_rootful", "podman_rootful")
_PIDS = ("--pid", "host")
_PROC = ("-v", "/proc:/hp:ro")
_BESIDE = ("--pid", "container:strata-attempts-weak")


@contextmanager
def of_root(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """A program of the host's root that holds CHOWN alone."""
    command = ("setpriv", "--inh-caps=-all", "--bounding-set=-all,+chown", program(), "peer", "root")
    with subprocess.Popen(command) as process:
        try:
            yield {}
        finally:
            process.kill()


@contextmanager
def bare_container(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """Another container, of root without capabilities."""
    name = "strata-attempts-bare"
    rig.run("run", "-d", "--name", name, "--cap-drop", "ALL", "attempts:latest", "peer", "bare")
    try:
        yield {}
    finally:
        rig.remove(name)


_WITH = (of_root, bare_container)
_NONE = ("--cap-drop", "ALL")
SCENARIOS = (
    Configuration("odd-programs", _PIDS, host=_WITH),
    Configuration("odd-programs-no-capability", (*_PIDS, *_NONE)),
    Configuration("odd-programs-the-same-capability", (*_PIDS, *_NONE, "--cap-add", "CHOWN")),
    Configuration("odd-programs-another-capability", (*_PIDS, *_NONE, "--cap-add", "KILL")),
    Configuration("odd-programs-of-a-bound-proc", _PROC),
    Configuration("odd-programs-of-a-bound-proc-no-capability", (*_PROC, *_NONE)),
    Configuration("odd-programs-of-a-person", (*_PIDS, "--user", "{person}")),
    Configuration("odd-programs-of-a-person-by-uid", (*_PIDS, "--user", "{uid}")),
    Configuration("odd-programs-of-nobody", (*_PIDS, "--user", "1001:1001")),
    Configuration("odd-programs-trace", (*_PIDS, "--cap-add", "SYS_PTRACE")),
    Configuration("odd-programs-privileged", (*_PIDS, "--privileged")),
    Configuration("odd-programs-nothing-new", (*_PIDS, "--security-opt", "no-new-privileges")),
    Configuration("odd-programs-as-a-user-of-a-map", (*_PIDS, "--uidmap", "0:200000:65536"), only=("podman_rootful",)),
    Configuration("odd-programs-keep-id", (*_PIDS, "--userns", "keep-id"), only=("podman_rootless",)),
    Configuration("odd-programs-trace-as-user", (*_PIDS, "--user", "1000", "--cap-add", "SYS_PTRACE")),
    # beside a container of a user without capabilities
    Configuration("odd-programs-beside", _BESIDE),
    Configuration("odd-programs-beside-as-another", (*_BESIDE, "--user", "1001", "--cap-add", "ALL")),
    Configuration("odd-programs-beside-no-capability", (*_BESIDE, *_NONE)),
    Configuration("odd-programs-beside-the-same-user", (*_BESIDE, *_NONE, "--user", "1000")),
)
