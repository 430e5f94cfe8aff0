"""The observed control group: where it is in each hierarchy, who is in it, and the groups made for it.

A container's group only counts if its path contains the container's id, or if all processes in it share one PID
namespace that is not ours: a rootless container without systemd is in the group of a whole session. A group that the
request names (a parent that was made before a container starts) is resolved name by name below the hierarchy's mount
point, without links, and is never the root.

Making and removing groups is the only thing that the observer changes. It makes a parent for a twin before the twin
exists, since events have to be attached before its program starts; a group in the unified hierarchy for a container
that has none there, since events can be attached to nothing else where the machine's controllers are in the v1
hierarchies and perf_event in none of them; and one for a container that has none anywhere (a rootless engine without
systemd), below the group where its processes are. None limits anything: no value is written, and the limits of the
group above still apply. All have names of ours; moved processes are moved back, and what a killed observer left is
removed by the next one once it is empty.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.cgroups import FILES, V2, Mounts, lines, processes
from stratascope.collector.members import MEMBERS_MAX, own_group
from stratascope.collector.observe.left_groups import NAME, new_name
from stratascope.collector.observe.trace import start_of_process
from stratascope.collector.read import TooLongError, read_file

PERF = "perf_event"
_COUNTED = (V2, "memory", "pids", "cpuacct", "cpu")


class NoGroupError(Exception):
    """Why there is no group to observe."""


class Group(NamedTuple):
    """Directories: the group that events are attached to, and its groups in the hierarchies that count something."""

    perf: str
    counted: Dict[str, str]

    def processes(self) -> Optional[List[int]]:
        """List all processes in it; None if it is gone."""
        found = processes(self.perf, 2 * MEMBERS_MAX)
        return None if found is None else found.pids


def find(pid: int, start: str, container: str, path: str) -> Group:
    """Find the group of that process (0: of none), or the group at that path. Raises NoGroupError."""
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
    """The directories of the same group in the hierarchies that count something, given one of its directories."""
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
    """The first process of a PID namespace of its own, else the one that started first; with its start time.

    (0, "") if there is none.
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
    """List the PIDs of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def namespaces(pid: int) -> Tuple[str, ...]:
    """Its PID and mount namespaces; empty if it has ended."""
    try:
        return tuple(os.readlink("/proc/%d/ns/%s" % (pid, kind)) for kind in ("pid", "mnt"))
    except OSError:
        return ()


def descendants(first: int) -> Set[int]:
    """That process and all its descendants, as far as their parents live."""
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


_OURS = re.compile(r"stratascope[-_][0-9a-f]{8,32}(?:\.slice)?|" + NAME).fullmatch
_LEFT = 600.0  # seconds after which an empty group of ours belongs to no running observer
_SESSIONS = 1.0  # seconds between two scans for processes that joined
_ROUNDS = 100  # bounds the loop, however fast a container creates processes
_CLASSIC = ("pids", "memory", "cpuacct", "freezer")
_OTHERS = ("freezer", "perf_event", "cpuacct", "name=systemd")


def is_ours(path: str) -> bool:
    """Whether a path is a group that we may create."""
    return path.startswith("/") and _OURS(path[1:]) is not None


class Made:
    """One group of ours in several hierarchies, by their mount points. Raises OSError if it can't be made."""

    def __init__(self, points: Iterable[str], path: str) -> None:
        self._folders: List[str] = []
        try:
            for point in points:
                _tidy(point)
                with contextlib.suppress(FileExistsError):
                    os.mkdir(point + path, 0o755)
                self._folders.append(point + path)
        except OSError:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the group where it is empty. Raises nothing."""
        for folder in self._folders:
            _remove(folder)


class Adopting:
    """Moves the processes of one group into another, in the unified hierarchy, and back at the end."""

    def __init__(self, source: str, target: str, home: str, first: int = 0) -> None:
        """Directories: `source` is the observed group, `target` the group to move into, `home` where the processes were
        before. Below `home`, the first process is found in a group there. `first`: its first process, if it has one.
        """
        self._first = first
        self._inside = namespaces(first) if first else ()
        self._source, self._target, self._home = source, target, home
        self.came = 0.0  # when a process joined for the first time
        self._moved: List[int] = []

    def take(self) -> List[int]:
        """Move the processes that are not there yet. Raises nothing: a process that has ended is not there either.

        Returns those that joined as running programs: their start was not observed.
        """
        members = _pids(self._source)
        if not members:
            return []
        here = _pids(self._target)
        for pid in sorted(members - here):
            there = "" if self.came or _left_in(pid) else _unified_of(pid)
            if _move(pid, self._target):
                if there and os.path.isdir(self._home + there):
                    self._home += there.rstrip("/")
                self._moved.append(pid)
                self.came = self.came or time.monotonic()
        return []

    def moved(self) -> List[int]:
        """Return the processes moved since the last call."""
        found, self._moved = self._moved, []
        return found

    def joins(self, pid: int) -> bool:
        """Move a process that was told of by its PID namespace; False: it is not the container's, or known already."""
        if namespaces(pid) not in ((), self._inside):
            return False
        if pid not in _pids(self._target) and _move(pid, self._target):
            self._moved.append(pid)
        return True

    @property
    def namespace(self) -> Optional[Tuple[int, int]]:
        """Device and inode of the container's PID namespace; None: not known, or ours."""
        if not self._inside or self._inside[0] == os.readlink("/proc/self/ns/pid"):
            return None
        try:
            about = os.stat("/proc/%d/ns/pid" % self._first)
        except OSError:
            return None
        return about.st_dev, about.st_ino

    def gone(self) -> bool:
        """Whether the observed group is gone."""
        return not os.path.isdir(self._source)

    def back(self) -> None:
        """Move all remaining processes back, including those born meanwhile."""
        for _ in range(_ROUNDS):
            left = _pids(self._target)
            if not left:
                break
            for pid in left:
                _move(pid, self._home)


class Gathering(Adopting):
    """The same for a process and its descendants, which are born into the group from then on; and for processes that
    join.

    A process in a group other than `home` stays there: all that are moved go back to `home`.
    """

    def __init__(self, first: int, target: str, home: str) -> None:
        super().__init__("", target, home, first)
        self._start = start_of_process(first)
        self._looked = 0.0

    def take(self) -> List[int]:
        """Move all at first, until none is born outside meanwhile; later scan for joined sessions once a second."""
        now = time.monotonic()
        joined: List[int] = []
        if not self.came:
            for _ in range(_ROUNDS):
                outside = descendants(self._first) & _in(self._home)
                if not [pid for pid in outside if _move(pid, self._target)]:
                    break
            self.came = self._looked = now
        elif now - self._looked >= _SESSIONS:
            self._looked = now
            for pid in _in(self._home):
                # another container may share its processes, and has files of its own
                if self._inside and namespaces(pid) == self._inside:
                    joined += [pid] if _move(pid, self._target) else []
        self._moved += joined
        return joined

    def gone(self) -> bool:
        """Whether its first process has ended."""
        return start_of_process(self._first) != self._start


class ObservedGroup(NamedTuple):
    """What is observed, and what was made for it."""

    group: Group
    made: Optional[Made]
    adopting: Optional[Adopting]

    def leave(self) -> None:
        """Restore the previous state."""
        if self.adopting is not None:
            self.adopting.back()
        if self.made is not None:
            self.made.remove()


def place(pid: int, start: str, container: str, path: str) -> ObservedGroup:
    """Find the group of that process, or of that path, and make it if it is one of ours. Raises NoGroupError."""
    mounts = Mounts()
    mounts.refresh()
    unified = mounts.place(V2, "/")
    try:
        if path:
            made = Made(_points(mounts), path) if is_ours(path) else None
            try:
                group = find(pid, start, container, path)
            except NoGroupError:
                if made is not None:
                    made.remove()
                raise
            source = _classic(mounts, path)
            moves = made is not None and source and unified is not None and not mounts.mounted(PERF)
            return ObservedGroup(group, made, Adopting(source, group.perf, unified[0]) if moves and unified else None)
        _put_back(mounts, pid)
        left = _left_in(pid)
        try:
            if not left:
                return ObservedGroup(find(pid, start, container, path), None, None)
        except NoGroupError:
            if not _own(mounts, pid, start, container) or unified is None or mounts.mounted(PERF):
                gathered = _gathered(mounts, pid, start)
                if gathered is None:
                    raise
                return gathered
        source = _own(mounts, pid, start, container)
        if not source or unified is None:
            raise NoGroupError("the process has ended")
        path = "/" + new_name()
        made = Made([unified[0]], path)
        adopting = Adopting(source, unified[0] + path, unified[0], pid)
        adopting.take()
        if left:
            _remove(unified[0] + left)
        return ObservedGroup(Group(unified[0] + path, counted_below(mounts, source)), made, adopting)
    except OSError as error:
        raise NoGroupError("no control group could be made for it: %s" % error.strerror) from None


def _gathered(mounts: Mounts, pid: int, start: str) -> Optional[ObservedGroup]:
    """Make a group for the first process of a PID namespace of its own and all its descendants; None if it is not one.

    The group is below its current one, in the hierarchy that events are attached to: none of its controllers counts
    there.
    """
    try:
        status = read_file("/proc/%d/status" % pid)
        paths = {name: place for names, place in lines(read_file("/proc/%d/cgroup" % pid)) for name in names}
        namespace = os.readlink("/proc/%d/ns/pid" % pid)
    except (OSError, TooLongError):
        return None
    numbers = status.partition("\nNSpid:")[2].partition("\n")[0].split()
    hierarchy = _gathers_in(mounts)
    home = mounts.place(hierarchy, paths.get(hierarchy, ""))
    if numbers[-1:] != ["1"] or namespace == os.readlink("/proc/self/ns/pid") or home is None:
        return None
    if start and start_of_process(pid) != start:
        return None
    folder, path = "".join(home), "/" + new_name()
    made = Made([folder], path)
    gathering = Gathering(pid, folder + path, folder)
    gathering.take()
    return ObservedGroup(Group(folder + path, {}), made, gathering)


def _gathers_in(mounts: Mounts) -> str:
    return PERF if mounts.mounted(PERF) else V2


def _put_back(mounts: Mounts, pid: int) -> None:
    """Undo the gathering of a killed observer: move its processes back to the group above, and remove its group."""
    try:
        paths = {name: place for names, place in lines(read_file("/proc/%d/cgroup" % pid)) for name in names}
    except (OSError, TooLongError):
        return
    path = paths.get(_gathers_in(mounts), "")
    above, _, name = path.rpartition("/")
    found = mounts.place(_gathers_in(mounts), path) if above and _OURS(name) else None
    if found is not None:
        folder = "".join(found)
        Adopting("", folder, os.path.dirname(folder)).back()
        _remove(folder)


def _left_in(pid: int) -> str:
    """The group of ours in which a killed observer left that process; "" if it is in none."""
    path = _unified_of(pid)
    return path if is_ours(path) else ""


def _unified_of(pid: int) -> str:
    """Its path in the unified hierarchy, from the root; "" if that is not shown or leads outside."""
    try:
        text = read_file("/proc/%d/cgroup" % pid)
    except (OSError, TooLongError):
        return ""
    path = {name: place for names, place in lines(text) for name in names}.get(V2, "")
    return path if path.startswith("/") and ".." not in path.split("/") else ""


def _points(mounts: Mounts) -> List[str]:
    """Where the hierarchies are mounted. Without cpuset's: its groups need values before a process can join them."""
    places = (mounts.place(each, "/") for each in dict.fromkeys((V2, *FILES, *_OTHERS)) if mounts.mounted(each))
    found = dict.fromkeys(each[0] for each in places if each is not None)
    return [point for point in found if not point.endswith("/cpuset") and os.path.realpath(point) == point]


def _classic(mounts: Mounts, path: str) -> str:
    """That group's directory in one of the v1 hierarchies; "" if there is none."""
    for hierarchy in _CLASSIC:
        there = mounts.place(hierarchy, path)
        if there is not None and there[1]:
            return there[0] + there[1]
    return ""


def _own(mounts: Mounts, pid: int, start: str, container: str) -> str:
    """The container's own group in one of the v1 hierarchies; "" if it has none."""
    if start and start_of_process(pid) != start:
        return ""
    try:
        text = read_file("/proc/%d/cgroup" % pid)
    except (OSError, TooLongError):
        return ""
    paths = {name: place for names, place in lines(text) for name in names}
    for hierarchy in _CLASSIC:
        own = own_group(paths.get(hierarchy, ""), container)
        if own:
            return _classic(mounts, own)
    return ""


def _pids(folder: str) -> Set[int]:
    found = processes(folder, MEMBERS_MAX)
    return set() if found is None else set(found.pids)


def _in(folder: str) -> Set[int]:
    """The processes directly in a group, not in groups below."""
    try:
        return set(map(int, read_file(folder + "/cgroup.procs").split()))
    except (OSError, TooLongError, ValueError):
        return set()


def _move(pid: int, folder: str) -> bool:
    try:
        with open(folder + "/cgroup.procs", "wb", buffering=0) as file:
            file.write(b"%d" % pid)
        return True
    except OSError:
        return False


def _tidy(point: str) -> None:
    """Remove what a killed observer left. rmdir(2) only removes empty groups, so one that is in use stays."""
    try:
        names = os.listdir(point)
    except OSError:
        return
    for name in names:
        folder = point + "/" + name
        with contextlib.suppress(OSError):
            # one made a moment ago may still be waiting for its twin
            if _OURS(name) and time.time() - os.stat(folder).st_mtime > _LEFT:
                listed = processes(folder, 1)
                if listed is not None and not listed.pids:
                    _remove(folder)


def _remove(folder: str) -> None:
    """Remove a group and those below it."""
    with contextlib.suppress(OSError):
        for item in os.scandir(folder):
            if item.is_dir(follow_symlinks=False):
                _remove(item.path)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
