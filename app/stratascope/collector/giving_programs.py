"""Programs in a process's root directory that give rights to whoever starts them: set-uid, or with file capabilities.

Every file is looked at, as an image may have such a program anywhere: through /proc/PID/root, which requires
permission to trace the process. The files are untrusted: no link is followed, no FUSE is entered, only regular files
that have such a mark are opened, and number, bytes and time are bounded, so that an answer may say that the search was
cut short. Breadth first, since the usual places are not deep. Mounts on which the marks have no effect (nosuid, noexec)
are skipped; mnt_may_suid, fs/namespace.c.

Of contents, only this is reported: which known program a file is, and whom its own rules let in without a password.

Text, a line each: `p UID GID MODE PERMITTED INHERITABLE EFFECTIVE ROOT KNOWN FOLDERS PATH`, ids as the reader sees
them, MODE in octal, file capabilities in hexadecimal (capabilities(7), EFFECTIVE 0 or 1, ROOT the id of the user
namespace's root that they hold for), KNOWN a name, or `-`, or `?` if it could not be read; FOLDERS `UID:GID:MODE` of
each folder on the way that is not open to everyone, with commas, or `-`. Lines `r` and `w` as in `own_rules`. `...` if
the search was cut short. A first line `inside`: the ids are not the reader's, but those inside.
"""

from __future__ import annotations

import os
import stat
import struct
import time
from errno import EACCES, EPERM, EXDEV
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from stratascope.collector.chroot import Files
from stratascope.collector.known_programs import recognised
from stratascope.collector.names import GIVING_PROGRAMS
from stratascope.collector.own_rules import FilesBelow, own_rules
from stratascope.collector.paths import (
    Mount,
    Sight,
    mount_of,
    open_below,
    open_here,
    open_over,
    reopen,
    silent,
    unescaped,
)
from stratascope.collector.read import UNSUPPORTED, Entry, failed, failure, read_file

FILES_MAX = 400_000
FOLDERS_MAX = 60_000
FOUND_MAX = 256
BYTES_MAX = 48 << 20  # of all contents
FILE_MAX = 12 << 20
SECONDS = 0.8  # of CPU time
WAIT = 3.0  # of wall time; the child has a little more (privileged_readings)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK
_FILE = os.O_RDONLY | os.O_NONBLOCK
_CAPABILITY = "security.capability"
_MAPS = ("/proc/self/uid_map", "/proc/self/gid_map")
_SILENT = "its root directory lies on a file system that may not answer (FUSE)"
_MAGIC = b"\x7fELF"
_NO_CAPABILITIES = (0, 0, 0, 0)
# The kernel's own file systems, which hold no programs
KERNELS = frozenset(
    ("proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "nsfs", "securityfs", "debugfs", "tracefs", "bpf")
)


class _Place(NamedTuple):
    """A mount, as the process names it."""

    mount: Mount
    target: str
    options: str


class _Folder(NamedTuple):
    below: str  # path below its mount
    path: str  # whole path
    closed: str  # folders on the way that are not open to everyone


def read_programs(process: Files, joined: bool = False) -> Entry:
    """GIVING_PROGRAMS of this process. Only call it in a child: it may still block, on an overlay over a FUSE.

    `joined`: that child is in a user namespace below the reader's, and sees the ids of that one.
    """
    source = "/proc/%d/root" % process.pid
    try:
        root = process.open()
        try:
            looking = _Looking(root, process)
            if not looking.answers:
                return failed(GIVING_PROGRAMS, source, UNSUPPORTED, None, _SILENT)
            lines = outside(looking.all(), *map(read_file, _MAPS)) if joined else looking.all()
        finally:
            os.close(root)
    except OSError as error:
        return failure(GIVING_PROGRAMS, source, error)
    return (GIVING_PROGRAMS, source, "".join(line + "\n" for line in lines))


def outside(lines: Sequence[str], uids: str, gids: str) -> List[str]:
    """These lines in the ids of the namespace above, by the maps of the one in which they were read (uid_map).

    An id that is not mapped reads as 65534 there, and as that of nobody here.
    """
    maps = [[tuple(map(int, line.split())) for line in text.split("\n") if line] for text in (uids, gids)]

    def of(text: str, which: int) -> str:
        number = int(text)
        return next((str(number - part[0] + part[1]) for part in maps[which] if 0 <= number - part[0] < part[2]), text)

    def access(text: str) -> str:
        uid, gid, mode = text.split(":")
        return "%s:%s:%s" % (of(uid, 0), of(gid, 1), mode)

    found = []
    for line in lines:
        words = line.split(" ", 10)
        if words[0] == "p":
            words[1:3] = of(words[1], 0), of(words[2], 1)
            words[7] = words[7] if words[7] == "0" else of(words[7], 0)  # none, where they hold for its own root
            words[9] = words[9] if words[9] == "-" else ",".join(map(access, words[9].split(",")))
        elif words[0] == "w":
            words[2:4] = of(words[2], 0), of(words[3], 1)
        found.append(" ".join(words))
    return found


class _Looking:
    """One search of one process's files."""

    def __init__(self, root: int, process: Files) -> None:
        self._root, self._process = root, process
        self._search = Search()
        self._places: List[_Place] = []
        self._mounts: Dict[int, Mount] = {}
        own = mount_of(root)
        for line in process.mountinfo.split("\n"):
            head, _, tail = line.partition(" - ")
            words = head.split(" ", 6)
            if len(words) < 6 or not words[0].isdigit():
                continue
            mount = Mount(int(words[0]), words[2], tail.partition(" ")[0])
            self._mounts[mount.number] = mount
            target = unescaped(words[4])
            if target != "/":
                self._search.elsewhere.add(target)
            place = _Place(mount, target, words[5])
            if mount.number == own or (target != "/" and mount.kind not in KERNELS):
                self._places.append(place)
        self._places.sort(key=lambda place: place.mount.number != own)
        if own not in self._mounts:  # a root directory that is no mount: nothing says which options it has
            self._places.insert(0, _Place(Mount(-1 if own is None else own, "", ""), "/", ""))

    @property
    def answers(self) -> bool:
        """Whether the root directory lies on a file system that is certain to answer."""
        return not self._places or not self._places[0].mount.may_be_silent

    def all(self) -> List[str]:
        """The lines."""
        search = self._search
        for place in self._places:
            if without_effect(place.options):
                continue
            if place.mount.may_be_silent:
                search.cut = True
                continue
            try:
                descriptor, closed = self._start(place)
            except OSError:
                continue  # hidden by another mount, or gone
            try:
                search.below(descriptor, place.target, closed)
            finally:
                os.close(descriptor)
            if search.cut and search.spent():
                break
        if search.known:
            process = self._process
            sight = Sight("/proc/self/fd/%d" % self._root, str(process.pid), process.mountinfo)
            search.lines += own_rules(FilesBelow(sight), search.known)
        return [*search.lines, "..."] if search.cut else search.lines

    def _start(self, place: _Place) -> Tuple[int, str]:
        """Open a mount's own directory or file as O_PATH, over mounts that answer and without links."""
        here, closed = os.dup(self._root), ""
        for part in place.target.strip("/").split("/") if place.target != "/" else ():
            try:
                closed = with_closed(closed, os.fstat(here), here)
                deeper = open_over(part, here)
            finally:
                os.close(here)
            here = deeper
            mount = self._mounts.get(mount_of(here) or -1)
            if mount is not None and mount.may_be_silent:
                os.close(here)
                raise silent(place.target)
        if place.target != "/" and mount_of(here) != place.mount.number:
            os.close(here)
            raise OSError(EXDEV, "another mount lies over it")
        return here, closed


class Search:
    """Looks through folders. `elsewhere`: paths where something else lies, which are left out; `lines`, `known`: what
    was found, and which known programs are among it; `cut`: whether not all was looked at.
    """

    def __init__(self) -> None:
        self.lines: List[str] = []
        self.known: Set[str] = set()
        self.elsewhere: Set[str] = set()
        self.cut = False
        self._files, self._folders, self._bytes = FILES_MAX, FOLDERS_MAX, BYTES_MAX
        self._until, self._used = time.monotonic() + WAIT, time.thread_time() + SECONDS

    def spent(self) -> bool:
        """Whether a limit was reached."""
        return (
            self._files <= 0
            or self._folders <= 0
            or len(self.lines) >= FOUND_MAX
            or time.thread_time() > self._used
            or time.monotonic() > self._until
        )

    def below(self, descriptor: int, path: str, closed: str) -> None:
        """Search this folder (or look at this file), without what is mounted in it. `closed`: as `with_closed`."""
        about = os.fstat(descriptor)
        if stat.S_ISREG(about.st_mode):
            if about.st_mode & 0o111:
                self._file(about, descriptor, path, closed)
            return
        if not stat.S_ISDIR(about.st_mode):
            return
        level = [_Folder("", "" if path == "/" else path, closed)]
        while level:
            deeper: List[_Folder] = []
            for folder in level:
                self._folders -= 1
                if self.spent():
                    self.cut = True
                    return
                self._folder(descriptor, folder, deeper)
            level = deeper

    def _folder(self, place: int, folder: _Folder, deeper: List[_Folder]) -> None:
        """Report what is in one directory, and collect its subdirectories."""
        try:
            descriptor = open_below(folder.below, place)
            try:
                closed = with_closed(folder.closed, os.fstat(descriptor), descriptor)
                here = reopen(descriptor, _FOLDER)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.cut = self.cut or error.errno in (EACCES, EPERM)
            return
        targets, start = self.elsewhere, folder.path + "/"
        prefix = folder.below + "/" if folder.below else ""
        try:
            with os.scandir(here) as items:
                for item in items:
                    self._files -= 1
                    path = start + item.name
                    if path in targets:  # another mount, which is searched separately
                        continue
                    if item.is_dir(follow_symlinks=False):
                        deeper.append(_Folder(prefix + item.name, path, closed))
                    elif item.is_file(follow_symlinks=False):
                        mode = item.stat(follow_symlinks=False).st_mode
                        if mode & 0o111 and (mode & 0o6000 or _has_capabilities(here, item.name)):
                            self._named(item.name, here, path, closed)
        except OSError:
            pass
        finally:
            os.close(here)

    def _named(self, name: str, folder: int, path: str, closed: str) -> None:
        try:
            descriptor = open_here(name, folder)
        except OSError:
            return
        try:
            about = os.fstat(descriptor)
            if stat.S_ISREG(about.st_mode):
                self._file(about, descriptor, path, closed)
        finally:
            os.close(descriptor)

    def _file(self, about: os.stat_result, descriptor: int, path: str, closed: str) -> None:
        given = _capabilities(descriptor)
        if given == _NO_CAPABILITIES and not about.st_mode & 0o6000:
            return
        if len(self.lines) >= FOUND_MAX:
            self.cut = True
            return
        known = self._which(about, descriptor, path)
        if known is None:
            return
        if known not in ("-", "?"):
            self.known.add(known)
        permitted, inheritable, effective, root = given
        mode = about.st_mode & 0o7777 | _by_list(descriptor)
        words = (about.st_uid, about.st_gid, mode, permitted, inheritable, effective, root, known)
        self.lines.append("p %d %d %o %x %x %d %d %s " % words + "%s %s" % (closed or "-", path.replace("\n", "?")))

    def _which(self, about: os.stat_result, descriptor: int, path: str) -> Optional[str]:
        """The known program that it is; None for a script, on which these marks have no effect."""
        self._bytes -= about.st_size
        try:
            file = reopen(descriptor, _FILE)
            try:
                data = os.read(file, 1 << 16)
                if not data.startswith(_MAGIC):
                    return None
                if about.st_size > FILE_MAX or self._bytes < 0:
                    return "-"
                more = data
                while more and len(data) <= FILE_MAX:
                    more = os.read(file, 1 << 20)
                    data += more
            finally:
                os.close(file)
        except OSError:
            return "?"
        return recognised(path, data) or "-"


def _by_list(descriptor: int) -> int:
    """Open to everyone, as far as we say, if an access control list may let somebody in; acl(5)."""
    try:
        os.getxattr("/proc/self/fd/%d" % descriptor, "system.posix_acl_access")
    except OSError:
        return 0
    return 0o001


def without_effect(options: str) -> bool:
    """Whether the marks have no effect on a mount with these options."""
    return not {"nosuid", "noexec"}.isdisjoint(options.split(","))


def with_closed(closed: str, about: os.stat_result, descriptor: int) -> str:
    """FOLDERS with this folder, if not everyone may pass through it."""
    if about.st_mode & 0o001 or _by_list(descriptor):
        return closed
    own = "%d:%d:%o" % (about.st_uid, about.st_gid, about.st_mode & 0o777)
    return closed + "," + own if closed else own


def _has_capabilities(folder: int, name: str) -> bool:
    try:
        return bool(os.getxattr("/proc/self/fd/%d/%s" % (folder, name), _CAPABILITY, follow_symlinks=False))
    except OSError:
        return False


def _capabilities(descriptor: int) -> Tuple[int, int, int, int]:
    """Permitted, inheritable, whether effective, and the id of the root that they hold for; struct vfs_ns_cap_data,
    include/uapi/linux/capability.h.
    """
    try:
        data = os.getxattr("/proc/self/fd/%d" % descriptor, _CAPABILITY)
    except OSError:
        return _NO_CAPABILITIES
    if len(data) < 12:
        return _NO_CAPABILITIES
    magic, permitted, inheritable = struct.unpack("<3I", data[:12])
    if len(data) >= 20:
        more = struct.unpack("<2I", data[12:20])
        permitted, inheritable = permitted | more[0] << 32, inheritable | more[1] << 32
    root = struct.unpack("<I", data[20:24])[0] if len(data) >= 24 else 0
    return permitted, inheritable, magic & 1, root
