"""Current resource usage of this machine's containers, read straight from their control groups' files.

For samples every few seconds: it reads four small files per container, which any user may, and caches their paths.
Where the first says that nothing ran since, the others are as they were, but for memory that the kernel took back: they
are read again after a minute. Decided against the collector's way (all limit files of all levels): that would read
forty files for these four.

Also removes a control group that was made for a twin from every hierarchy, with the empty ones below it. rmdir(2) fails
while a process is in it, so nothing else can be removed. Only names of our own are accepted: the path comes from a
file. Podman leaves conmon's empty group there; conmon may take a moment to end.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from stratascope.collector.cgroups import V2, Mounts, lines, processes
from stratascope.collector.members import MEMBERS_MAX, Members
from stratascope.core.history.entry import Counted
from stratascope.linux.cgroup import parse_count, parse_cpu_stat, parse_io_stat, parse_service_bytes

T = TypeVar("T", int, float)
Files = tuple[str, str, str, str, bool]  # paths for memory, processes, CPU, disks; and whether they are v2

STILL = 60.0  # seconds for which counters of a group in which nothing runs hold
_PLACES_MOST = 2000  # containers
_SIZE_MOST = 64 << 10  # bytes of one file
_V2 = ("memory.current", "pids.current", "cpu.stat", "io.stat")
_V1 = (("memory", "memory.usage_in_bytes"), ("pids", "pids.current"), ("cpuacct", "cpuacct.usage"),
       ("blkio", "blkio.throttle.io_service_bytes"))  # fmt: skip
_TOP = Path("/sys/fs/cgroup")
_OURS = re.compile(r"/?stratascope[-_][0-9a-f]{8,32}(\.slice)?").fullmatch  # as collector/observe/group.py
_PATIENCE = 2.0  # seconds for the last process to end
_AGAIN = 0.05


class UseCounters:
    """A `core.ports.ControlGroups`. For use in one thread."""

    def __init__(self) -> None:
        self._mounts = Mounts()
        self._files: dict[str, Files] = {}
        self._last: dict[str, tuple[float, Counted]] = {}  # until when they hold, and they

    def read(self, groups: str) -> Counted:
        """See the protocol."""
        files = self._files.get(groups)
        if files is None:
            if len(self._files) >= _PLACES_MOST:
                self._files.clear()
                self._last.clear()
            files = self._files[groups] = self._places(groups)
        memory, pids, cpu, io, unified = files
        used = _value(cpu, parse_cpu_stat) if unified else _value(cpu, _seconds)
        last, now = self._last.get(groups), time.monotonic()
        if used is not None and last is not None and last[1].cpu == used and now < last[0]:
            return last[1]
        found = Counted(
            _value(memory, parse_count),
            _value(pids, parse_count),
            used,
            _value(io, parse_io_stat if unified else parse_service_bytes),
        )
        self._last[groups] = now + STILL, found
        return found

    def processes(self, container: str, groups: str) -> frozenset[int] | None:
        """See the protocol."""
        folder = Members(self._mounts).directory(container, groups)
        found = None if folder is None else processes(folder, MEMBERS_MAX)
        return None if found is None or found.more else frozenset(found.pids)

    def _places(self, groups: str) -> Files:
        """The paths of these files; empty if not visible."""
        mounts = self._mounts.ready()
        paths = {name: path for names, path in lines(groups) for name in names}
        classic = {name: self._place(mounts, name, paths[name]) for name, _ in _V1 if name in paths}
        if any(classic.values()):  # then the unified hierarchy has no controllers
            found = [f"{folder}/{file}" if (folder := classic.get(name)) else "" for name, file in _V1]
            return found[0], found[1], found[2], found[3], False
        folder = self._place(mounts, V2, paths.get(V2, ""))
        found = [f"{folder}/{file}" if folder else "" for file in _V2]
        return found[0], found[1], found[2], found[3], True

    @staticmethod
    def _place(mounts: Mounts, hierarchy: str, path: str) -> str:
        place = mounts.place(hierarchy, path)
        return "" if place is None or path == "/" else "".join(place)  # the root group counts the whole machine


def _value(path: str, parse: Callable[[str], T]) -> T | None:
    if not path:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(descriptor, _SIZE_MOST)
        finally:
            os.close(descriptor)
        return parse(data.decode("ascii"))
    except (OSError, ValueError):  # DecodeError; also a path with a NUL, or text that is not ASCII
        return None


def _seconds(text: str) -> float:
    return parse_count(text) / 1e9


def remove(path: str) -> None:
    """Remove a group by its path below the hierarchies' roots. Raises nothing: what can't be removed stays."""
    if _OURS(path) is None:
        return
    until = time.monotonic() + _PATIENCE
    with suppress(OSError):
        for top in (_TOP, *(each for each in _TOP.iterdir() if each.is_dir())):
            while _busy(top / path.lstrip("/")) and time.monotonic() < until:
                time.sleep(_AGAIN)


def _busy(group: Path) -> bool:
    """Whether a process still is in it; else it is gone, or can't be removed."""
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except OSError as error:
            return error.errno == errno.EBUSY
    return False
