"""Threads that differ from their process's first one: each has its own ids, capabilities and filters.

The differences are all in one file per thread, `status`. Reading hundreds of these costs more than everything else
about a container, so each is read once: a thread can drop privileges later but can't gain any while there are others
(unshare(2) and setns(2) then refuse a new user namespace, execve(2) ends the others), so what was read stays an upper
bound. Read again are new threads, all threads if the first one changed, and one witness of each kind that differs, so
that none is reported that is gone. A reused thread id is noticed by the inode of its directory. AppArmor or SELinux
labels are only compared if the first thread is confined: a label is one of the credentials too. Decided against the
namespaces of each: eight more links per thread, and moving one takes a capability over them.
"""

from __future__ import annotations

import os
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from stratascope.collector.read import TooLongError, read_file

READ_MAX = 4000  # threads read at once per container; the rest are read with the next reading
KNOWN_MAX = 1 << 16  # threads remembered, over all processes
KINDS_MAX = 64  # per process; more than this are an attack on the reader

LABEL = "attr/current"
# The lines that decide, in three consecutive runs, which are equal for most threads
_DECIDING = re.compile(
    r"\n(?:(?:[UG]id|Groups|Cap(?:Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp(?:_filters)?):.*\n)+"
).findall

Key = Tuple[str, ...]
_Identity = Tuple[int, int]  # its id, and the inode of its directory


class Leader(NamedTuple):
    """The thread that a process's own files show: the first one, or a living one if the first has ended."""

    directory: int  # the process's
    start: str  # the process's start time
    thread: int
    status: str
    label: Optional[str]


class _Known:
    """What was read of one process's threads."""

    def __init__(self, leader: Key) -> None:
        self.leader = leader
        self.keys: Dict[_Identity, Key] = {}
        self._kinds = {leader: leader}  # each text is stored once

    def take(self, identity: _Identity, key: Optional[Key]) -> None:
        """Store a thread's key; None removes the thread, which has ended."""
        if key is None:
            self.keys.pop(identity, None)
        else:
            self.keys[identity] = self._kinds.setdefault(key, key)


class Threads:
    """Remembers between requests what was read of threads."""

    def __init__(self) -> None:
        self._known: Dict[Tuple[int, str], _Known] = {}

    def other(self, pid: int, leader: Leader, room: int) -> Tuple[List[int], int, int]:
        """(One thread of each kind that differs from the leader, number read, number of threads or kinds not read.)

        At most `room` new ones are read.
        """
        try:
            folder = os.open("task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=leader.directory)
        except OSError:
            return [], 0, 0
        try:
            return self._other(pid, leader, folder, room)
        finally:
            os.close(folder)

    def _other(self, pid: int, leader: Leader, folder: int, room: int) -> Tuple[List[int], int, int]:
        own = _key(leader.status, leader.label)
        labelled = _confined(leader.label)
        known = self._known.pop((pid, leader.start), None)
        if known is None or known.leader != own:
            known = _Known(own)
        try:
            with os.scandir(folder) as entries:
                present = {(int(each.name), each.inode()) for each in entries if each.name != str(leader.thread)}
        except OSError:
            return [], 0, 0  # it ended; the reader of the process will notice
        for gone in known.keys.keys() - present:
            del known.keys[gone]
        new = sorted(present - known.keys.keys())
        for identity in new[:room]:
            known.take(identity, _read(folder, identity[0], labelled, own))
        found, again, left = _witnesses(known, folder, labelled)
        if sum(len(each.keys) for each in self._known.values()) + len(known.keys) > KNOWN_MAX:
            self._known.clear()
        self._known[pid, leader.start] = known
        return found, min(len(new), room) + again, max(0, len(new) - room) + left


def _witnesses(now: _Known, folder: int, labelled: bool) -> Tuple[List[int], int, int]:
    """(One thread of each kind that differs and still is of that kind, number read, number of kinds left.)"""
    kinds: Dict[Key, List[_Identity]] = {}
    for identity, key in now.keys.items():
        if key != now.leader:
            kinds.setdefault(key, []).append(identity)
    found: Dict[Key, int] = {}
    read = 0
    for key, identities in list(kinds.items())[:KINDS_MAX]:
        for identity in identities:
            fresh = _read(folder, identity[0], labelled, now.leader)
            read += 1
            now.take(identity, fresh)
            if fresh is not None and fresh != now.leader:
                found.setdefault(fresh, identity[0])
            if fresh == key:
                break
    return sorted(found.values()), read, max(0, len(kinds) - KINDS_MAX)


def living(directory: int) -> Optional[int]:
    """A living thread of a process whose first one has ended."""
    try:
        tasks = os.open("task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        try:
            numbers = sorted(map(int, os.listdir(tasks)))
        finally:
            os.close(tasks)
    except OSError:
        return None
    for number in numbers:
        try:
            folder = open_thread(directory, number)
        except OSError:
            continue
        try:
            if not _over(folder):
                return number
        finally:
            os.close(folder)
    return None


def open_thread(directory: int, number: int) -> int:
    """Open that thread's directory; its files are like the process's. Raises OSError."""
    return os.open("task/%d" % number, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)


def _over(folder: int) -> bool:
    try:
        text = read_file("stat", folder)
    except (OSError, TooLongError):
        return True
    return text[text.rfind(")") + 1 :].split()[:1] in (["Z"], ["X"], ["x"])


def _read(folder: int, number: int, labelled: bool, leader: Key) -> Optional[Key]:
    """The leader's own key if it is equal; None if the thread has ended."""
    try:
        status = read_file("%d/status" % number, folder)
        label = read_file("%d/%s" % (number, LABEL), folder) if labelled else None
    except (OSError, TooLongError):
        return None
    if "\nState:\tZ" in status or "\nState:\tX" in status:
        return None
    alike = _label(label) == leader[0] and all(lines in status for lines in leader[1:])
    return leader if alike else _key(status, label)


def _key(status: str, label: Optional[str]) -> Key:
    return (_label(label), *_DECIDING(status))


def _label(text: Optional[str]) -> str:
    return (text if _confined(text) else None) or ""


def _confined(label: Optional[str]) -> bool:
    """A process that is not confined can't have escaped; one with a profile may have threads that are not."""
    return bool(label) and label is not None and not label.startswith("unconfined")
