"""Down a path one name at a time, so that no file system is asked anything which may never answer.

A FUSE file system is a program, and whoever waits for an answer of it can't even be killed (fs/fuse/dev.c,
request_wait_answer; fuse(4)). So each step takes an O_PATH descriptor, for which the kernel asks the file system
nothing, and sees on which mount it came to lie before it goes on; a path in mountinfo would only say where mounts were.
On what lies on a mount that may be silent nothing is called, neither stat nor readlink nor open.
"""

from __future__ import annotations

import os
import stat
import struct
from errno import ELOOP, EXDEV
from functools import lru_cache
from typing import Callable, Dict, List, NamedTuple, Optional

from stratascope.collector.read import TooLongError, read_file

LINKS_MAX = 40  # MAXSYMLINKS, include/linux/namei.h
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_OPENAT2 = 437  # the same on every architecture but alpha (110 more)
# RESOLVE_NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH: openat2(2), since Linux 5.6. The link itself may be opened.
_STAY = 0x01 | 0x02 | 0x04 | 0x08


class Mount(NamedTuple):
    """What is mounted: its number, the device of its file system (`0:52`), and the file system's kind."""

    number: int
    device: str
    kind: str

    @property
    def may_be_silent(self) -> bool:
        """Whether a program answers for it, which may be anybody's; not virtiofs, which is the machine's own."""
        return self.kind.partition(".")[0] in ("fuse", "fuseblk", "autofs")


def mounts(process: str = "self") -> Dict[int, Mount]:
    """By number, those that this process sees; none where they can't be read."""
    found: Dict[int, Mount] = {}
    try:
        text = read_file("/proc/%s/mountinfo" % process)
    except (OSError, TooLongError):
        return found
    for line in text.split("\n"):
        head, _, tail = line.partition(" - ")
        words = head.split(" ", 3)
        if len(words) == 4 and words[0].isdigit():
            found[int(words[0])] = Mount(int(words[0]), words[2], tail.partition(" ")[0])
    return found


def mount_of(descriptor: int) -> Optional[int]:
    """The number of the mount that it lies on (proc_pid_fdinfo(5), since Linux 3.15)."""
    try:
        text = read_file("/proc/self/fdinfo/%d" % descriptor)
    except (OSError, TooLongError):
        return None
    word = text.partition("mnt_id:")[2].split("\n", 1)[0].strip()
    return int(word) if word.isdigit() else None


def open_here(name: str, folder: int) -> int:
    """A name in this folder, no link followed, as an O_PATH descriptor; EXDEV where another mount lies on it."""
    call = openat2()
    if call is not None:
        return call(name, folder)
    descriptor = os.open(name, _PLACE, dir_fd=folder)
    if mount_of(descriptor) != mount_of(folder):
        os.close(descriptor)
        raise silent(name)
    return descriptor


@lru_cache(maxsize=1)
def openat2() -> Optional[Callable[[str, int], int]]:
    """One call in place of five; None where the kernel, or a filter that we are under, does not have it."""
    try:
        import ctypes
    except ImportError:
        return None
    if os.uname().machine == "alpha":
        return None
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    call.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
    how = struct.pack("=QQQ", _PLACE, 0, _STAY)  # struct open_how, include/uapi/linux/openat2.h

    def opened(name: str, folder: int) -> int:
        done: int = call(_OPENAT2, folder, os.fsencode(name), how, len(how))
        if done < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name)
        return done

    try:
        here = os.open("/", _PLACE)
        try:
            os.close(opened(".", here))
        finally:
            os.close(here)
    except OSError:
        return None
    return opened


def reopen(descriptor: int, flags: int) -> int:
    """The very file of an O_PATH descriptor, opened for good; only where its mount is known to answer."""
    return os.open("/proc/self/fd/%d" % descriptor, flags | os.O_CLOEXEC)


class Sight:
    """The files below one directory, links followed as that process would follow them."""

    def __init__(self, root: str = "/", process: str = "self") -> None:
        self._root = root
        self._process = process
        self._mounts = mounts(process)
        base = os.open("/", _PLACE)
        try:
            # in a chroot of no mount of its own nothing tells of it; and we run there
            number = mount_of(base)
        finally:
            os.close(base)
        self._base = None if number is None else Mount(number, "", "")

    def mount(self, descriptor: int) -> Optional[Mount]:
        """The mount that it lies on, if that is known, and answers for certain."""
        number = mount_of(descriptor)
        if number is None:
            return None
        if number not in self._mounts:
            if self._base is not None and number == self._base.number:
                return self._base
            self._mounts = mounts(self._process)  # mounted meanwhile
        found = self._mounts.get(number)
        return None if found is None or found.may_be_silent else found

    def open(self, path: str) -> int:
        """What the path leads to, as an O_PATH descriptor; whether its mount answers is still to be asked.

        Raises OSError: EXDEV where the way leads over a mount that may be silent.
        """
        way = [os.open(self._root, os.O_PATH | os.O_CLOEXEC)]
        left = path.split("/")[::-1]
        links = 0
        try:
            answers = self.mount(way[0]) is not None
            while left:
                name = left.pop()
                if name in ("", "."):
                    continue
                if name == "..":
                    if len(way) > 1:
                        os.close(way.pop())
                        answers = True  # or there had been no way further down
                    continue
                if not answers:
                    raise silent(path)
                descriptor = os.open(name, _PLACE, dir_fd=way[-1])
                way.append(descriptor)
                answers = self.mount(descriptor) is not None
                if not answers or not stat.S_ISLNK(os.fstat(descriptor).st_mode):
                    continue
                links += 1
                if links > LINKS_MAX:
                    raise OSError(ELOOP, os.strerror(ELOOP), path)
                target = os.readlink("", dir_fd=descriptor)
                os.close(way.pop())
                if target.startswith("/"):
                    _close(way[1:])
                    del way[1:]
                left += target.split("/")[::-1]
            return way.pop()
        finally:
            _close(way)

    def answering(self, path: str) -> int:
        """The same, of what may be asked. Raises OSError: EXDEV where that lies on a mount that may be silent."""
        descriptor = self.open(path)
        if self.mount(descriptor) is None:
            os.close(descriptor)
            raise silent(path)
        return descriptor

    def state(self, name: str, folder: int) -> Optional[os.stat_result]:
        """Of a name in this folder, no link followed; None where it is gone, or on a mount that may be silent."""
        try:
            descriptor = os.open(name, _PLACE, dir_fd=folder)
        except OSError:
            return None
        try:
            return None if self.mount(descriptor) is None else os.fstat(descriptor)
        finally:
            os.close(descriptor)


def _close(descriptors: List[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def silent(path: str) -> OSError:
    """Why nothing was asked there."""
    return OSError(EXDEV, "a file system lies there that may not answer", path)
