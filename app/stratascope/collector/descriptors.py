"""What a process holds open that lies outside of its container: descriptors that it inherited or was sent.

A descriptor is a way to what it was opened on, whatever the process's own mounts show: from a directory `..` leads up
to the root of the mount namespace in which it was opened (path_resolution(7)). Each file is on a mount, whose number
/proc/PID/fdinfo tells; numbers are the machine's. One that is not in the process's own mountinfo is outside, except
the kernel's internal ones, of memfds and the like. Pipes, sockets and the nodes that every container has are left out;
a terminal is told if it is of the reader's own /dev/pts.

Nothing is opened for use and no file system called: descriptors are read as links, and directories found by O_PATH.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Dict, FrozenSet, Optional, Tuple

from stratascope.collector.names import DESCRIPTORS
from stratascope.collector.paths import Mount, mount_of, mounts
from stratascope.collector.read import Entry, TooLongError, failure, read_file

DESCRIPTORS_MAX = 1024  # of one process; inherited ones come first
CUT = "...\n"
_PLACE = os.O_PATH | os.O_CLOEXEC
_UP_MAX = 64
# The nodes in every container, by number: null, zero, full, random, urandom; tty, console, ptmx
_STANDARD = frozenset((1, minor) for minor in (3, 5, 7, 8, 9)) | frozenset((5, minor) for minor in (0, 1, 2))
_TERMINALS = 136
_OBJECTS = ("anon_inode:bpf", "anon_inode:[perf_event]")
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
_DELETED = " (deleted)"
_NUMBER = re.compile(r"^([0-9]+) ", re.MULTILINE).findall


class Outside:
    """One request's look: the reader's own mounts are read once."""

    def __init__(self) -> None:
        self._mounts: Optional[Dict[int, Mount]] = None
        self._controlling = -1

    def read(self, directory: int, pid: int, mountinfo: Optional[str]) -> Entry:
        """DESCRIPTORS: a line each, `NUMBER KIND ACCESS MAJOR:MINOR WHERE PATH`; `...` if there are more.

        NUMBER is `cwd` for the working directory. KIND: d directory, f file, b and c devices, t terminal, T its
        controlling terminal, n namespace, o object of the kernel. ACCESS: r, w, rw, or p (O_PATH). WHERE: `host` if it
        is in the reader's mount namespace, or leads up to the same root directory; else `else`. `mountinfo`: its own.
        """
        source = "/proc/%d/fd" % pid
        own = _numbers(mountinfo or "")
        self._controlling = _controlling_terminal(directory)
        try:
            folder = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
            try:
                names = sorted((name for name in os.listdir(folder) if name.isdigit()), key=int)
            finally:
                os.close(folder)
            lines = [self._line(directory, name, "fd/" + name, own) for name in names[:DESCRIPTORS_MAX]]
            lines.append(self._line(directory, "cwd", "cwd", own))
        except OSError as error:
            return failure(DESCRIPTORS, source, error)
        more = CUT if len(names) > DESCRIPTORS_MAX else ""
        return (DESCRIPTORS, source, "".join(line for line in lines if line) + more)

    def _line(self, directory: int, name: str, link: str, own: FrozenSet[int]) -> str:
        """Its line; empty if it is the container's own, or harmless."""
        try:
            target = os.readlink(link, dir_fd=directory)
            if target.startswith(_OBJECTS):
                return "%s o rw 0:0 host %s\n" % (name, target)
            kind, found, _ = target.partition(":[")
            if found and kind in _NAMESPACES:
                foreign = target != os.readlink("ns/" + kind, dir_fd=directory)
                return "%s n r 0:0 host %s\n" % (name, target) if foreign else ""
            if not target.startswith("/"):
                return ""
            access, number = self._about(directory, name, link)
            if number is None or number in own:
                return ""
            return self._place(directory, name, link, (target, access, number))
        except (OSError, TooLongError):
            return ""  # closed in the meantime

    def _about(self, directory: int, name: str, link: str) -> Tuple[str, Optional[int]]:
        """How it was opened, and the number of its mount."""
        if name == "cwd":
            place = os.open(link, _PLACE, dir_fd=directory)
            try:
                return "p", mount_of(place)
            finally:
                os.close(place)
        text = read_file("fdinfo/" + name, directory)
        fields = dict(line.split(":", 1) for line in text.split("\n") if ":" in line)
        flags = int(fields.get("flags", "0"), 8)
        mount = fields.get("mnt_id", "").strip()
        way = ("r", "w", "rw", "rw")[flags & os.O_ACCMODE]
        return "p" if flags & os.O_PATH else way, int(mount) if mount.isdigit() else None

    def _place(self, directory: int, name: str, link: str, what: Tuple[str, str, int]) -> str:
        target, access, number = what
        place = os.open(link, _PLACE, dir_fd=directory)
        try:
            hosts = self._known().get(number)
            if hosts is None and not _is_directory(place):
                return ""  # a memfd, shared memory, or a file of a mount that nobody can name
            if hosts is not None and hosts.may_be_silent:
                about, kind, device = None, ("d" if _is_directory(place) else "f"), "0:0"
            else:
                about = os.fstat(place) if hosts is not None else None
                kind, device = _kind(about)
            if kind == "t" and about is not None and about.st_rdev == self._controlling:
                kind = "T"
            if not kind:
                return ""
            where = "host" if hosts is not None or self._leads_to_root(place) else "else"
        finally:
            os.close(place)
        path = target[: -len(_DELETED)] if target.endswith(_DELETED) else target
        return "%s %s %s %s %s %s\n" % (name, kind, access, device, where, path.replace("\n", "?"))

    def _known(self) -> Dict[int, Mount]:
        if self._mounts is None:
            self._mounts = mounts()
        return self._mounts

    def _leads_to_root(self, place: int) -> bool:
        """Whether `..` leads to the directory that is the reader's root: of a mount namespace that shows the host.

        Where that can't be found out, the worst is taken.
        """
        here = os.dup(place)
        try:
            for _ in range(_UP_MAX):
                above = os.open("..", _PLACE | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = above
            top, root = os.fstat(here), os.stat("/")
            return (top.st_dev, top.st_ino) == (root.st_dev, root.st_ino)
        except OSError:
            return True
        finally:
            os.close(here)


def _is_directory(place: int) -> bool:
    try:
        os.close(os.open("/proc/self/fd/%d" % place, _PLACE | os.O_DIRECTORY))
    except OSError:
        return False
    return True


def _kind(about: Optional[os.stat_result]) -> Tuple[str, str]:
    """Its kind and, of a device, its number; an empty kind if it is harmless. None: a directory."""
    if about is None or stat.S_ISDIR(about.st_mode):
        return "d", "0:0"
    major, minor = os.major(about.st_rdev), os.minor(about.st_rdev)
    if stat.S_ISBLK(about.st_mode):
        return "b", "%d:%d" % (major, minor)
    if stat.S_ISCHR(about.st_mode):
        if (major, minor) in _STANDARD:
            return "", ""
        return ("t" if major == _TERMINALS else "c"), "%d:%d" % (major, minor)
    return ("f", "0:0") if stat.S_ISREG(about.st_mode) else ("", "")


def _controlling_terminal(directory: int) -> int:
    """Its device number; 0 for none, -1 if not readable. Field 7 of proc_pid_stat(5), in the kernel's form."""
    try:
        number = int(read_file("stat", directory).rpartition(")")[2].split()[4])
    except (OSError, TooLongError, ValueError, IndexError):
        return -1
    return os.makedev(number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00) if number > 0 else 0


def _numbers(mountinfo: str) -> FrozenSet[int]:
    return frozenset(map(int, _NUMBER(mountinfo)))
