"""Opens of what an engine masks: they succeed, and what is read is empty.

By fanotify(7), with marks on exactly those mounts: /dev/null over a file of /proc or /sys, a read-only tmpfs over a
folder there. Nothing beyond them is watched, nobody is held up (FAN_CLASS_NOTIF), and the descriptor that comes with
each event is closed at once. A newer kernel (6.18 here) says nothing of /dev/null, whatever is marked: that is tried,
and the paths of such files are looked for in the calls that open something (`sources`).
Where one of them is opened without end its mark is taken away for the rest of the second.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import time
from typing import Dict, List, Optional, Tuple

from stratascope.collector.cgroups import unescaped
from stratascope.collector.paths import Sight, mount_of
from stratascope.collector.read import TooLongError, read_file

OPENS_MAX = 100  # in a second, of all
PLACES_MAX = 256
_CLOEXEC, _NONBLOCK = 1, 2  # FAN_CLOEXEC, FAN_NONBLOCK; FAN_CLASS_NOTIF is 0
_ADD, _REMOVE, _MOUNT = 0x1, 0x2, 0x10  # FAN_MARK_*
_OPEN, _ONDIR = 0x20, 0x40000000  # FAN_OPEN, FAN_ONDIR
_EVENT_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_EVENT = struct.Struct("=IBBHQii")  # struct fanotify_event_metadata


class Masked:
    """The masks of one process's mounts, as far as they can be marked. Raises OSError: no fanotify here."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.fanotify_init.argtypes = (ctypes.c_uint, ctypes.c_uint)
        arguments = (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p)
        self._libc.fanotify_mark.argtypes = arguments
        self.descriptor: int = self._libc.fanotify_init(_CLOEXEC | _NONBLOCK, _EVENT_FLAGS)
        if self.descriptor < 0:
            raise _error()
        self.files: List[str] = []  # those that are masked and whose opens this kernel does not tell
        self._of: Tuple[str, List[Tuple[int, str]]] = ("", [])  # a mount namespace, and its masks
        self._marks: Dict[int, Tuple[int, str]] = {}  # by number of the mount: an O_PATH descriptor, where it lies
        self._marked = False
        self._until, self._opens = 0.0, 0

    def watch(self, pid: int) -> None:
        """The masks of that process, in place of those of another before. Raises OSError: they can't be marked."""
        try:
            of = os.readlink("/proc/%d/ns/mnt" % pid)
            found = masks(read_file("/proc/%d/mountinfo" % pid))[:PLACES_MAX]
        except (OSError, TooLongError):
            return  # it has ended
        if (of, found) == self._of:
            return  # a runtime makes them after its process has come
        self._clear()
        sight = Sight("/proc/%d/root" % pid, str(pid))
        why: Optional[OSError] = None
        for number, path in found:
            try:
                descriptor = sight.answering(path)
            except OSError as error:
                why = error
                continue
            if mount_of(descriptor) == number and _is_empty(descriptor):
                self._marks[number] = descriptor, path
            else:
                os.close(descriptor)
        self._of = of, found
        files = [path for each, path in self._marks.values() if not stat.S_ISDIR(os.fstat(each).st_mode)]
        self.files = files if files and not self._tells_of_null() else []
        self._mark(_ADD)
        if why is not None and not self._marks:
            raise why

    def take(self) -> List[Tuple[int, str]]:
        """Processes that opened one since, and its path."""
        found: List[Tuple[int, str]] = []
        now = time.monotonic()
        if now > self._until:
            self._until, self._opens = now + 1, 0
            if not self._marked:
                self._mark(_ADD)
        try:
            data = os.read(self.descriptor, 4096)
        except OSError:
            return found
        place = 0
        while place + _EVENT.size <= len(data):
            length, _, _, _, mask, descriptor, pid = _EVENT.unpack_from(data, place)
            place += max(length, _EVENT.size)
            if descriptor < 0:
                continue
            try:
                mark = self._marks.get(mount_of(descriptor) or 0)
            finally:
                os.close(descriptor)
            if mark is not None and mask & _OPEN:
                found.append((pid, mark[1]))
        self._opens += len(found)
        if self._opens > OPENS_MAX and self._marked:
            self._mark(_REMOVE)
        return found

    def close(self) -> None:
        """The marks go with it."""
        self._clear()
        os.close(self.descriptor)

    def _tells_of_null(self) -> bool:
        """Whether an open of /dev/null, ours, is told."""
        group: int = self._libc.fanotify_init(_CLOEXEC | _NONBLOCK, _EVENT_FLAGS)
        if group < 0:
            return False
        try:
            if self._libc.fanotify_mark(group, _ADD, _OPEN, -100, b"/dev/null") < 0:
                return False
            os.close(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
            data = os.read(group, 4096)
            for place in range(0, len(data) - _EVENT.size + 1, _EVENT.size):
                descriptor = _EVENT.unpack_from(data, place)[5]
                if descriptor >= 0:
                    os.close(descriptor)
            return True
        except OSError:
            return False
        finally:
            os.close(group)

    def _mark(self, how: int) -> None:
        self._marked = how == _ADD
        for descriptor, _ in self._marks.values():
            path = b"/proc/self/fd/%d" % descriptor
            if self._libc.fanotify_mark(self.descriptor, how | _MOUNT, _OPEN | _ONDIR, -100, path) < 0 and self._marked:
                raise _error()

    def _clear(self) -> None:
        if self._marks and self._marked:
            self._mark(_REMOVE)
        for descriptor, _ in self._marks.values():
            os.close(descriptor)
        self._marks = {}


def masks(text: str) -> List[Tuple[int, str]]:
    """Of a mountinfo: number and place of each mount that masks something of /proc or /sys."""
    found: List[Tuple[int, str]] = []
    for line in text.split("\n"):
        head, _, tail = line.partition(" - ")
        words, about = head.split(" "), tail.split(" ")
        if len(words) < 6 or len(about) < 3 or not words[0].isdigit():
            continue
        path = unescaped(words[4])
        if not path.startswith(("/proc/", "/sys/")):
            continue
        null = words[3].rpartition("/")[2] == "null"
        empty = about[0] == "tmpfs" and words[3] == "/" and "ro" in (*words[5].split(","), *about[2].split(","))
        if null or empty:
            found.append((int(words[0]), path))
    return found


def _is_empty(descriptor: int) -> bool:
    """Whether it is /dev/null, or a folder."""
    about = os.fstat(descriptor)
    return stat.S_ISDIR(about.st_mode) or (stat.S_ISCHR(about.st_mode) and about.st_rdev == os.makedev(1, 3))


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
