"""Path walks one component at a time that never wait for a file system that might not answer.

A FUSE file system is a program, and a process waiting for its reply can't even be killed (fs/fuse/dev.c,
request_wait_answer; fuse(4)). So each step opens an O_PATH descriptor, for which the kernel does not call into the file
system, and checks which mount it is on before continuing; a path in mountinfo would only show where mounts were.
Nothing is called on a file on a mount that may not answer: no stat, readlink or open.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from errno import ELOOP, EXDEV
from functools import lru_cache
from typing import Callable, Dict, List, NamedTuple, Optional

from stratascope.collector.read import TooLongError, read_file

LINKS_MAX = 40  # MAXSYMLINKS, include/linux/namei.h
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_OPENAT2 = 437  # the same on every architecture except alpha (110 more)
# RESOLVE_NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH: openat2(2), since Linux 5.6. A symlink itself may still be
# opened.
_STAY = 0x01 | 0x02 | 0x04 | 0x08
_ESCAPE = re.compile(r"\\([0-7]{3})").sub


class Mount(NamedTuple):
    """A mount: its id, and the device (`0:52`) and type of its file system."""

    number: int
    device: str
    kind: str

    @property
    def may_be_silent(self) -> bool:
        """Whether it depends on a program that anybody may have started; not virtiofs, which belongs to the machine."""
        return self.kind.partition(".")[0] in ("fuse", "fuseblk", "autofs")


def mounts(process: str = "self", mountinfo: Optional[str] = None) -> Dict[int, Mount]:
    """The mounts that this process sees, by id; empty if they can't be read. `mountinfo`: its list, if it was read."""
    found: Dict[int, Mount] = {}
    try:
        text = read_file("/proc/%s/mountinfo" % process) if mountinfo is None else mountinfo
    except (OSError, TooLongError):
        return found
    for line in text.split("\n"):
        head, _, tail = line.partition(" - ")
        words = head.split(" ", 3)
        if len(words) == 4 and words[0].isdigit():
            found[int(words[0])] = Mount(int(words[0]), words[2], tail.partition(" ")[0])
    return found


def unescaped(word: str) -> str:
    """Decode a word of mountinfo: spaces and the like are written as octal numbers (proc_pid_mountinfo(5))."""
    return _ESCAPE(lambda found: chr(int(found.group(1), 8)), word)


def mount_of(descriptor: int) -> Optional[int]:
    """The id of the mount that it is on (proc_pid_fdinfo(5), since Linux 3.15)."""
    try:
        text = read_file("/proc/self/fdinfo/%d" % descriptor)
    except (OSError, TooLongError):
        return None
    word = text.partition("mnt_id:")[2].split("\n", 1)[0].strip()
    return int(word) if word.isdigit() else None


def open_here(name: str, folder: int) -> int:
    """Open a name in this directory as O_PATH, without following links; EXDEV if it is a mount point."""
    call = openat2()
    if call is not None:
        return call(name, folder)
    descriptor = os.open(name, _PLACE, dir_fd=folder)
    if mount_of(descriptor) != mount_of(folder):
        os.close(descriptor)
        raise silent(name)
    return descriptor


def open_over(name: str, folder: int) -> int:
    """The same, but also of a mount point: what is mounted there. Whether that answers is left to the caller."""
    try:
        return open_here(name, folder)
    except OSError as error:
        if error.errno != EXDEV:
            raise
    return os.open(name, _PLACE, dir_fd=folder)


def open_below(below: str, folder: int) -> int:
    """Open a path below this directory (empty: itself) as O_PATH, without links and other mounts on the way."""
    call = openat2()
    if not below:
        return os.dup(folder)
    if call is not None:
        return call(below, folder)
    here = os.dup(folder)
    for part in below.split("/"):
        try:
            deeper = open_here(part, here)
        finally:
            os.close(here)
        here = deeper
    return here


@lru_cache(maxsize=1)
def openat2() -> Optional[Callable[[str, int], int]]:
    """One call instead of five; None if the kernel, or a filter on this process, does not allow it."""
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
    """Open an O_PATH descriptor's file for use; only if its mount is known to answer."""
    return os.open("/proc/self/fd/%d" % descriptor, flags | os.O_CLOEXEC)


class Sight:
    """The files below one directory, following links as that process would."""

    def __init__(self, root: str = "/", process: str = "self", mountinfo: Optional[str] = None) -> None:
        """`mountinfo`: that of the process, if it was read."""
        self._root = root
        self._process = process
        self._mounts = mounts(process, mountinfo)

    def mount(self, descriptor: int) -> Optional[Mount]:
        """The mount that it is on, if that is known and certain to answer."""
        number = mount_of(descriptor)
        if number is None:
            return None
        if number not in self._mounts:
            if number == _own_root():
                return Mount(number, "", "")
            self._mounts = {**self._mounts, **mounts(self._process)}  # mounted in the meantime
        found = self._mounts.get(number)
        return None if found is None or found.may_be_silent else found

    def silent(self, number: int) -> bool:
        """Whether the mount with this id is listed as one that may not answer."""
        found = self._mounts.get(number)
        return found is not None and found.may_be_silent

    def open(self, path: str) -> int:
        """Open the path as O_PATH; whether its own mount answers is left to the caller.

        Raises OSError: EXDEV if the path crosses a mount that may not answer.
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
                        answers = True  # it must have answered, or the path could not have continued below it
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
        """The same, if its own mount answers. Raises OSError: EXDEV if that may not answer."""
        descriptor = self.open(path)
        if self.mount(descriptor) is None:
            os.close(descriptor)
            raise silent(path)
        return descriptor

    def state(self, name: str, folder: int) -> Optional[os.stat_result]:
        """Stat a name in this directory without following links; None if it is gone, or its mount may not answer."""
        try:
            descriptor = os.open(name, _PLACE, dir_fd=folder)
        except OSError:
            return None
        try:
            return None if self.mount(descriptor) is None else os.fstat(descriptor)
        finally:
            os.close(descriptor)


def _own_root() -> Optional[int]:
    """The mount of this program's root: in a chroot that is no mount, mountinfo does not list it. It runs from there,
    so it answers.
    """
    root = os.open("/", _PLACE)
    try:
        return mount_of(root)
    finally:
        os.close(root)


def _close(descriptors: List[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def silent(path: str) -> OSError:
    """The error for a path on a mount that may not answer."""
    return OSError(EXDEV, "a file system lies there that may not answer", path)
