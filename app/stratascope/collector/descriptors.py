"""What a process holds open that lies outside of its container: descriptors that it inherited or was sent.

A descriptor is a way to what it was opened on, whatever the process's own mounts show: from a directory `..` leads up
to the root of the mount namespace in which it was opened (path_resolution(7)). Each file is on a mount, whose number
/proc/PID/fdinfo tells; numbers are the machine's. One that is not in the process's own mountinfo is outside, except
the kernel's internal ones, of memfds and the like. So is one that was unmounted while something there was open (`umount
-l`), or whose mount namespace is gone: no list has it any more, and its file system's number tells whose it is. Pipes,
sockets and the nodes that every container has are left out; a terminal is told if it is of the reader's own /dev/pts.

Nothing is opened for use and no file system called: descriptors are read as links, and directories found by O_PATH.
"""

from __future__ import annotations

import os
import stat
import struct
from functools import lru_cache
from typing import Callable, Dict, FrozenSet, Optional, Tuple

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
_LAYERED = ("overlay", "aufs")
_EMPTY_PATH, _DONT_SYNC, _INODE = 0x1000, 0x4000, 0x100  # AT_* and STATX_INO, include/uapi/linux/stat.h


class Outside:
    """One request's look: the reader's own mounts are read once."""

    def __init__(self) -> None:
        self._mounts: Optional[Dict[int, Mount]] = None
        self._controlling = -1
        self._layers: FrozenSet[str] = frozenset()

    def read(self, directory: int, pid: int, mountinfo: Optional[str]) -> Entry:
        """DESCRIPTORS: a line each, `NUMBER KIND ACCESS MAJOR:MINOR WHERE PATH`; `...` if there are more.

        NUMBER is `cwd` for the working directory. KIND: d directory, f file, b and c devices, t terminal, T its
        controlling terminal, n namespace, o object of the kernel. ACCESS: r, w, rw, or p (O_PATH). WHERE: `host` if it
        is in the reader's mount namespace, or leads up to the same root directory; else `else`: then a directory's
        MAJOR:MINOR is that of its file system, if the reader has that mounted too, and ACCESS its mount's. `mountinfo`:
        its own.
        """
        source = "/proc/%d/fd" % pid
        mounted = mounts(mountinfo=mountinfo or "")
        own = frozenset(mounted)
        self._layers = frozenset(each.device for each in mounted.values() if each.kind in _LAYERED)
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
            shared = self._shared(place) if hosts is None else ""
            if hosts is None and not _is_directory(place):
                if not shared:
                    return ""  # a memfd, shared memory, or a file of a mount that nobody can name
                kind, device = _kind(os.fstat(place))
                path = _without_mark(target)
                return "%s %s %s %s else %s\n" % (name, kind, access, device, path) if kind else ""
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
            if where == "else" and shared:
                device = shared
                access = "r" if os.fstatvfs(place).f_flag & os.ST_RDONLY else "rw"
        finally:
            os.close(place)
        return "%s %s %s %s %s %s\n" % (name, kind, access, device, where, _without_mark(target))

    def _shared(self, place: int) -> str:
        """The number of its file system, if the reader has the same mounted: `MAJOR:MINOR`; not the image's layers."""
        device = _identity(place)[0]
        found = any(each.device == device and not each.may_be_silent for each in self._known().values())
        return device if found and device not in self._layers else ""

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
            root = os.stat("/")
            return _identity(here) == ("%d:%d" % (os.major(root.st_dev), os.minor(root.st_dev)), root.st_ino)
        except OSError:
            return True
        finally:
            os.close(here)


def _without_mark(target: str) -> str:
    path = target[: -len(_DELETED)] if target.endswith(_DELETED) else target
    return path.replace("\n", "?")


def _identity(place: int) -> Tuple[str, int]:
    """Its file system's number and its inode. Raises OSError. A file system that might not answer is not asked."""
    call = _statx()
    if call is None:
        about = os.fstat(place)
        return "%d:%d" % (os.major(about.st_dev), os.minor(about.st_dev)), about.st_ino
    found = call(place)
    return "%d:%d" % struct.unpack_from("=II", found, 136), struct.unpack_from("=Q", found, 32)[0]


@lru_cache(maxsize=1)
def _statx() -> Optional[Callable[[int], bytes]]:
    """statx(2) of a descriptor, of what the kernel holds already; None if the C library does not have it."""
    try:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).statx
    except (ImportError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p)

    def found(place: int) -> bytes:
        into = ctypes.create_string_buffer(256)
        if call(place, b"", _EMPTY_PATH | _DONT_SYNC, _INODE, into) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return into.raw

    return found


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
