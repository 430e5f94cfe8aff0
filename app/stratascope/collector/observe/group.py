"""The control group that is observed: where it lies in each hierarchy, who is in it, which process is its first.

One of a container counts only where its path holds the container's id, or where all that are in it share one PID
namespace that is not ours: a rootless container without systemd sits in the group of a whole session. A group that the
request names (a parent that was made before a container starts) is one name after the other below the hierarchy's mount
point, no links among them, and never the root.
"""

from __future__ import annotations

import contextlib
import os
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.cgroups import V2, Mounts, lines, processes
from stratascope.collector.members import MEMBERS_MAX, own_group
from stratascope.collector.observe.trace import start_of_process
from stratascope.collector.read import TooLongError, read_file

PERF = "perf_event"
_COUNTED = (V2, "memory", "pids", "cpuacct", "cpu")


class NoGroupError(Exception):
    """Why there is no group to observe."""


class Group(NamedTuple):
    """Directories: the one that events are attached to, and those of the hierarchies that count something."""

    perf: str
    counted: Dict[str, str]

    def processes(self) -> Optional[List[int]]:
        """All that are in it; None where it is gone."""
        found = processes(self.perf, 2 * MEMBERS_MAX)
        return None if found is None else found.pids


def find(pid: int, start: str, container: str, path: str) -> Group:
    """Of that process (None of it: 0), or of that path. Raises NoGroupError."""
    mounts = Mounts()
    mounts.refresh()
    if path:
        parts = path.split("/")
        if not path.startswith("/") or path == "/" or ".." in parts or "." in parts:
            raise NoGroupError("no control group that could be observed: its path is not below the root")
        return _group(mounts, {}, path)
    if pid and start and start_of_process(pid) != start:
        raise NoGroupError("the process has ended")
    try:
        text = read_file("/proc/%d/cgroup" % pid)
    except (OSError, TooLongError):
        raise NoGroupError("the process has ended") from None
    paths = {name: place for names, place in lines(text) for name in names}
    own = {name: own_group(place, container) or place for name, place in paths.items()}
    hierarchy = PERF if PERF in paths and mounts.mounted(PERF) else V2
    place = own.get(hierarchy, "/")
    if place == "/":
        raise NoGroupError(
            "it has no control group of its own (a rootless engine with cgroupfs): a twin, or systemd as the manager "
            "of control groups, would have one"
        )
    group = _group(mounts, own, place)
    if not own_group(paths[hierarchy], container) and not _alone(group):
        raise NoGroupError("its control group holds other programs too, so what is seen there would not be its own")
    if start and start_of_process(pid) != start:
        raise NoGroupError("the process has ended")
    return group


def _group(mounts: Mounts, own: Dict[str, str], path: str) -> Group:
    hierarchy = PERF if mounts.mounted(PERF) and (not own or PERF in own) else V2
    directory = _directory(mounts, hierarchy, path)
    if directory is None:
        raise NoGroupError("its control group can't be seen from here")
    counted = {}
    for name in _COUNTED:
        found = _directory(mounts, name, own.get(name, path) if own else path)
        if found is not None:
            counted[name] = found
    return Group(directory, counted)


def counted_below(mounts: Mounts, folder: str) -> Dict[str, str]:
    """The folders of the same group in the hierarchies that count something, by its folder in one of them."""
    for name in _COUNTED:
        top = mounts.place(name, "/")
        if top is not None and folder.startswith(top[0] + "/"):
            path = folder[len(top[0]) :]
            found = {each: _directory(mounts, each, path) for each in _COUNTED}
            return {each: place for each, place in found.items() if place is not None}
    return {}


def _directory(mounts: Mounts, hierarchy: str, path: str) -> Optional[str]:
    place = mounts.place(hierarchy, path)
    if place is None or not place[1]:
        return None
    directory = place[0] + place[1]
    return directory if os.path.isdir(directory) and os.path.realpath(directory) == directory else None


def _alone(group: Group) -> bool:
    links = set()
    for pid in group.processes() or []:
        try:
            links.add(os.readlink("/proc/%d/ns/pid" % pid))
        except OSError:
            continue
    return len(links) == 1 and os.readlink("/proc/self/ns/pid") not in links


def first_of(pids: List[int]) -> Tuple[int, str]:
    """The first process of a PID namespace of its own, else the one that began first; with its start time.

    (0, "") where there is none.
    """
    found: List[Tuple[int, int]] = []
    for pid in pids:
        start = start_of_process(pid)
        try:
            status = read_file("/proc/%d/status" % pid)
        except (OSError, TooLongError):
            continue
        numbers = status.partition("NSpid:")[2].split("\n", 1)[0].split()
        if start and len(numbers) > 1 and numbers[-1] == "1":
            return pid, start
        if start:
            found.append((int(start), pid))
    return (min(found)[1], str(min(found)[0])) if found else (0, "")


def numbers() -> List[int]:
    """Of all processes that are there."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def namespaces(pid: int) -> Tuple[str, ...]:
    """Its processes' and its mounts'; nothing where it has ended."""
    try:
        return tuple(os.readlink("/proc/%d/ns/%s" % (pid, kind)) for kind in ("pid", "mnt"))
    except OSError:
        return ()


def descendants(first: int) -> Set[int]:
    """That process and all that it has made, as far as their parents live."""
    children: Dict[int, List[int]] = {}
    for pid in numbers():
        with contextlib.suppress(OSError, TooLongError, ValueError, IndexError):
            parent = int(read_file("/proc/%d/stat" % pid).rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(pid)
    found: Set[int] = set()
    waiting = [first]
    while waiting and len(found) < MEMBERS_MAX:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, ())
    return found
