"""The files of an engine's host, if that is this machine, as the engine sees them.

An engine may have a mount namespace of its own, where a path leads elsewhere than here; so paths are resolved below the
root of the process that listens on its socket, if that can be read. Decided against mounting the paths into a container
that would read them: that would change what is there (Docker creates missing directories).
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import posixpath
import re
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import groupby, islice
from pathlib import Path

from stratascope import sandbox
from stratascope.collector.paths import LINKS_MAX, Sight, mount_of, reopen, silent
from stratascope.collector.read import open_process, read_file
from stratascope.core.ports import HostEntry, HostPath, HostPathKind
from stratascope.core.relaunch.file_owners import FileMarks, Folder
from stratascope.core.relaunch.launch_spec import ContainerFile
from stratascope.engines.shared.endpoint import peer_pid
from stratascope.engines.shared.json_reader import JsonObject, parse_object
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import Propagation, parse_mountinfo
from stratascope.linux.process import parse_stat

_NAMES = 200  # examined per directory
_NUMBER_MAX = 16  # bytes of a file with the number of a process
_FOR_PROCESS = re.compile(r"pid|lock", re.I).search
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT_ATTRIBUTES = ("security.capability", "security.selinux")


class LocalFiles:
    """Files of an engine behind `endpoint`. Nothing is cached."""

    def __init__(self, endpoint: str) -> None:
        # in a Flatpak this program does not see the host's files
        local = endpoint.startswith("unix://") and sandbox.access() is sandbox.Access.OUTSIDE
        self._socket = Path(endpoint.removeprefix("unix://")) if local else None

    def exists(self, path: str) -> bool | None:
        if self._socket is None:
            return None
        try:
            os.close(self._sight().open(path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError):
            return None
        return True

    def replaced(self, pid: int, source: str, target: str) -> bool | None:
        if self._socket is None:
            return None
        try:
            targets = {mount.target for mount in parse_mountinfo(_mountinfo(pid))}
            if (target.rstrip("/") or "/") not in targets:
                return None  # unmounted, or a process on another machine
            here = _stat(self._sight(), source)
            there = _stat(Sight(f"/proc/{pid}/root", str(pid)), target)
        except (OSError, ValueError, DecodeError):
            return None
        return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)

    def propagation(self, path: str) -> Propagation | None:
        if self._socket is None:
            return None
        peer = self._peer()
        try:
            place = self._sight(peer).open(path)
            number = mount_of(place)
            os.close(place)
            found = parse_mountinfo(_mountinfo("self" if peer is None else peer))
        except (OSError, ValueError, DecodeError):
            return None
        return next((mount.propagation for mount in found if mount.id == number), None)

    def entries(self, source: str, target: str, most: int) -> tuple[HostEntry, ...] | None:
        if self._socket is None:
            return None
        try:
            return tuple(_below(self._sight(), source, target.rstrip("/"), most))
        except (OSError, ValueError):
            return None

    def _inside(self, pid: int) -> tuple[Sight, int | None] | None:
        """The root directory that a process sees, and its mount; None: it can't be looked at."""
        if self._socket is None:
            return None
        try:
            sight = Sight(f"/proc/{pid}/root", str(pid))
            return sight, _mount(sight, "/")
        except OSError:
            return None

    def folders(self, pid: int, paths: tuple[str, ...], before: float) -> tuple[Folder, ...] | None:
        if (seen := self._inside(pid)) is None:
            return None
        sight, root = seen
        found = []
        for path in paths:
            with suppress(OSError, ValueError):  # it is gone, or no directory
                if _mount(sight, path) == root and stat.S_ISDIR((state := _stat(sight, path)).st_mode):
                    listed = islice(_listed(sight, path), _NAMES)
                    names = tuple(name for name, each in listed if each.st_ctime < before)
                    found.append(Folder(path, state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode), names))
        return tuple(found)

    def marks(self, pid: int, paths: tuple[str, ...]) -> FileMarks | None:
        """See `core.relaunch.file_owners.RootFolders`."""
        if (seen := self._inside(pid)) is None:
            return None
        sight, root = seen
        passing: list[str] = []
        attributes: list[tuple[str, str]] = []
        for folder, names in groupby(sorted(paths), posixpath.dirname):
            with suppress(OSError, ValueError):
                above = sight.answering(folder)
                try:
                    for path in names:
                        with suppress(OSError, ValueError):  # it is gone
                            place = os.open(posixpath.basename(path), _PLACE, dir_fd=above)
                            try:
                                if mount_of(place) == root:
                                    passing += [path] if _passes(sight, path, place) else []
                                    attributes += ((path, name) for name in _attributes(place))
                            finally:
                                os.close(place)
                finally:
                    os.close(above)
        return FileMarks(tuple(passing), tuple(attributes))

    def file_inside(self, pid: int, start: int, path: str, most: int) -> ContainerFile | None:
        """Read a regular file of the container whose first process is that one, started at `start`; None if there is
        none.

        Without the engine, which may take 0.4 s per file. Links are followed inside of the container, and can't lead
        elsewhere whatever it replaces meanwhile. Only the root file system mounted by its engine counts: a process in
        another root directory, files on other mounts, and files that this user may not read are an OSError. Files
        larger than `most` bytes have no data.
        """
        if self._socket is None:
            raise PermissionError(errno.EPERM, "another machine's")
        process = open_process(pid)
        try:
            if parse_stat(read_file("stat", process)).start != start:
                raise ProcessLookupError(errno.ESRCH, "another process")
            root = os.open("root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=process)
        finally:
            os.close(process)
        try:
            own = next((mount for mount in parse_mountinfo(_mountinfo(pid)) if mount.target == "/"), None)
            if own is None or (own.fs_type, own.root) != ("overlay", "/") or own.id != mount_of(root):
                raise silent("/")
            return _file(Sight(f"/proc/self/fd/{root}", str(pid)), own.id, path, most)
        finally:
            os.close(root)

    def place(self, path: str, most: int) -> HostPath | None:
        if self._socket is None:
            return None
        try:
            return _place(self._sight(), path, most)
        except (OSError, ValueError):
            return None

    def _peer(self) -> str | None:
        """The engine's thread (below /proc) that sees the engine's files; None if it can't be used.

        Not simply its process: Podman copies a file out of a container in a thread that joins that one's mount
        namespace and never returns (libpod, joinMountAndExec), and if that is the first thread, /proc/PID shows the
        container.
        """
        pid = None if self._socket is None else peer_pid(self._socket)
        if not pid:
            return None
        try:
            threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            return None
        found: dict[str, list[str]] = {}  # by mount namespace
        for thread in sorted(threads, key=lambda each: (each != pid, each)):
            with suppress(OSError):  # the thread has ended
                place = f"{pid}/task/{thread}"
                found.setdefault(str(Path(f"/proc/{place}/ns/mnt").readlink()), []).append(place)
        for place in max(found.values(), key=len, default=[]):
            with suppress(OSError):
                os.close(os.open(f"/proc/{place}/root", os.O_PATH | os.O_CLOEXEC))
                return place
        return None

    def _sight(self, place: str | None = None) -> Sight:
        place = place or self._peer()
        return Sight() if place is None else Sight(f"/proc/{place}/root", place)


def _passes(sight: Sight, path: str, place: int) -> bool:
    """Whether it is a socket, or a file for the number of a process and with that of one that runs. A number alone may
    as well be a version or a counter.
    """
    found = os.fstat(place)
    if stat.S_ISSOCK(found.st_mode):
        return True
    if not stat.S_ISREG(found.st_mode) or found.st_size > _NUMBER_MAX or not _FOR_PROCESS(posixpath.basename(path)):
        return False
    with os.fdopen(reopen(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        number = file.read(_NUMBER_MAX).strip(b" \n\0")
    if not number.isdigit():
        return False
    os.close(sight.open(f"/proc/{int(number)}"))
    return True


def _attributes(place: int) -> Iterator[str]:
    for name in os.listxattr(f"/proc/self/fd/{place}"):
        if not name.startswith(("trusted.overlay.", "user.overlay.")) and name not in _KEPT_ATTRIBUTES:
            yield name


def _stat(sight: Sight, path: str) -> os.stat_result:
    """Stat a path. Raises OSError, ValueError."""
    place = sight.answering(path)
    try:
        return os.fstat(place)
    finally:
        os.close(place)


def _file(sight: Sight, mount: int, path: str, most: int) -> ContainerFile | None:
    """See `LocalFiles.file_inside`."""
    try:
        place = sight.answering(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if mount_of(place) != mount:
            raise silent(path)
        found = os.fstat(place)
        if not stat.S_ISREG(found.st_mode):
            return None
        if found.st_size > most:
            return ContainerFile(path, 0, None)
        with os.fdopen(reopen(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            data = file.read(most + 1)
        # a link's target; engines too resolve links in the middle of a path
        resolved = str(Path(f"/proc/self/fd/{place}").readlink()) if _is_link(sight, path) else path
    finally:
        os.close(place)
    if len(data) > most:
        return ContainerFile(path, 0, None)
    return ContainerFile(resolved, stat.S_IMODE(found.st_mode), data)


def _is_link(sight: Sight, path: str) -> bool:
    folder, name = posixpath.split(path)
    above = sight.answering(folder)
    try:
        found = sight.state(name, above)
        return found is not None and stat.S_ISLNK(found.st_mode)
    finally:
        os.close(above)


def _mountinfo(process: int | str) -> str:
    return Path(f"/proc/{process}/mountinfo").read_text("utf-8", "surrogateescape")


def _below(sight: Sight, top: str, target: str, most: int) -> Iterator[HostEntry]:
    """Files below a directory, without links. Raises OSError if the top can't be listed."""
    for inside, found in _walk(sight, top, most):
        if not stat.S_ISLNK(found.st_mode):
            yield _entry(target + inside or "/", found)


def _walk(sight: Sight, top: str, most: int) -> Iterator[tuple[str, os.stat_result]]:
    """Yield each path below `top`, and `top` itself as "". Breadth first; links and mounts that may not answer are
    skipped.

    Raises OSError if the top can't be listed; unreadable directories below it are skipped.
    """
    found = _stat(sight, top)
    yield "", found
    if not stat.S_ISDIR(found.st_mode):
        return
    waiting, count = deque([""]), 1
    while waiting and count < most:
        inside = waiting.popleft()
        try:
            for name, found in _listed(sight, top + inside):
                yield f"{inside}/{name}", found
                count += not stat.S_ISLNK(found.st_mode)
                if stat.S_ISDIR(found.st_mode):
                    waiting.append(f"{inside}/{name}")
                if count >= most:
                    return
        except OSError:
            if not inside:
                raise


def _place(sight: Sight, path: str, most: int) -> HostPath:
    """Resolve a path. Raises OSError, ValueError."""
    path = posixpath.normpath(path)
    for _ in range(LINKS_MAX):
        folder, name = posixpath.split(path)
        if not name:
            break
        above = sight.answering(folder)
        try:
            found = sight.state(name, above)
            if found is None or not stat.S_ISLNK(found.st_mode):
                break
            path = posixpath.normpath(posixpath.join(folder, os.readlink(name, dir_fd=above)))
        finally:
            os.close(above)
    found = _stat(sight, path)
    mounted = path == "/" or _mount(sight, path) != _mount(sight, posixpath.dirname(path))
    if stat.S_ISDIR(found.st_mode):
        states = [state for _, state in _walk(sight, path, most)]
        sockets = True if any(stat.S_ISSOCK(state.st_mode) for state in states) else None
        return HostPath(path, HostPathKind.FOLDER, mounted, sockets if sockets or len(states) >= most else False)
    if stat.S_ISSOCK(found.st_mode):
        return HostPath(path, HostPathKind.SOCKET, mounted)
    return HostPath(path, HostPathKind.FILE if stat.S_ISREG(found.st_mode) else HostPathKind.OTHER, mounted)


def _mount(sight: Sight, path: str) -> int | None:
    place = sight.open(path)
    try:
        return mount_of(place)
    finally:
        os.close(place)


def _listed(sight: Sight, path: str) -> Iterator[tuple[str, os.stat_result]]:
    place = sight.answering(path)
    try:
        folder = reopen(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
    finally:
        os.close(place)
    try:
        with os.scandir(folder) as items:
            for item in items:
                found = sight.state(item.name, folder)
                if found is not None:
                    yield item.name, found
    finally:
        os.close(folder)


def _entry(path: str, found: os.stat_result) -> HostEntry:
    return HostEntry(path, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), stat.S_ISDIR(found.st_mode))


# -- one file from an engine's archive response: a tar archive, and the response's head
# Only the first member and the few that may precede it are read (POSIX.1-2017, pax); names are ignored, since one path
# was requested. Decided against tarfile: it trusts the sizes of sparse members.

STAT = "x-docker-container-path-stat"  # both engines: base64 of JSON, the mode as Go's io/fs.FileMode
OVERHEAD = 64 << 10  # bytes that an archive of one file may exceed the file
_STAT_MAX = 16 << 10  # characters
_FOLDER, _LINK, _SOCKET, _SPECIAL = 1 << 31, 1 << 27, 1 << 24, 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19
_BLOCK = 512
_BEFORE_MAX = 4  # members that only describe the one that follows
_ABOUT = b"xgLK"


def stat_of(head: Mapping[str, str]) -> tuple[int, str]:
    """The mode, and a link's target. Raises ValueError."""
    text = head.get(STAT, "")
    if not text or len(text) > _STAT_MAX:
        raise ValueError("an archive without a word about what is in it")
    try:
        answer = JsonObject(parse_object(base64.b64decode(text, validate=True).decode()))
    except binascii.Error as error:
        raise ValueError("what is in an archive is not said in base64") from error
    return answer.whole("mode"), answer.text("linkTarget")


def may_hold_file(head: Mapping[str, str]) -> bool:
    """Whether the archive may hold a file or a link; a directory would be sent with all of its content."""
    try:
        return not stat_of(head)[0] & (_FOLDER | _SPECIAL)
    except ValueError:
        return False


def is_socket(head: Mapping[str, str]) -> bool:
    """Whether the path is a socket, which no archive holds."""
    try:
        return bool(stat_of(head)[0] & _SOCKET)
    except ValueError:
        return False


def link_target(head: Mapping[str, str]) -> str:
    """The path's target within the container, if it is a link; else empty. Raises ValueError."""
    mode, target = stat_of(head)
    return target if mode & _LINK else ""


def file_in(archive: bytes, path: str) -> ContainerFile | None:
    """The archive's file; None if its first member is none (Docker sends a link as a link). Raises ValueError."""
    place = 0
    for _ in range(_BEFORE_MAX + 1):
        head = archive[place : place + _BLOCK]
        if len(head) < _BLOCK or not head.rstrip(b"\0"):
            raise ValueError("an archive that ends before there is a file in it")
        size, kind = _number(head[124:136]), head[156:157]
        place += _BLOCK
        if kind in (b"0", b"\0"):
            if len(archive) - place < size:
                raise ValueError("a file that is shorter than its archive says")
            return ContainerFile(path, _number(head[100:108]) & 0o7777, archive[place : place + size])
        if kind not in (bytes((each,)) for each in _ABOUT):
            return None
        place += -(-size // _BLOCK) * _BLOCK
    raise ValueError("an archive with more about a file than a file")


def _number(field: bytes) -> int:
    """Octal digits, or with the first bit set a binary number (GNU)."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    if not text.isdigit() and text:
        raise ValueError(f"no number of an archive: {field!r}")
    return int(text or b"0", 8)
