"""The further processes of a container, given one of them: by its cgroup, else by its PID namespace.

A cgroup counts only where its path holds a container's id (64 hexadecimal digits): a rootless container may sit in
the cgroup of the whole session, or in `/`. A PID namespace counts only where it is neither the first one nor the
reader's own. Where neither does, nothing is listed and the answer says so.
"""

from __future__ import annotations

import os
import re
from typing import Dict, List, Optional, Tuple

from stratascope.collector.cgroups import V2, Mounts, lines, processes
from stratascope.collector.read import Entry, open_process

MEMBERS_MAX = 2000
BY_CGROUP = "cgroup"
BY_NAMESPACE = "pid namespace"
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_INITIAL = "pid:[4026531836]"  # PROC_PID_INIT_INO, include/linux/proc_ns.h
_ORDER = (V2, "pids", "memory", "cpu", "devices", "freezer", "blkio", "cpuset", "name=systemd")


class Members:
    """Lists processes for one request: /proc is gone through at most once."""

    def __init__(self, mounts: Mounts) -> None:
        self._mounts = mounts
        self._namespaces: Optional[Dict[str, List[int]]] = None
        self._own: Optional[str] = None

    def of(self, pid: int, cgroup: Optional[str], namespace: Optional[str]) -> Tuple[List[int], str, str]:
        """(PIDs without `pid`, `cgroup` or `pid namespace` or "", the cgroup's directory if so)."""
        directory = self.directory(cgroup) if cgroup else None
        if directory is not None:
            found = processes(directory, MEMBERS_MAX + 1, _ID)
            if found is not None:
                return _others(found, pid), BY_CGROUP, directory
        if namespace and namespace not in (_INITIAL, self._reader()):
            return _others(self._scan().get(namespace, []), pid), BY_NAMESPACE, ""
        return [], "", ""

    def directory(self, cgroup: str) -> Optional[str]:
        """The directory of the container's topmost own cgroup, from the text of /proc/PID/cgroup."""
        paths = {name: path for names, path in lines(cgroup) for name in names}
        mounts = self._mounts.ready()
        for hierarchy in _ORDER:
            own = own_group(paths.get(hierarchy, ""))
            place = mounts.place(hierarchy, own) if own else None
            if place is not None and place[1]:
                return place[0] + place[1]
        return None

    def still(self, directory: str) -> List[int]:
        """The same list once more, to leave out a PID that was reused meanwhile."""
        return processes(directory, 2 * MEMBERS_MAX, _ID) or []

    def _reader(self) -> Optional[str]:
        if self._own is None:
            try:
                self._own = os.readlink("/proc/self/ns/pid")
            except OSError:
                return None
        return self._own

    def _scan(self) -> Dict[str, List[int]]:
        if self._namespaces is None:
            self._namespaces = {}
            for name in os.listdir("/proc"):
                if not name.isdigit():
                    continue
                try:
                    link = os.readlink("/proc/" + name + "/ns/pid")
                except OSError:
                    continue
                self._namespaces.setdefault(link, []).append(int(name))
        return self._namespaces


def _others(found: List[int], pid: int) -> List[int]:
    return [other for other in dict.fromkeys(found) if other != pid][:MEMBERS_MAX]


def own_group(path: str) -> str:
    """`/machine.slice/libpod-ID.scope/container` of a process that may sit deeper; "" without an id."""
    if path.endswith(" (deleted)"):
        return ""
    parts = path.split("/")
    for place in range(len(parts) - 1, 0, -1):
        if _ID.search(parts[place]):
            # podman's monitor may sit beside `container`, below the same scope
            last = place + 2 if parts[place + 1 : place + 2] == ["container"] else place + 1
            return "/".join(parts[:last])
    return ""


def open_member(pid: int) -> Optional[int]:
    """A descriptor of a further process; None where it has gone or hides."""
    try:
        return open_process(pid)
    except OSError:
        return None


def text_of(entries: List[Entry], name: str) -> Optional[str]:
    """The text of one entry of a list, None where it is not there."""
    for item in entries:
        if item[0] == name:
            text = item[2]
            return text if isinstance(text, str) else None
    return None
