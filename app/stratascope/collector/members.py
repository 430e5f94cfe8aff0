"""A container's other processes and threads, given one process: by its cgroup, else by its PID namespace.

A cgroup is only used if its path contains the container's id: a rootless container may be in the session's cgroup, or
in `/`. Everything below it is the container's, whatever the names: a container may create groups and move into them. A
PID namespace is only used if it is neither the initial one nor the reader's own, and includes those below it. Otherwise
nothing is listed, and the answer says so; if there are more processes than are read, it says at least how many.

A process is shown by the files of its first thread, or of a living one if the first has ended.
"""

from __future__ import annotations

import os
import re
from typing import AbstractSet, Dict, List, Optional, Sequence, Tuple

from stratascope.collector.cgroups import V2, Group, Listed, Mounts, lines, processes
from stratascope.collector.chroot import mended
from stratascope.collector.read import NS_GET_PARENT, Entry, read_process
from stratascope.collector.threads import READ_MAX, living, open_thread

# pid, entries (one named "" if nothing could be read), and lists of cgroup entries, which answers may share
Process = Tuple[int, List[Entry], List[Group]]


class Further:
    """Reads these names of a container's other processes and threads; `apart`: those that are no files of theirs."""

    def __init__(
        self,
        names: List[str],
        apart: AbstractSet[str],
        mount_namespace: Optional[str],
        uid_map: Optional[str] = None,
        chroot: bool = False,
    ) -> None:
        self.names = names
        self.files = [name for name in names if name not in apart]
        self.threads: List[Tuple[int, Process]] = []  # with the PID of its process
        self.unread = 0
        self.room = READ_MAX
        self._mount_namespace = mount_namespace
        self._uid_map = uid_map
        self._chroot = chroot

    def mounts(self, directory: int, pid: int, entries: List[Entry], thread: int) -> None:
        """Read mountinfo if it is in another mount namespace, or the first process in a chroot; all others see what
        that does.

        Where the namespace can't be read, another user namespace is a sign: a sandbox makes both.
        """
        own, uid_map = text_of(entries, "ns/mnt"), text_of(entries, "uid_map")
        elsewhere = uid_map is not None and self._uid_map is not None and uid_map.split() != self._uid_map.split()
        if elsewhere:
            entries += read_process(directory, pid, ["setgroups"], thread)
        if own is not None and self._mount_namespace is not None:
            elsewhere = own != self._mount_namespace
        if elsewhere or self._chroot:
            entries += read_process(directory, pid, ["mountinfo"], thread)
            mended(directory, pid, entries, apart=True)


def names_of(wants: Sequence[str]) -> List[str]:
    return list(dict.fromkeys([*wants, "ns/pid", "stat"]))


def representative(directory: int, entries: List[Entry]) -> Tuple[int, int]:
    """(Descriptor of the directory that represents this process, 0 or the thread whose directory that is.)

    The first thread may end before the others. Its control group, namespaces and mounts are then gone (do_exit,
    kernel/exit.c), so those of a living thread are used.
    """
    if "\nState:\tZ" not in (text_of(entries, "status") or ""):
        return directory, 0
    number = living(directory)
    if number is None:
        return directory, 0
    try:
        return open_thread(directory, number), number
    except OSError:
        return directory, 0


def of_thread(here: int, pid: int, thread: int, names: List[str], entries: List[Entry]) -> List[Entry]:
    """The files of that thread, except `stat`: the process's own has its start time."""
    own = [item for item in entries if item[0] == "stat"]
    return read_process(here, pid, [name for name in names if name != "stat"], thread) + own


MEMBERS_MAX = 2000
BY_CGROUP = "cgroup"
BY_NAMESPACE = "pid namespace"
BY_CALLER = "caller"
_ID = re.compile(r"[0-9a-f]{64}").fullmatch
_HEX = re.compile(r"[0-9a-f]").match
_MONITOR = "conmon-"  # podman's monitor, libpod-conmon-ID.scope
_INITIAL = "pid:[4026531836]"  # PROC_PID_INIT_INO, include/linux/proc_ns.h
_ORDER = (V2, "pids", "memory", "cpu", "devices", "freezer", "blkio", "cpuset", "name=systemd")


class Members:
    """Lists processes for one request: /proc is scanned at most once."""

    def __init__(self, mounts: Mounts) -> None:
        self._mounts = mounts
        self._namespaces: Optional[Dict[str, List[int]]] = None
        self._around: Dict[str, Tuple[str, ...]] = {}
        self._own: Optional[str] = None

    def of(self, pid: int, container: str, cgroup: Optional[str], namespace: Optional[str]) -> Tuple[Listed, str, str]:
        """(PIDs except `pid`, `cgroup` or `pid namespace` or "", the cgroup's directory in the first case.)"""
        directory = self.directory(container, cgroup) if cgroup else None
        if directory is not None:
            found = processes(directory, MEMBERS_MAX + 1)
            if found is not None:
                return _others(found, pid), BY_CGROUP, directory
        if namespace and namespace not in (_INITIAL, self._reader()):
            return _others(Listed(self._scan().get(namespace, []), 0), pid), BY_NAMESPACE, ""
        return Listed([], 0), "", ""

    def directory(self, container: str, cgroup: str) -> Optional[str]:
        """The directory of the container's outermost cgroup, from the text of /proc/PID/cgroup."""
        paths = {name: path for names, path in lines(cgroup) for name in names}
        mounts = self._mounts.ready()
        for hierarchy in _ORDER:
            own = own_group(paths.get(hierarchy, ""), container)
            place = mounts.place(hierarchy, own) if own else None
            if place is not None and place[1]:
                return place[0] + place[1]
        return None

    def list_again(self, directory: str) -> List[int]:
        """List them again, to leave out PIDs that were reused in the meantime."""
        found = processes(directory, 2 * MEMBERS_MAX)
        return [] if found is None else found.pids

    def _reader(self) -> Optional[str]:
        if self._own is None:
            try:
                self._own = os.readlink("/proc/self/ns/pid")
            except OSError:
                return None
        return self._own

    def _scan(self) -> Dict[str, List[int]]:
        """The processes in each PID namespace, and in those below it."""
        if self._namespaces is None:
            own: Dict[str, List[int]] = {}
            for name in os.listdir("/proc"):
                if not name.isdigit():
                    continue
                try:
                    link = os.readlink("/proc/" + name + "/ns/pid")
                except OSError:
                    continue
                own.setdefault(link, []).append(int(name))
            self._namespaces = {}
            for link, pids in own.items():
                outer = () if link in (_INITIAL, self._reader()) else tuple(_above(pids[0]))
                self._around[link] = (link, *outer)
                for namespace in self._around[link]:
                    self._namespaces.setdefault(namespace, []).extend(pids)
        return self._namespaces

    def within(self, link: Optional[str], namespace: str) -> bool:
        """Whether a PID namespace is that one or below it, as of the scan."""
        return namespace in self._around.get(link or "", ())


def _above(pid: int) -> List[str]:
    """The PID namespaces above this process's that the reader can see, except the initial one."""
    import fcntl

    found: List[str] = []
    try:
        here = os.open("/proc/%d/ns/pid" % pid, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return found
    try:
        while True:
            above = fcntl.ioctl(here, NS_GET_PARENT)
            os.close(here)
            here = above
            found.append("pid:[%d]" % os.fstat(here).st_ino)
    except OSError:
        return found[:-1]  # EPERM: the last one is the reader's own, or the initial one
    finally:
        os.close(here)


def named(pids: Sequence[int], first: int) -> Listed:
    """Those that a caller names, except the first."""
    return _others(Listed(list(pids), 0), first)


def _others(found: Listed, pid: int) -> Listed:
    others = [other for other in found.pids if other != pid]
    return Listed(others[:MEMBERS_MAX], found.more + max(0, len(others) - MEMBERS_MAX))


def own_group(path: str, container: str) -> str:
    """`/machine.slice/libpod-ID.scope/container` for a process that may be deeper; "" if the path has no such id.

    The outermost match: below it the container chooses the names.
    """
    if path.endswith(" (deleted)") or _ID(container) is None:
        return ""
    parts = path.split("/")
    for place, part in enumerate(parts):
        before, found, after = part.partition(container)
        if found and _MONITOR not in before and not _HEX(before[-1:]) and not _HEX(after[:1]):
            # podman's monitor may be a sibling of `container`, in the same scope
            last = place + 2 if parts[place + 1 : place + 2] == ["container"] else place + 1
            return "/".join(parts[:last])
    return ""


def text_of(entries: List[Entry], name: str) -> Optional[str]:
    """The text of the entry with that name, None if there is none."""
    for item in entries:
        if item[0] == name:
            text = item[2]
            return text if isinstance(text, str) else None
    return None
