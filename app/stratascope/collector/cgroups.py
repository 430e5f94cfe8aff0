"""The limit files of a process's cgroups, from its own group up to the root of each hierarchy mounted here.

/proc/self/mountinfo says where the hierarchies are mounted; nothing is guessed. A path that leaves the reader's cgroup
namespace (`/../…`, cgroup_namespaces(7)) is not followed. Readings are named `cgroup:HIERARCHY:LEVEL:FILE`: hierarchy
`v2` or a v1 controller, level 0 the process's own group.
"""

from __future__ import annotations

import os
from errno import EACCES, ENOENT, EPERM
from functools import lru_cache
from typing import Dict, List, NamedTuple, Optional, Tuple

from stratascope.collector.paths import unescaped
from stratascope.collector.read import (
    CHUNK,
    GONE,
    SIZE_MAX,
    UNSUPPORTED,
    Entry,
    TooLongError,
    entry,
    failed,
    failure,
    read_file,
)

OBSERVED = "/session-"  # begins the name of an observer's group (`observe/left_groups.py`)
V2 = "v2"
_UNIFIED = (V2,)
FILES: Dict[str, Tuple[str, ...]] = {
    V2: (
        "memory.max",
        "memory.high",
        "memory.swap.max",
        "memory.current",
        "memory.peak",
        "pids.max",
        "pids.current",
        "pids.peak",
        "cpu.max",
        "cpu.weight",
        "cpuset.cpus",
        "cpuset.cpus.effective",
        "io.max",
    ),
    "memory": (
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.usage_in_bytes",
        "memory.max_usage_in_bytes",
    ),
    "pids": ("pids.max", "pids.current", "pids.peak"),
    "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares"),
    "cpuset": ("cpuset.cpus", "cpuset.effective_cpus"),
    "devices": ("devices.list",),
    "blkio": (
        "blkio.throttle.read_bps_device",
        "blkio.throttle.write_bps_device",
        "blkio.throttle.read_iops_device",
        "blkio.throttle.write_iops_device",
    ),
}
# only read in a process's own group: of those above it they say nothing of the process, and change all the time
OWN = frozenset(("memory.current", "memory.usage_in_bytes", "memory.peak", "memory.max_usage_in_bytes", "pids.peak"))
FEW = 2  # for this many files or fewer, opening their directory costs more than it saves
LEVELS_MAX = 64  # deeper groups than this are an attack on the reader, not a container
GROUPS_MAX = 4096  # the same for the number of groups below one container's

Group = List[Entry]  # the entries of one group, or of several groups up to an ancestor
Line = Tuple[Tuple[str, ...], str]  # hierarchies (`v2`, controllers, `name=systemd`), path
_OTHERS = frozenset(("freezer", "perf_event", "cpuacct"))  # no limits, but groups to list or to attach to


class Mounts:
    """cgroup hierarchies and /proc itself, by /proc/self/mountinfo. `refresh` reads it again."""

    def __init__(self) -> None:
        self.hidepid = False
        self._cgroups: Dict[str, List[Tuple[str, str]]] = {}
        self._read = False

    def refresh(self) -> None:
        """Read it now; anything unreadable counts as not mounted."""
        try:
            self.take(read_file("/proc/self/mountinfo"))
        except (OSError, TooLongError):
            self.take("")

    def take(self, text: str) -> None:
        """Replace the previous state with that of this text."""
        self._read = True
        self.hidepid = False
        self._cgroups = {}
        for line in text.split("\n"):
            head, dash, tail = line.partition(" - ")
            words, kinds = head.split(" "), tail.split(" ")
            if not dash or len(words) < 5 or len(kinds) < 3:
                continue
            if kinds[0] == "proc" and words[4] == "/proc":
                # the last mount on a path hides earlier ones; values by proc(5): 1 noaccess, 2 invisible, 4 ptraceable
                options = words[5].split(",") + kinds[2].split(",")
                values = [option[8:] for option in options if option.startswith("hidepid=")]
                self.hidepid = any(value not in ("0", "off") for value in values)
            elif kinds[0] == "cgroup2":
                self._add(V2, words)
            elif kinds[0] == "cgroup":
                for option in kinds[2].split(","):
                    if option in FILES or option.startswith("name=") or option in _OTHERS:
                        self._add(option, words)

    def _add(self, hierarchy: str, words: List[str]) -> None:
        root, point = unescaped(words[3]), unescaped(words[4])
        self._cgroups.setdefault(hierarchy, []).append((root, point))

    def ready(self) -> "Mounts":
        """Read it if that has not been done yet; returns self."""
        if not self._read:
            self.refresh()
        return self

    def mounted(self, hierarchy: str) -> bool:
        """Whether that hierarchy is mounted here at all."""
        return hierarchy in self._cgroups

    def place(self, hierarchy: str, path: str) -> Optional[Tuple[str, str]]:
        """A cgroup's (mount point, path below it, or "" for the mount point); None if it can't be seen from here."""
        if not path.startswith("/") or ".." in path.split("/"):
            return None
        for root, point in self._cgroups.get(hierarchy, ()):
            if root == "/":
                return point, "" if path == "/" else path
            if path == root:
                return point, ""
            if path.startswith(root + "/"):
                return point, path[len(root) :]
        return None


@lru_cache(maxsize=1)  # called twice per process: for its limits and its members
def lines(text: str) -> Tuple[Line, ...]:
    """The lines of /proc/PID/cgroup; malformed ones are skipped."""
    found: List[Line] = []
    for line in text.split("\n"):
        parts = line.split(":", 2)
        if len(parts) == 3:
            number, controllers, path = parts
            found.append((tuple(controllers.split(",")) if controllers or number != "0" else _UNIFIED, path))
    return tuple(found)


class Limits:
    """Reads limit files for one request: a group above several containers is only read once."""

    def __init__(self, mounts: Mounts) -> None:
        self._mounts = mounts
        self._groups: Dict[Tuple[str, str, str, int], Group] = {}
        self._refreshed = False

    def of(self, text: str) -> List[Group]:
        """All limit files for this text of /proc/PID/cgroup. Answers share the lists: do not modify them."""
        found: List[Group] = []
        groups = lines(text)
        classic = any(name in FILES and name != V2 for names, _ in groups for name in names)
        for names, path in groups:
            for hierarchy in names:
                if hierarchy in FILES:
                    found.extend(self._hierarchy(hierarchy, path, classic))
        return found

    def _hierarchy(self, hierarchy: str, path: str, classic: bool) -> List[Group]:
        if path.endswith(" (deleted)"):
            return [_all(hierarchy, path, GONE, "the cgroup was removed")]
        mounts = self._mounts.ready()
        if not mounts.mounted(hierarchy) and not self._refreshed:
            self._refreshed = True
            mounts.refresh()
        if not mounts.mounted(hierarchy):
            if hierarchy == V2 and classic:
                return []  # the kernel lists the v2 hierarchy even if nobody uses it
            return [_all(hierarchy, path, UNSUPPORTED, "this cgroup hierarchy is not mounted here")]
        place = mounts.place(hierarchy, path)
        if place is None:
            return [_all(hierarchy, path, UNSUPPORTED, "outside of the reader's cgroup namespace")]
        point, below = place
        own = self._group(hierarchy, point, below, 0)
        return [own, self._above(hierarchy, point, below[: below.rfind("/")])] if below else [own]

    def _above(self, hierarchy: str, point: str, below: str) -> Group:
        """The parent (level 1) at `below` and all groups above it, as one list."""
        key = (hierarchy, point, below, -1)
        found = self._groups.get(key)
        if found is None:
            found = []
            for level in range(1, LEVELS_MAX):
                found.extend(self._group(hierarchy, point, below, level))
                if not below:
                    break
                below = below[: below.rfind("/")]
            self._groups[key] = found
        return found

    def _group(self, hierarchy: str, point: str, below: str, level: int) -> Group:
        key = (hierarchy, point, below, level)
        found = self._groups.get(key)
        if found is None:
            found = self._groups[key] = group(hierarchy, point + below, level)
        return found


def group(hierarchy: str, path: str, level: int) -> Group:
    """The limit files of one group; through a directory descriptor if there are many."""
    names = _names(hierarchy, level)
    base = path + "/"
    if len(names) <= FEW:
        found = [entry(reading, base + name, base + name) for name, reading in names]
        # ENOENT may mean the file or the group
        if all(item[2] is None for item in found) and not os.path.isdir(path):
            return _all(hierarchy, path, GONE, "the cgroup was removed", level)
        return found
    try:
        directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == ENOENT:
            return _all(hierarchy, path, GONE, "the cgroup was removed", level)
        return [failure(reading, base + name, error) for name, reading in names]
    try:
        return [entry(reading, base + name, name, directory) for name, reading in names]
    finally:
        os.close(directory)


@lru_cache(maxsize=2 * len(FILES) * LEVELS_MAX)
def _names(hierarchy: str, level: int) -> Tuple[Tuple[str, str], ...]:
    """A group's files at that level, each with its reading's name."""
    return tuple(
        (name, "cgroup:%s:%d:%s" % (hierarchy, level, name))
        for name in FILES[hierarchy]
        if level == 0 or name not in OWN
    )


def _all(hierarchy: str, path: str, kind: str, detail: str, level: int = 0) -> Group:
    base = path.rstrip("/") + "/"
    return [failed(reading, base + name, kind, None, detail) for name, reading in _names(hierarchy, level)]


class Listed(NamedTuple):
    """PIDs up to the limit, and at least how many more there are."""

    pids: List[int]
    more: int


def processes(path: str, limit: int) -> Optional[Listed]:
    """The processes in this group and all groups below it, whatever their names; None if they can't be listed."""
    found: Dict[int, None] = {}
    waiting = [path]
    seen = more = 0
    while waiting:
        here = waiting.pop()
        seen += 1
        if seen > GROUPS_MAX:
            more += 1
            break
        try:
            text, whole = _numbers(here + "/cgroup.procs")
            more += not whole
            # kernfs counts subgroups in a group's links (fs/kernfs/inode.c, kernfs_refresh_inode): 2 means none
            if os.stat(here).st_nlink != 2:
                with os.scandir(here) as items:
                    waiting.extend(item.path for item in items if item.is_dir(follow_symlinks=False))
        except OSError as error:
            if here == path:
                return None
            more += error.errno in (EACCES, EPERM)
            continue
        for word in text.split():
            if word == b"0":  # outside our PID namespace
                more += 1
            else:
                found[int(word)] = None
    return Listed(list(found)[:limit], more + max(0, len(found) - limit))


def _numbers(path: str) -> Tuple[bytes, bool]:
    """The text, and whether it is complete."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    parts: List[bytes] = []
    size = 0
    try:
        try:
            while size <= SIZE_MAX:
                chunk = os.read(descriptor, CHUNK)
                if not chunk:
                    return b"".join(parts), True
                parts.append(chunk)
                size += len(chunk)
        except OSError as error:
            if error.errno in (EACCES, EPERM):
                raise
            return b"", True  # EOPNOTSUPP: a threaded group lists no processes of its own
    finally:
        os.close(descriptor)
    return b"".join(parts)[: -len(parts[-1].rpartition(b"\n")[2]) or None], False
