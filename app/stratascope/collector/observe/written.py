"""What a container wrote outside its mounts: a walk of its root's upper directory, all that an overlay writes into.

Which directory that is says the kernel, in the options of the root mount. The text is the mounter's, and a container
that may mount could name any: so it counts only where it is the upper half of that very root (same inode, as the
overlay shows it where all its layers are on one file system). No link is followed, no other file system entered, and
number and time are bounded. Names are told, no contents. Decided against the engines' own `diff`: it does not show a
directory whose new file is gone again.
"""

from __future__ import annotations

import os
import stat
import time
from typing import Callable, List, Optional, Set, Tuple

from stratascope.collector.cgroups import unescaped
from stratascope.collector.paths import Sight, open_here, reopen
from stratascope.collector.read import TooLongError, read_file

LOOKED_AT_MAX = 50000
TOLD_MAX = 20000
DEPTH_MAX = 64
SECONDS = 0.3  # of one walk
STUB = 0.01  # seconds in which a change of a folder is that of the mount point made in it: a tick of the kernel's clock
SHARE = 50  # a walk may take one part of so many of the time
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK


class NoUpperError(Exception):
    """Why what is written can't be seen."""


class Written:
    """The upper directory of one process's root. Changes before `since` (seconds, the machine's clock) are not told."""

    def __init__(self, pid: int, since: float, tell: Callable[[str, str], None]) -> None:
        """Raises NoUpperError."""
        self._pid = pid
        self._since = since
        self._tell = tell
        self._told: Set[str] = set()
        self._next = 0.0
        self.broken_off = False
        upper, self._mounted = _upper(pid)
        try:
            place = Sight().answering(upper)
        except OSError as error:
            raise NoUpperError("its overlay's upper directory can't be reached: %s" % error.strerror) from None
        try:
            self._root = reopen(place, _FOLDER)
        except OSError as error:
            raise NoUpperError("its overlay's upper directory can't be read: %s" % error.strerror) from None
        finally:
            os.close(place)
        if not _is_upper_of(self._root, pid):
            self.close()
            raise NoUpperError("the directory that its root is said to write into can't be told to be that")

    def look(self, now: float) -> None:
        """Walk, if it is time to."""
        if now < self._next:
            return
        begun = time.monotonic()
        waiting: List[Tuple[int, str, int]] = [(os.dup(self._root), "", 0)]
        looked = 0
        try:
            while waiting:
                folder, path, depth = waiting.pop()
                stub = 0.0  # when the youngest mount point of the engine's was made here
                try:
                    for name in os.listdir(folder):
                        looked += 1
                        if looked > LOOKED_AT_MAX or time.monotonic() - begun > SECONDS:
                            self.broken_off = True
                            return
                        stub = max(stub, self._item(folder, path + "/" + name, name, depth, waiting))
                    # a folder is there for whatever lies below it: it was written to where its list of names changed
                    about = os.fstat(folder)
                    if path and path not in self._mounted and about.st_mtime > stub + STUB:
                        self._found(path, about.st_mtime, about)
                finally:
                    os.close(folder)
        finally:
            for folder, _, _ in waiting:
                os.close(folder)
            self._next = now + max(1.0, SHARE * (time.monotonic() - begun))

    def close(self) -> None:
        """Its descriptor."""
        os.close(self._root)

    def _item(self, folder: int, path: str, name: str, depth: int, waiting: List[Tuple[int, str, int]]) -> float:
        """One name in a folder; when it was made, where it is only there to be mounted on."""
        try:
            item = open_here(name, folder)
        except OSError:
            return 0.0
        try:
            about = os.fstat(item)
            if stat.S_ISDIR(about.st_mode):
                if depth < DEPTH_MAX:
                    waiting.append((reopen(item, _FOLDER), path, depth + 1))
            elif path not in self._mounted:
                self._found(path, about.st_ctime, about)
            return about.st_ctime if path in self._mounted else 0.0
        except OSError:
            return 0.0
        finally:
            os.close(item)

    def _found(self, path: str, changed: float, about: os.stat_result) -> None:
        if changed >= self._since and path not in self._told and len(self._told) < TOLD_MAX:
            self._told.add(path)
            self._tell(path, _kind(about))


def _kind(about: os.stat_result) -> str:
    if stat.S_ISDIR(about.st_mode):
        return "folder"
    # a character device 0:0 says that a file of a lower layer is gone (filesystems/overlayfs.rst)
    if (stat.S_ISCHR(about.st_mode) and about.st_rdev) or stat.S_ISBLK(about.st_mode):
        return "device"
    return "file"


def _upper(pid: int) -> Tuple[str, Set[str]]:
    """The upper directory of its root mount, and where else something is mounted."""
    try:
        text = read_file("/proc/%d/mountinfo" % pid)
    except (OSError, TooLongError):
        raise NoUpperError("its mounts can't be read") from None
    points: Set[str] = set()
    kind = ""
    upper: Optional[str] = None
    for line in text.split("\n"):
        head, _, tail = line.partition(" - ")
        words, about = head.split(" "), tail.split(" ")
        if len(words) < 5 or len(about) < 3:
            continue
        point = unescaped(words[4])
        points.add(point)
        if point == "/":
            kind = about[0]
            upper = next((each[9:] for each in about[2].split(",") if each.startswith("upperdir=")), None)
    if upper is None or kind != "overlay":
        raise NoUpperError("its root is no overlay with an upper directory, but %s" % (kind or "not known"))
    return unescaped(upper), points


def _is_upper_of(upper: int, pid: int) -> bool:
    try:
        merged = os.stat("/proc/%d/root" % pid)
    except OSError:
        return False
    return os.fstat(upper).st_ino == merged.st_ino
