"""Who may write to the host's files that a container has bound in: owners and modes, the way there included.

For every reader: a mount is opened by its path on the host, as the host's list of mounts tells it, else below the
process's root directory, which takes the right to trace it. Only directories are opened, no link is followed, no other
mount is entered, and only file systems on local disks and in memory are looked at: a program or a server might not
answer. Breadth first and bounded in depth, number and time; what was not looked at is told as such. No names are
reported, only owners, modes and ACLs; equal ones once.

Each line is `ID = TARGET`, or `ID CLASS KIND WAY ITEM`. CLASS: `r` where the host's root runs what lies there, `u` one
of its users, `b` both, else `-` (`host_places`). KIND: `d` a folder, `f` a file, `p` a folder in which such a place
could be replaced, `?` a folder of which not all is known, `k` a setting of the kernel. ITEM is UID:GID:MODE, with
`:ACL` after it if there is one (acl(5), `u1000=6/g50=4/m=6`); WAY is the same of the folders that lead there from the
mount, with commas between, or `-`. Ids are the reader's.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import time
from contextlib import suppress
from errno import ENOENT, EXDEV
from fnmatch import fnmatchcase
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Set, Tuple

from stratascope.collector.chroot import Files
from stratascope.collector.host_places import SYSTEM, THEMSELVES, USERS
from stratascope.collector.names import BOUND, ROOT
from stratascope.collector.paths import Sight, mount_of, open_here, reopen, unescaped
from stratascope.collector.read import UNSUPPORTED, Entry, TooLongError, failed, failure, read_file

DEPTH = 16
ITEMS_MAX = 3000
LINES_MAX = 200  # per mount
MOUNTS_MAX = 64
SECONDS = 0.2  # of CPU time, per process: what ITEMS_MAX take on a slow machine, so that these decide, always alike
KEPT = 30.0  # seconds for which an answer serves the containers that have the same bound in
_KEPT_MAX = 256
_NAMES_MAX = 256
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK
_ACL = "system.posix_acl_access"
_LOCAL = frozenset(
    (
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "f2fs", "jfs", "reiserfs", "zfs", "vfat", "exfat"),
        *("ntfs3", "tmpfs", "ramfs", "devtmpfs"),
    )
)
# What the engine makes for a container, shows namespaces, or is the kernel's own
_NOT_FILES = frozenset(
    (
        "proc",
        "sysfs",
        "cgroup",
        "cgroup2",
        "mqueue",
        "devpts",
        "nsfs",
        "ramfs",
        "securityfs",
        "debugfs",
        "tracefs",
        "bpf",
    )
)
_UNION = frozenset(("overlay", "fuse.fuse-overlayfs"))
_KEPT_FILES = frozenset(("/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/run/.containerenv", "/run/secrets"))
_KEPT_ROOT = re.compile("/[0-9a-f]{64}/").search
_PLAIN = "-"

_Parts = Tuple[str, ...]


def _parts(path: str) -> _Parts:
    return tuple(part for part in path.split("/") if part)


_SYSTEM = tuple(_parts(place) for place in SYSTEM)
_USERS = tuple(_parts(place) for place in USERS)
_ALONE = tuple(_parts(place) for place in THEMSELVES)


class _Bound(NamedTuple):
    """A mount of the process that may show files of the host, and is not read-only."""

    number: int
    device: str
    kind: str
    root: str
    target: str


class _Own(NamedTuple):
    """A mount of the reader's."""

    number: int
    device: str
    root: str
    target: str


def bound_mounts(mountinfo: str, devices: FrozenSet[str]) -> List[_Bound]:
    """The mounts that are worth a look; most containers have none. `devices`: of the file systems of the host."""
    found = []
    for line in mountinfo.split("\n"):
        head, _, tail = line.partition(" - ")
        words, last = head.split(" "), tail.split(" ")
        if len(words) < 6 or not words[0].isdigit() or words[5].startswith("ro"):
            continue
        root, target, kind = words[3], words[4], last[0]
        if len(last) > 2 and last[2].startswith("ro"):
            continue
        if kind == "proc":
            setting = root in ("/", "/sys") or root.startswith("/sys/kernel")
            if not setting or target == "/proc" or target.startswith("/proc/"):
                continue
        elif kind in _NOT_FILES or target in ("/dev", "/sys") or target.startswith(("/proc/", "/sys/", "/dev/")):
            continue
        elif target in _KEPT_FILES and _KEPT_ROOT(root):
            continue  # made for the container by its engine
        elif root == "/" and (kind in _UNION or kind == "tmpfs") and (target == "/" or words[2] not in devices):
            continue  # its image, or a file system in memory of its own
        found.append(_Bound(int(words[0]), words[2], kind, unescaped(root), unescaped(target)))
    return found


def read_root(process: Files) -> Entry:
    """ROOT: owner and mode of the process's root directory, for readers that may trace it."""
    source = "/proc/%d/root" % process.pid
    try:
        root = process.open()
        try:
            if Sight(process=str(process.pid), mountinfo=process.mountinfo).mount(root) is None:
                return failed(ROOT, source, UNSUPPORTED, None, "on a file system that may not answer (FUSE)")
            return (ROOT, source, permissions_of(os.fstat(root), root) + "\n")
        finally:
            os.close(root)
    except OSError as error:
        return failure(ROOT, source, error)


class BoundFiles:
    """Reads them for many processes, and keeps for a moment what several have in common. `process`: whose mounts are
    the host's.
    """

    def __init__(self, process: str = "self") -> None:
        self._process = process
        self._kept: Dict[Tuple[str, str], Tuple[float, Tuple[str, ...]]] = {}
        self._own: List[_Own] = []

    def begin(self) -> None:
        """For the processes of a new request: the reader's own mounts are read anew, once."""
        self._own = []

    def read(self, process: Files) -> Entry:
        """BOUND of one process; a mount that could not be looked at has a line that says so."""
        source = "/proc/%d/mountinfo" % process.pid
        try:
            own = self._own = self._own or own_mounts(self._process)
            found = bound_mounts(process.mountinfo, frozenset(mount.device for mount in own))
            if len(found) > MOUNTS_MAX:
                return failed(BOUND, source, UNSUPPORTED, None, "too many mounts of the host's files")
            lines: List[str] = []
            until = time.thread_time() + SECONDS
            for mount in found:
                lines.append("%d = %s" % (mount.number, mount.target.replace("\n", "?")))
                lines += ["%d %s" % (mount.number, line) for line in self._mount(mount, own, process, until)]
            return (BOUND, source, "".join(line + "\n" for line in lines))
        except OSError as error:
            return failure(BOUND, source, error)
        except TooLongError:
            return failed(BOUND, source, UNSUPPORTED, None, "the machine's list of mounts is too long")

    def _mount(self, mount: _Bound, own: Sequence[_Own], process: Files, until: float) -> Tuple[str, ...]:
        if mount.kind == "proc":
            return ("r k - 0:0:644",)
        now = time.monotonic()
        key = mount.device, mount.root
        known = self._kept.get(key)
        if known is not None and now - known[0] < KEPT:
            return known[1]
        lines = _looked_at(mount, own, process, self._process, until)
        if len(self._kept) >= _KEPT_MAX:
            self._kept.clear()
        if time.thread_time() <= until:  # what other mounts of this process took must not cut the answer for others
            self._kept[key] = now, lines
        return lines


def _looked_at(mount: _Bound, own: Sequence[_Own], whose: Files, process: str, until: float) -> Tuple[str, ...]:
    unread = ("b ? - 0:0:777",)
    if mount.kind not in _LOCAL or mount.root.endswith("//deleted"):
        return unread
    places = places_on_host(mount.device, mount.root, own)
    top = _opened(mount, places, whose, process)
    if top is None:
        return unread
    try:
        return tuple(sorted(Looking(top, [place for place, _ in places] or [mount.root], until).all()))
    except OSError:
        return unread
    finally:
        os.close(top)


def own_mounts(process: str = "self") -> List[_Own]:
    """The mounts of a process that has the host's. Raises OSError, TooLongError."""
    found = []
    for line in read_file("/proc/%s/mountinfo" % process).split("\n"):
        words = line.split(" ", 5)
        if len(words) > 5 and words[0].isdigit():
            found.append(_Own(int(words[0]), words[2], unescaped(words[3]), unescaped(words[4])))
    return found


def places_on_host(device: str, root: str, own: Sequence[_Own]) -> List[Tuple[str, int]]:
    """The paths at which the reader has these files, and the mount that shows them there."""
    found = []
    for each in own:
        top = each.root.rstrip("/")
        if each.device == device and (root == each.root or root.startswith(top + "/")):
            found.append(((each.target.rstrip("/") + root[len(top) :]).rstrip("/") or "/", each.number))
    return found


def opened_on_host(places: Sequence[Tuple[str, int]], process: str = "self") -> Optional[int]:
    """These very files as O_PATH, as that process has them; None if no path leads to them. Raises FileNotFoundError if
    there are none.
    """
    missing, root = False, "/" if process == "self" else "/proc/%s/root" % process
    for place, number in places:
        try:
            descriptor = Sight(root, process).answering(place)
        except FileNotFoundError:
            missing = True
            continue
        except OSError:
            continue
        if mount_of(descriptor) == number:
            return descriptor
        os.close(descriptor)
    if missing:
        raise FileNotFoundError(places[0][0])
    return None


def _opened(mount: _Bound, places: Sequence[Tuple[str, int]], whose: Files, process: str) -> Optional[int]:
    """The mount's top as O_PATH, if some path leads to these very files."""
    with suppress(FileNotFoundError):
        found = opened_on_host(places, process)
        if found is not None:
            return found
    try:
        root = whose.open()
        try:
            sight = Sight("/proc/self/fd/%d" % root, str(whose.pid), whose.mountinfo)
            descriptor = sight.answering(mount.target)
        finally:
            os.close(root)
    except OSError:
        return None
    if mount_of(descriptor) == mount.number:
        return descriptor
    os.close(descriptor)
    return None


class Looking:
    """One search below one mount's top. `until`: the thread's CPU time at which it ends."""

    def __init__(self, top: int, places: Sequence[str], until: float) -> None:
        self._top = top
        self._places = [_parts(place) for place in places]
        self._lines: Set[str] = set()
        self._left = ITEMS_MAX
        self._until = until

    def all(self) -> Set[str]:
        """The lines: of the top, of what is run of the host below it, and of everything else until the limits."""
        about = os.fstat(self._top)
        mark = _mark(self._places)
        self._tell("r" if any(own in _ALONE for own in self._places) else mark, _PLAIN, about, self._top)
        if not stat.S_ISDIR(about.st_mode):
            return self._lines
        way: Tuple[str, ...] = (permissions_of(about, self._top),)
        wanted: Dict[Tuple[_Parts, str], None] = {}
        for own in self._places:
            for place, runs in _below(own):
                wanted[place, runs] = None
        self._run(self._top, list(wanted), way, about)
        level = [(self._top, way)]
        opened: List[int] = []
        try:
            for depth in range(DEPTH):
                deeper: List[Tuple[int, Tuple[str, ...]]] = []
                for folder, ways in level:
                    self._folder(folder, ways, mark, deeper, last=depth == DEPTH - 1)
                opened += [descriptor for descriptor, _ in deeper]
                level = deeper
        finally:
            for descriptor in opened:
                os.close(descriptor)
        return self._lines

    def _spent(self) -> bool:
        return self._left <= 0 or time.thread_time() > self._until or len(self._lines) >= LINES_MAX

    def _tell(self, mark: str, way: str, about: os.stat_result, item: int) -> None:
        if stat.S_ISDIR(about.st_mode) or stat.S_ISREG(about.st_mode):
            kind = "d" if stat.S_ISDIR(about.st_mode) else "f"
            self._lines.add("%s %s %s %s" % (mark, kind, way, permissions_of(about, item)))

    def _unknown(self, mark: str, ways: Tuple[str, ...]) -> None:
        self._lines.add("%s ? %s %s" % (mark, ",".join(ways[:-1]) or _PLAIN, ways[-1]))

    def _folder(
        self, folder: int, ways: Tuple[str, ...], mark: str, deeper: List[Tuple[int, Tuple[str, ...]]], *, last: bool
    ) -> None:
        """Tell of the items of one folder; its folders are for the next level."""
        if self._spent():
            self._unknown(mark, ways)
            return
        try:
            here = reopen(folder, _FOLDER)
        except OSError:
            self._unknown(mark, ways)
            return
        way = ",".join(ways)
        try:
            for name in os.listdir(here):
                self._left -= 1
                if self._spent():
                    self._unknown(mark, ways)
                    return
                try:
                    item = open_here(name, folder)
                except OSError as error:
                    if error.errno not in (ENOENT, EXDEV):  # else gone, or a mount of its own
                        self._unknown(mark, ways)
                    continue
                keep = False
                try:
                    about = os.fstat(item)
                    self._tell(mark, way, about, item)
                    if stat.S_ISDIR(about.st_mode):
                        perm = permissions_of(about, item)
                        longer = ways if perm in ways else (*ways, perm)
                        if last:
                            self._unknown(mark, (*longer[:-1], perm) if longer is ways else longer)
                        else:
                            keep = True
                            deeper.append((item, longer))
                finally:
                    if not keep:
                        os.close(item)
        except OSError:
            self._unknown(mark, ways)
        finally:
            os.close(here)

    def _run(self, folder: int, wanted: List[Tuple[_Parts, str]], ways: Tuple[str, ...], about: os.stat_result) -> None:
        """Tell of the places below that folder: also the folders in which each could be replaced (`p`), and of one that
        is missing, the folder in which it would be made.
        """
        way = ",".join(ways)
        for runs in sorted({runs for _, runs in wanted}):
            self._lines.add("%s p %s %s" % (runs, way, permissions_of(about, folder)))
        steps: Dict[str, List[Tuple[_Parts, str]]] = {}
        for place, runs in wanted:
            steps.setdefault(place[0], []).append((place[1:], runs))
        for step, rest in steps.items():
            names = self._names(folder, step, ways, [runs for _, runs in rest]) if "*" in step else [step]
            for name in names:
                try:
                    item = open_here(name, folder)
                except FileNotFoundError:
                    for _, runs in rest:
                        self._tell(runs, way, about, folder)
                    continue
                except OSError as error:
                    if error.errno != EXDEV:  # else a mount of its own, which is looked at by itself
                        for _, runs in rest:
                            self._unknown(runs, ways)
                    continue
                try:
                    found = os.fstat(item)
                    if not stat.S_ISDIR(found.st_mode):
                        for _, runs in rest:
                            self._tell(runs, way, found, item)
                        continue
                    perm = permissions_of(found, item)
                    here = [(place, runs) for place, runs in rest if place]
                    for place, runs in rest:
                        if not place:
                            self._tell(runs, way, found, item)
                    if here:
                        self._run(item, here, ways if perm in ways else (*ways, perm), found)
                finally:
                    os.close(item)

    def _names(self, folder: int, pattern: str, ways: Tuple[str, ...], marks: Sequence[str]) -> List[str]:
        try:
            here = reopen(folder, _FOLDER)
            try:
                return [name for name in os.listdir(here) if fnmatchcase(name, pattern)][:_NAMES_MAX]
            finally:
                os.close(here)
        except OSError:
            for runs in marks:
                self._unknown(runs, ways)
            return []


def _same(one: _Parts, other: _Parts) -> bool:
    return all(_fits(one[place], other[place]) for place in range(min(len(one), len(other))))


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or ("*" in pattern and fnmatchcase(name, pattern))


def _mark(places: Sequence[_Parts]) -> str:
    """The class of what lies at these paths, or below them."""
    root = any(_within(own, _SYSTEM) for own in places)
    user = any(_within(own, _USERS) for own in places)
    return "b" if root and user else "r" if root else "u" if user else "-"


def _within(own: _Parts, places: Sequence[_Parts]) -> bool:
    return any(len(own) >= len(place) and _same(own, place) for place in places)


def _below(own: _Parts) -> List[Tuple[_Parts, str]]:
    """The places below that path, relative to it, with their class."""
    found = []
    for places, mark in ((_SYSTEM, "r"), (_ALONE, "r"), (_USERS, "u")):
        found += [(place[len(own) :], mark) for place in places if len(place) > len(own) and _same(own, place)]
    return found


def permissions_of(about: os.stat_result, item: int) -> str:
    """`0:0:755`, with the ACL where there is one."""
    text = "%d:%d:%o" % (about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode))
    acl = _acl(item)
    return text + ":" + acl if acl else text


# include/uapi/linux/posix_acl_xattr.h: version 2, then tag, permissions, id of each entry
_TAGS = {0x02: "u", 0x04: "G", 0x08: "g", 0x10: "m"}


def _acl(item: int) -> str:
    try:
        data = os.getxattr("/proc/self/fd/%d" % item, _ACL)
    except OSError:
        return ""
    if len(data) < 4 or (len(data) - 4) % 8:
        return ""
    words = []
    for tag, bits, number in struct.iter_unpack("<HHI", data[4:]):
        if tag in (0x02, 0x08):
            words.append("%s%d=%o" % (_TAGS[tag], number, bits & 7))
        elif tag in (0x04, 0x10):
            words.append("%s=%o" % (_TAGS[tag], bits & 7))
    return "/".join(words)
