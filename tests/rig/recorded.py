"""Loads folders of text recorded from real kernels as captures, for the tests of layers and decoders.

Layout of one folder, as it was recorded: `status.txt`, `ns/net.txt`, `attr/current.txt` … below /proc/PID, and
`cgroupfs/` (the leaf) with `cgroupfs_up1/` … (its ancestors), each with `PATH.txt`. A file `errno.txt` has a line
`NAME=ERRNO` for each reading that failed. Decided against rewriting them as JSON: a person can read and diff these.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from rig.places import CAPTURES
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Asked, Container, Engine, EngineKind, Status
from stratascope.core.ground import UNREAD, Surroundings
from stratascope.value import replace

# control groups of a machine without systemd, version 1 beside an empty version 2
HYBRID = {
    "cgroup": "8:pids:/docker/ab\n5:devices:/docker/ab\n4:memory:/docker/ab\n1:cpu:/docker/ab\n0::/\n",
    "cgroup:memory:0:memory.limit_in_bytes": "67108864\n",
    "cgroup:memory:1:memory.limit_in_bytes": "9223372036854771712\n",
    "cgroup:memory:0:memory.memsw.limit_in_bytes": "134217728\n",
    "cgroup:memory:0:memory.usage_in_bytes": "1900544\n",
    "cgroup:pids:0:pids.max": "max\n",
    "cgroup:pids:0:pids.current": "3\n",
    "cgroup:pids:1:pids.max": "50\n",
    "cgroup:pids:1:pids.current": "20\n",
    "cgroup:cpu:0:cpu.cfs_quota_us": "50000\n",
    "cgroup:cpu:0:cpu.cfs_period_us": "100000\n",
    "cgroup:devices:0:devices.list": "a *:* rwm\n",
}

_KINDS = {
    errno.EACCES: GapKind.DENIED,
    errno.EPERM: GapKind.DENIED,
    errno.ENOENT: GapKind.ABSENT,
    errno.EINVAL: GapKind.UNSUPPORTED,
    errno.ESRCH: GapKind.GONE,
}

VERSIONS = {EngineKind.DOCKER: "26.1.5+dfsg1", EngineKind.PODMAN: "5.4.2"}  # of the engines that were recorded


def recorded(path: str | Path, *, hierarchy: str = "v2") -> Capture:
    """The folder `path` (absolute, or below tests/captures) as the capture of one process.

    `hierarchy` names the cgroup readings: `cgroup:v2:0:memory.max`. Raises FileNotFoundError.
    """
    folder = CAPTURES / path
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    readings: list[Reading] = []
    pid = _pid(folder)
    for file in sorted(folder.rglob("*.txt")):
        inside = file.relative_to(folder)
        top = inside.parts[0]
        if top == "errno.txt":
            readings.extend(_failed(pid, file))
        elif top == "cgroupfs" or top.startswith("cgroupfs_up"):
            if file.name != "PATH.txt":
                level = int(top.removeprefix("cgroupfs_up") or 0) if top != "cgroupfs" else 0
                source = f"{_text(file.with_name('PATH.txt')).strip()}/{file.stem}"
                readings.append(Reading(f"cgroup:{hierarchy}:{level}:{file.stem}", source, _text(file)))
        else:
            name = inside.with_suffix("").as_posix()
            text = _text(file)
            readings.append(Reading(name, f"/proc/{pid}/{name}", text.rstrip("\n") if top == "ns" else text))
    return Capture(pid, tuple(readings))


def with_text(capture: Capture, name: str, text: str) -> Capture:
    """The same capture with one reading replaced, or added."""
    source = capture.source(name)
    others = tuple(reading for reading in capture.readings if reading.name != name)
    return replace(capture, readings=(*others, Reading(name, source, text)))


def with_gap(capture: Capture, name: str, gap: Gap) -> Capture:
    """The same capture in which one reading failed."""
    source = capture.source(name)
    others = tuple(reading for reading in capture.readings if reading.name != name)
    return replace(capture, readings=(*others, Reading(name, source, None, gap)))


def surroundings(kind: EngineKind = EngineKind.DOCKER, **ground: Any) -> Surroundings:
    """An engine of that kind, on a host with only these fields of `Ground` known."""
    return Surroundings(
        replace(UNREAD, **ground), Engine(kind.value, kind, "unix:///run/engine.sock", version=VERSIONS[kind])
    )


def container(**asked: Any) -> Container:
    """A running container with these fields of `Asked`."""
    return Container("docker", "0" * 64, "web", "nginx", Status.RUNNING, 4211, 0.0, 0.0, asked=Asked(**asked))


def _pid(folder: Path) -> int:
    status = folder / "status.txt"
    if status.exists():
        for line in _text(status).split("\n"):
            if line.startswith("Pid:\t"):
                return int(line.removeprefix("Pid:\t"))
    return 4211


def _failed(pid: int, file: Path) -> list[Reading]:
    readings = []
    for line in _text(file).splitlines():
        name, _, word = line.partition("=")
        number: int = getattr(errno, word)
        gap = Gap(_KINDS.get(number, GapKind.UNSUPPORTED), number)
        readings.append(Reading(name, f"/proc/{pid}/{name}", None, gap))
    return readings


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "surrogateescape")
