"""Device nodes in a process's /dev, on request only.

Through /proc/PID/root, which requires permission to trace the process. The files are untrusted: only directories are
opened, no link is followed, no other file system is entered (a FUSE may block), and number and time are bounded, so an
answer may say that the search was cut short. Names and numbers are reported, never contents.

/dev and files in it may be mounts of their own: of the host's file systems (a volume), or of file systems in memory.
Mounts made by the container itself are skipped, whatever they look like.
"""

from __future__ import annotations

import os
import stat
import time
from errno import EXDEV
from typing import Iterator, List, Optional, Tuple

from stratascope.collector.chroot import Files
from stratascope.collector.names import DEVICES
from stratascope.collector.paths import Sight, mounts, open_here, reopen
from stratascope.collector.read import UNSUPPORTED, Entry, failed, failure

DEPTH = 4
NODES_MAX = 4096
SECONDS = 0.5  # the child that searches has a second (privileged_readings.TARGET_LIMIT)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK
_IN_MEMORY = ("tmpfs", "devtmpfs", "devpts", "mqueue")


class _BrokenOffError(Exception):
    """Too many files, too slow, or a file system that may not answer."""


def read_devices(process: Files) -> Entry:
    """DEVICES of this process. Only call it in a child: it may still block, on an overlay over a FUSE."""
    source = "/proc/%d/root/dev" % process.pid
    try:
        root = process.open()
        try:
            lines = _Files(process, root).devices()
        finally:
            os.close(root)
    except OSError as error:
        return failure(DEVICES, source, error)
    except _BrokenOffError as error:
        return failed(DEVICES, source, UNSUPPORTED, None, str(error))
    return (DEVICES, source, "".join(line + "\n" for line in lines))


class _Files:
    """The files below one root directory."""

    def __init__(self, process: Files, root: int) -> None:
        self._root = root
        self._sight = Sight(process=str(process.pid), mountinfo=process.mountinfo)
        if self._sight.mount(root) is None:
            raise _BrokenOffError("its root directory lies on a file system that may not answer (FUSE)")
        self._hosts = {mount.device for mount in mounts().values() if not mount.may_be_silent}
        self._until = time.monotonic() + SECONDS

    def devices(self) -> List[str]:
        """One line per node: `c 1:3 /dev/null`."""
        lines: List[str] = []
        folder = self._below("dev")
        if folder is None:
            raise _BrokenOffError("its /dev is no folder, or on a file system that may not answer (FUSE)")
        try:
            for path, about, _ in self._walk(folder, "/dev", NODES_MAX):
                if stat.S_ISCHR(about.st_mode) or stat.S_ISBLK(about.st_mode):
                    kind = "c" if stat.S_ISCHR(about.st_mode) else "b"
                    lines.append("%s %d:%d %s" % (kind, os.major(about.st_rdev), os.minor(about.st_rdev), _one(path)))
        finally:
            os.close(folder)
        return lines

    def _open(self, name: str, folder: int) -> Optional[int]:
        """Open a name in this directory as O_PATH; None if it is gone, or on a mount that is skipped."""
        try:
            return open_here(name, folder)
        except OSError as error:
            if error.errno != EXDEV:
                return None
        try:
            descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return None
        mount = self._sight.mount(descriptor)
        if mount is not None and (mount.kind in _IN_MEMORY or mount.device in self._hosts):
            return descriptor
        os.close(descriptor)
        return None

    def _below(self, place: str) -> Optional[int]:
        """Open a directory below the root, without links on the way."""
        here = os.dup(self._root)
        for part in place.split("/"):
            deeper = self._open(part, here)
            os.close(here)
            if deeper is None:
                return None
            here = deeper
        try:
            return reopen(here, _FOLDER) if stat.S_ISDIR(os.fstat(here).st_mode) else None
        except OSError:
            return None
        finally:
            os.close(here)

    def _walk(self, folder: int, path: str, left: int, depth: int = DEPTH) -> Iterator[Tuple[str, os.stat_result, int]]:
        """Yield path, stat and O_PATH descriptor of everything there."""
        device = os.fstat(folder).st_dev
        for name in os.listdir(folder):
            left -= 1
            if left < 0 or time.monotonic() > self._until:
                raise _BrokenOffError("too many files, or too slow to look at")
            item = self._open(name, folder)
            if item is None:
                continue
            try:
                about = os.fstat(item)
                yield path + "/" + name, about, item
                if not stat.S_ISDIR(about.st_mode) or about.st_dev != device or depth <= 1:
                    continue
                try:
                    deeper = reopen(item, _FOLDER)
                except OSError:
                    continue  # not permitted
                try:
                    for found in self._walk(deeper, path + "/" + name, left, depth - 1):
                        left -= 1
                        yield found
                finally:
                    os.close(deeper)
            finally:
                os.close(item)


def _one(path: str) -> str:
    """Escape it to fit on one line."""
    return path.replace("\n", "?")
