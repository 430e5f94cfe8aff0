"""The host's own processes by what the kernel compares before one process may look into another. Never their PIDs.

ptrace(2), "Ptrace access mode checking": a process is open to another of the same ids that holds no fewer
capabilities, in the same user namespace or in one above that its user made. So of all processes with the same ids and
user namespace only those with the fewest capabilities matter, and only these are told: the text is short, and does not
change as programs come and go.

Those in containers (in a PID namespace of their own, in a control group named for one, or with another root directory)
are told for each container. Left out are processes with mixed ids, which nobody has, those that no other may look into
(prctl(2), PR_SET_DUMPABLE), and for a process of a confined service those of that service that are confined alike: they
are what it is itself.
"""

from __future__ import annotations

import os
import re
import time
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

from stratascope.collector.names import HOST_PROGRAMS
from stratascope.collector.read import Entry, TooLongError, failure, open_process, read_file

PROCESSES_MAX = 8192
KINDS_MAX = 2048
SECONDS = 0.5  # of CPU time
CUT = "...\n"  # the last line if there may be more

_UNREAD = _OF_HOST = "-"
_CONTAINER = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MONITOR = "conmon-"  # podman's monitor is a process of the host
_LINES = re.compile(r"^(State|NSpid|Uid|Gid|CapPrm|NoNewPrivs|Seccomp|Seccomp_filters):\t(.*)$", re.M).findall
_UNIT = re.compile(r"/([^/]+\.(?:service|scope|slice))(?=/|$)")
_Kind = Tuple[str, str, str, str, str]  # uid, gid, user namespace, container, service


class Targets:
    """One look at all processes."""

    def __init__(self, hidepid: bool) -> None:
        self._host = _Host()
        self._found = _read(hidepid, self._host)

    def beside(self, directory: int) -> Entry:
        """HOST_PROGRAMS, for that process."""
        if not isinstance(self._found, _Listed):
            return self._found
        try:
            own = self._host.service(_status(directory)[0], directory)
        except (OSError, TooLongError):
            own = ""
        return self._found.told(own)


class _Listed(NamedTuple):
    kinds: Dict[_Kind, List[int]]
    cut: bool

    def told(self, own: str) -> Entry:
        """Without that service."""
        lines = {
            "%s %s %x %s %s\n" % (uid, gid, mask, user, container)
            for (uid, gid, user, container, service), sets in self.kinds.items()
            for mask in sets
            if not own or service != own
        }
        return (HOST_PROGRAMS, "/proc", "".join(sorted(lines)) + (CUT if self.cut else ""))


def _read(hidepid: bool, host: _Host) -> Union[_Listed, Entry]:
    """HOST_PROGRAMS: one line for each kind, `UID GID PERMITTED USERNS CONTAINER`: ids and the mask as in
    /proc/PID/status, the user namespace's inode or `-`; the container by the id in its control group or its mount
    namespace's inode, `-` for the host. `hidepid`: whether /proc hides other users' processes.
    """
    try:
        pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    except OSError as error:
        return failure(HOST_PROGRAMS, "/proc", error)
    kinds: Dict[_Kind, List[int]] = {}
    until = time.thread_time() + SECONDS
    cut = hidepid or len(pids) > PROCESSES_MAX
    for pid in pids[:PROCESSES_MAX]:
        if time.thread_time() > until or len(kinds) > KINDS_MAX:
            cut = True
            break
        if pid == os.getpid():
            continue
        try:
            directory = open_process(pid)
        except OSError:
            continue
        try:
            host.add(directory, kinds)
        except (OSError, TooLongError, ValueError, KeyError):
            continue  # it has ended, or may not be read
        finally:
            os.close(directory)
    return _Listed(kinds, cut)


def sees_host(status: Optional[str], mountinfo: Optional[str], descriptors: Optional[str] = None) -> bool:
    """Whether a process has the host's processes in sight: in its PID namespace, through a bind of the host's /proc, or
    through a directory outside.

    By the texts of its files, as read from there.
    """
    if any(line.split(" ", 2)[1:2] == ["d"] for line in (descriptors or "").split("\n")):
        return True
    found: Dict[str, str] = dict(_LINES(status or ""))
    if len(found.get("NSpid", "").split()) == 1:
        return True
    number = os.stat("/proc").st_dev
    device = "%d:%d" % (os.major(number), os.minor(number))
    if not mountinfo or " %s " % device not in mountinfo:
        return False
    lines = (line.partition(" - ") for line in mountinfo.split("\n"))
    return any(tail.startswith("proc ") and head.split(" ", 3)[2:3] == [device] for head, _, tail in lines)


class _Host:
    """What is compared with the reader's own."""

    def __init__(self) -> None:
        self._mounts = _link("/proc/self/ns/mnt")
        self._root = _root("/proc/self/mountinfo")

    def add(self, directory: int, kinds: Dict[_Kind, List[int]]) -> None:
        """Add this process if it is one of the host's that says something new.

        Raises OSError, TooLongError, ValueError, KeyError.
        """
        text, owner = _status(directory)
        found = dict(_LINES(text))
        uids, gids = found["Uid"].split()[:3], found["Gid"].split()[:3]
        if len(set(uids)) > 1 or len(set(gids)) > 1 or found["State"][:1] in "ZX":
            return
        uid, gid, mask = uids[0], gids[0], int(found["CapPrm"], 16)
        if uid != "0" and owner == 0:
            return  # not dumpable: task_dump_owner, fs/proc/base.c
        user = _link("ns/user", directory).strip("user:[]") or _UNREAD
        inside = len(found.get("NSpid", "").split()) > 1
        if not inside and self._says_nothing(kinds.get((uid, gid, user, _OF_HOST, "")), mask):
            return
        container = self._container(directory, inside)
        kind = (uid, gid, user, container, self.service(text, directory) if container == _OF_HOST else "")
        known = kinds.setdefault(kind, [])
        if not self._says_nothing(known, mask):
            known[:] = [each for each in known if mask & ~each]
            known.append(mask)

    def service(self, status: str, directory: int) -> str:
        """What is equal for the processes of a service that are confined alike; empty where they are not confined, or
        in none: then who started it may be among them. Raises OSError, TooLongError.
        """
        found = dict(_LINES(status))
        how = [found.get(name, "") for name in ("NoNewPrivs", "Seccomp", "Seccomp_filters")]
        mounts, root = _link("ns/mnt", directory), _link("root", directory)
        if not mounts or not root or (mounts == self._mounts and root == "/" and how[:2] == ["0", "0"]):
            return ""
        for line in read_file("cgroup", directory).split("\n"):
            units = list(_UNIT.finditer(line))
            if units and units[-1].group().endswith(".service"):
                return " ".join((line[: units[-1].end()], mounts, root, *how))
        return ""

    @staticmethod
    def _says_nothing(known: Optional[List[int]], mask: int) -> bool:
        """Whether another process like it holds no more."""
        return any(not each & ~mask for each in known or ())

    def _container(self, directory: int, inside: bool) -> str:
        """What the process is in, as told; `inside`: in a PID namespace below the reader's."""
        for line in read_file("cgroup", directory).split("\n"):
            for named in _CONTAINER.finditer(line):
                if not line[: named.start()].endswith(_MONITOR):
                    return named.group()
        mounts = _link("ns/mnt", directory)
        if not inside:
            if not mounts or not self._mounts or mounts == self._mounts:
                return _OF_HOST
            root = _root("mountinfo", directory)
            if root is None or self._root is None or root == self._root:
                return _OF_HOST
        return mounts.strip("mnt:[]") or "0"


def _status(directory: int) -> Tuple[str, int]:
    """The text, and the uid that owns the file."""
    text = read_file("status", directory)
    return text, os.stat("status", dir_fd=directory).st_uid


def _link(name: str, directory: Optional[int] = None) -> str:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        return ""


def _root(path: str, directory: Optional[int] = None) -> Optional[List[str]]:
    """File system and path in it of the directory that a process sees as `/`; None if that is not told."""
    try:
        text = read_file(path, directory)
    except (OSError, TooLongError):
        return None
    found = None
    for line in text.split("\n"):
        words = line.split(" ", 5)
        if len(words) > 5 and words[4] == "/":
            found = words[2:4]  # a later mount hides an earlier one
    return found
