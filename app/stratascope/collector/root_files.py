"""What lies in a process's root directory, on request only: device nodes of its /dev, programs that give rights.

Through /proc/PID/root, which takes the right to trace the process. The files are a stranger's: nothing is opened but
folders, no link is followed, no other file system is entered (one that hangs is somebody's FUSE), and what is looked at
is bounded in number and time, so an answer may say that it was broken off. Names and numbers are told, no contents.
"""

from __future__ import annotations

import os
import stat
import struct
import time
from typing import Iterator, List, Optional, Tuple

from stratascope.collector.read import UNSUPPORTED, Entry, failed, failure

DEVICES = "root:dev"
SET_UID = "root:set-uid"
ROOT_FILES = frozenset((DEVICES, SET_UID))

# Where programs are that people start (/usr/lib has ten times as many files, and few that count). A link among them
# (/bin to usr/bin) is left out, as its target is here too.
FOLDERS = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "usr/libexec", "opt")
DEPTH = 4
ITEMS_MAX = 50000
NODES_MAX = 4096
SECONDS = 0.5  # the child that looks has a second (privileged.TARGET_LIMIT)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CAPABILITY = "security.capability"  # capabilities(7), file capabilities; since VFS_CAP_REVISION_2 permitted first


class _BrokenOffError(Exception):
    """Too much, or too slow."""


def read_root_files(name: str, directory: int, pid: int) -> Entry:
    """One of ROOT_FILES. It may hang all the same (a file that is a mount of its own), so only a child calls this."""
    source = "/proc/%d/root" % pid + ("/dev" if name == DEVICES else "")
    try:
        # the link is the kernel's own: the process's root directory, whatever its path
        root = os.open("root", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        try:
            lines = _devices(root) if name == DEVICES else _programs(root)
        finally:
            os.close(root)
    except OSError as error:
        return failure(name, source, error)
    except _BrokenOffError as error:
        return failed(name, source, UNSUPPORTED, None, str(error))
    return (name, source, "".join(line + "\n" for line in lines))


def _devices(root: int) -> List[str]:
    """A line a node: `c 1:3 /dev/null`."""
    lines: List[str] = []
    folder = os.open("dev", _FOLDER, dir_fd=root)
    try:
        for path, about, _ in _walk(folder, "/dev", NODES_MAX, time.monotonic() + SECONDS):
            if stat.S_ISCHR(about.st_mode) or stat.S_ISBLK(about.st_mode):
                kind = "c" if stat.S_ISCHR(about.st_mode) else "b"
                lines.append("%s %d:%d %s" % (kind, os.major(about.st_rdev), os.minor(about.st_rdev), _one(path)))
    finally:
        os.close(folder)
    return lines


def _programs(root: int) -> List[str]:
    """A line a program: `u 0 /usr/bin/su` (set-uid, of whom), `g 42 …` (set-gid), `f 0x… …` (file capabilities)."""
    lines: List[str] = []
    until = time.monotonic() + SECONDS
    left = ITEMS_MAX
    for place in FOLDERS:
        folder = _below(root, place)
        if folder is None:
            continue
        try:
            for path, about, name_in in _walk(folder, "/" + place, left, until):
                left -= 1
                if not stat.S_ISREG(about.st_mode) or not about.st_mode & 0o111:
                    continue
                if about.st_mode & stat.S_ISUID:
                    lines.append("u %d %s" % (about.st_uid, _one(path)))
                elif about.st_mode & stat.S_ISGID:
                    lines.append("g %d %s" % (about.st_gid, _one(path)))
                permitted = _file_capabilities(*name_in)
                if permitted:
                    lines.append("f 0x%x %s" % (permitted, _one(path)))
        finally:
            os.close(folder)
    return lines


def _below(root: int, place: str) -> Optional[int]:
    """A folder below the root, without a link on the way."""
    here = os.dup(root)
    for part in place.split("/"):
        try:
            deeper = os.open(part, _FOLDER, dir_fd=here)
        except OSError:
            return None
        finally:
            os.close(here)
        here = deeper
    return here


def _walk(
    folder: int, path: str, left: int, until: float, depth: int = DEPTH
) -> Iterator[Tuple[str, os.stat_result, Tuple[int, str]]]:
    """Path, state, and (folder, name) of all below it on its own file system."""
    device = os.fstat(folder).st_dev
    for name in os.listdir(folder):
        left -= 1
        if left < 0 or time.monotonic() > until:
            raise _BrokenOffError("too many files, or too slow to look at")
        try:
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            continue  # gone meanwhile, or not ours to see
        yield path + "/" + name, about, (folder, name)
        if stat.S_ISDIR(about.st_mode) and about.st_dev == device and depth > 1:
            try:
                deeper = os.open(name, _FOLDER, dir_fd=folder)
            except OSError:
                continue
            try:
                for item in _walk(deeper, path + "/" + name, left, until, depth - 1):
                    left -= 1
                    yield item
            finally:
                os.close(deeper)


def _file_capabilities(folder: int, name: str) -> int:
    """Its permitted set; 0 where it has none."""
    try:
        data = os.getxattr("/proc/self/fd/%d/%s" % (folder, name), _CAPABILITY, follow_symlinks=False)
    except OSError:
        return 0
    if len(data) < 20:
        return 0
    _, low, _, high, _ = struct.unpack("<5I", data[:20])
    return int(low) | int(high) << 32


def _one(path: str) -> str:
    """On one line."""
    return path.replace("\n", "?")
