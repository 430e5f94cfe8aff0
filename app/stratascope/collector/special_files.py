"""Sockets and device nodes that a process sees in mounts of the host's files, and in its /dev.

They are identified by what they are, not by name: a socket may be linked elsewhere, and a node may have any name.
Mounts of file systems that the host has mounted are searched too. Only directories are opened, no link is followed, and
no file system is accessed that may not answer (`paths`). Breadth first and bounded in depth, number and time, as a bind
mount may show all of the host's files: deeper files are not found, and if the search was cut short, the last line says
so.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from errno import EACCES, EPERM
from functools import lru_cache
from typing import FrozenSet, List, Set, Tuple

from stratascope.collector.chroot import Files
from stratascope.collector.names import ENGINE_SOCKETS, SPECIAL
from stratascope.collector.paths import Mount, mount_of, mounts, open_below, open_over, reopen, silent, unescaped
from stratascope.collector.read import UNSUPPORTED, Entry, failed, failure

DEPTH = 4  # /run/user/1000/podman/podman.sock
ITEMS_MAX = 4000
SECONDS = 0.1  # of CPU time; 4000 items take a tenth of that
WAIT = 0.5  # of wall time: the child has a second (privileged_readings.TARGET_LIMIT)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK
# The kernel's own file systems, which hold no sockets or nodes
KERNELS = frozenset(
    ("proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "nsfs", "securityfs", "debugfs", "tracefs", "bpf")
)
# The nodes in every container: null, zero, full, random, urandom; tty, console, ptmx; terminals
_STANDARD = frozenset((1, minor) for minor in (3, 5, 7, 8, 9)) | frozenset((5, minor) for minor in (0, 1, 2))
_SILENT = "its root directory lies on a file system that may not answer (FUSE)"
PLACES = (
    *("/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock"),
    *("/run/dbus/system_bus_socket", "/run/systemd/private"),
)
_OF_USERS = ("docker.sock", "podman/podman.sock", "bus", "systemd/private")
USERS = "/run/user"

_Folder = Tuple[int, str, str]  # descriptor of the starting place, path below it, full path


def read_special(process: Files) -> Entry:
    """SPECIAL: one line each, `KIND MAJOR:MINOR UID GID MODE DEVICE:INODE PATH`, kind s, b or c; `...` if cut short."""
    source = "/proc/%d/root" % process.pid
    try:
        root = process.open()
        try:
            looking = _Looking(root, process.mountinfo)
            if not looking.answers(root):
                return failed(SPECIAL, source, UNSUPPORTED, None, _SILENT)
            lines = looking.all()
        finally:
            os.close(root)
    except OSError as error:
        return failure(SPECIAL, source, error)
    return (SPECIAL, source, "".join(line + "\n" for line in lines))


def read_sockets() -> Entry:
    """ENGINE_SOCKETS: engines', systemd's and D-Bus's at their usual paths, one line each, `DEVICE:INODE PATH`."""
    users: List[str] = []
    with contextlib.suppress(OSError):
        users = sorted(name for name in os.listdir(USERS) if name.isdigit())
    lines = []
    for path in (*PLACES, *("%s/%s/%s" % (USERS, user, name) for user in users for name in _OF_USERS)):
        try:
            about = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISSOCK(about.st_mode):
            lines.append("%s %s\n" % (_file(about), path))
    return (ENGINE_SOCKETS, "lstat(2)", "".join(lines))


@lru_cache(maxsize=1)
def _hosts() -> FrozenSet[str]:
    """The devices of the file systems that the reader itself sees."""
    return frozenset(mount.device for mount in mounts().values() if not mount.may_be_silent)


def prepare() -> None:
    """Refresh what is the same for all children about to be started."""
    _hosts.cache_clear()
    _hosts()


class _Looking:
    """One search of one process's files."""

    def __init__(self, root: int, mountinfo: str) -> None:
        self._root = root
        self._answering: Set[int] = set()  # mounts by id
        self._single: Set[str] = set()  # of these, those whose file systems are not the host's: a mounted node counts
        self._places = ["/dev"]  # targets of mounts of the host's file systems, as the process names them
        hosts = _hosts()
        for line in mountinfo.split("\n"):
            head, _, tail = line.partition(" - ")
            words = head.split(" ", 5)
            if len(words) < 6 or not words[0].isdigit():
                continue
            mount = Mount(int(words[0]), words[2], tail.partition(" ")[0])
            if mount.may_be_silent:
                continue
            self._answering.add(mount.number)
            place = unescaped(words[4])
            if place == "/" or mount.kind in KERNELS or place in self._places or place.startswith(("/proc/", "/sys/")):
                continue
            self._places.append(place)
            if mount.device not in hosts:
                # crun makes device nodes on a file system that nobody else sees, and mounts each from there
                self._single.add(place)

    def answers(self, descriptor: int) -> bool:
        """Whether it is on a mount that is known and certain to answer."""
        return mount_of(descriptor) in self._answering

    def all(self) -> List[str]:
        """The lines."""
        search = Search()
        try:
            for place in self._places[:ITEMS_MAX]:
                with contextlib.suppress(OSError):
                    search.add(self._mounted(place), place, single=place in self._single)
            return search.all()
        finally:
            search.close()

    def _mounted(self, place: str) -> int:
        """Open a place, over mounts that answer and without links."""
        here = os.dup(self._root)
        for part in place.strip("/").split("/"):
            try:
                deeper = open_over(part, here)
            finally:
                os.close(here)
            here = deeper
            if not self.answers(here):
                os.close(here)
                raise silent(place)
        return here


class Search:
    """Looks through folders, all of them level by level, so that a large one does not use up the budget."""

    def __init__(self) -> None:
        self._level: List[_Folder] = []
        self._open: List[int] = []
        self._left, self._barred = ITEMS_MAX, False
        self._until, self._used = time.monotonic() + WAIT, time.thread_time() + SECONDS
        self._lines: List[str] = []

    def close(self) -> None:
        """Close all that was added."""
        for descriptor in self._open:
            os.close(descriptor)
        self._open = []

    def add(self, descriptor: int, path: str, *, single: bool = False) -> None:
        """A folder to be searched, opened as O_PATH, which is closed in the end; a socket or node is told itself.
        `single`: only a node counts.
        """
        self._left -= 1
        about = os.fstat(descriptor)  # this may be a link, which is not reported
        if stat.S_ISDIR(about.st_mode) and not single and self._left > 0:
            self._open.append(descriptor)
            self._level.append((descriptor, ".", path))
            return
        os.close(descriptor)
        if not single or not stat.S_ISSOCK(about.st_mode):
            self._tell(about, path)

    def all(self) -> List[str]:
        """The lines."""
        level, cut = self._level, False
        for depth in range(DEPTH):
            deeper: List[_Folder] = []
            for folder in level:
                cut = cut or (depth > 0 and self._spent())
                deeper += [] if cut else self._folder(*folder)
            level = deeper
        return [*self._lines, "..."] if cut or self._barred or self._left <= 0 else self._lines

    def _spent(self) -> bool:
        return self._left <= 0 or time.thread_time() > self._used or time.monotonic() > self._until

    def _folder(self, place: int, below: str, path: str) -> List[_Folder]:
        """Report the files in one directory; returns its subdirectories."""
        found: List[_Folder] = []
        try:
            descriptor = open_below(below, place)
            try:
                folder = reopen(descriptor, _FOLDER)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._barred = self._barred or error.errno in (EACCES, EPERM)
            return found  # gone, not permitted, or another mount, which is searched separately
        try:
            device = os.fstat(folder).st_dev
            with os.scandir(folder) as items:
                for item in items:
                    self._left -= 1
                    if self._left <= 0:
                        break
                    self._item(item, device, (place, below, path), found)
        except OSError:
            pass
        finally:
            os.close(folder)
        return found

    def _item(self, item: "os.DirEntry[str]", device: int, folder: _Folder, found: List[_Folder]) -> None:
        place, below, path = folder
        here = path.rstrip("/") + "/" + item.name
        try:
            if item.is_symlink() or item.is_file(follow_symlinks=False):
                return
            if item.is_dir(follow_symlinks=False):
                found.append((place, below + "/" + item.name, here))
                return
            about = item.stat(follow_symlinks=False)
        except OSError:
            return
        if about.st_dev == device:
            self._tell(about, here)

    def _tell(self, about: os.stat_result, path: str) -> None:
        mode = about.st_mode
        kind = "s" if stat.S_ISSOCK(mode) else "b" if stat.S_ISBLK(mode) else "c" if stat.S_ISCHR(mode) else ""
        major, minor = os.major(about.st_rdev), os.minor(about.st_rdev)
        if not kind or (kind == "c" and ((major, minor) in _STANDARD or major == 136)):
            return
        words = (kind, major, minor, about.st_uid, about.st_gid, stat.S_IMODE(mode), _file(about))
        self._lines.append("%s %d:%d %d %d %o %s " % words + path.replace("\n", "?"))


def _file(about: os.stat_result) -> str:
    return "%d:%d:%d" % (os.major(about.st_dev), os.minor(about.st_dev), about.st_ino)
