"""What is reached through a container's binds and devices: by which program, and whether it only reads.

Each comes from where the kernel tells it for least:

- Opens, by marks of fanotify(7) on the container's own mounts (`opens`): reading, writing, executing, a folder's list.
- Calls that name one of these paths, by the BPF programs of the observer: also those that open nothing (stat, mkdir,
  rename, chmod), devices, which fanotify does not tell of, and what a program does before its mounts were marked.
- Connections to sockets, by connect(2) in the same programs; and those that were there before, by sock_diag(7).

Files' names below a bind are not told, only the bind, a socket or a device. A kind of access that comes often is left
out for a minute once it is known. What leads into a bind by a link of the container, or relative to a folder, and opens
nothing is not seen.
"""

from __future__ import annotations

import os
import re
import stat
import time
from functools import partial
from typing import Callable, Dict, Iterable, List, Optional, Set, Tuple

from stratascope.collector.observe.call_programs import READS, WRITES
from stratascope.collector.observe.opens import (
    CLOSE_NOWRITE,
    EXECUTED,
    KINDS,
    OFTEN,
    OPEN,
    OPEN_EXEC,
    QUIET,
    READ,
    WRITTEN,
    Opens,
)
from stratascope.collector.observe.peers import sockets_of_peers
from stratascope.collector.observe.perf import Record
from stratascope.collector.observe.processes import Processes, is_runtime
from stratascope.collector.paths import Sight, mount_of, unescaped
from stratascope.collector.read import TooLongError, read_file

MOUNTS_MAX = 256  # marked
PROGRAMS_MAX = 64  # told per path and kind of access
SOCKETS_MAX = 256  # paths of sockets told
AGAIN = 60.0  # seconds after which the same is told again
WAIT = 0.5  # seconds until a process must be known
WAITING_MAX = 4096
PEERS = 10.0  # seconds between two looks at who is connected
LINKS_MAX = 8192  # open files examined per look
CONNECTED = "connected"
_SAME = (("/var/run/", "/run/"), ("/run/", "/var/run/"))  # mostly one folder
# By name: the index of the path, or of the one that is made or changed
_NAMING = {
    **dict.fromkeys(("stat", "lstat", "statfs", "access", "readlink", "getxattr", "lgetxattr"), (0, READS)),
    **dict.fromkeys(("newfstatat", "statx", "faccessat", "faccessat2", "readlinkat"), (1, READS)),
    **dict.fromkeys(("inotify_add_watch", "name_to_handle_at"), (1, READS)),
    **dict.fromkeys(("mkdir", "rmdir", "unlink", "chmod", "chown", "lchown", "truncate"), (0, WRITES)),
    **dict.fromkeys(("utime", "utimes"), (0, WRITES)),
    **dict.fromkeys(("mknod", "setxattr", "lsetxattr", "removexattr", "lremovexattr", "creat"), (0, WRITES)),
    **dict.fromkeys(("rename", "link", "symlink"), (1, WRITES)),
    **dict.fromkeys(("mkdirat", "unlinkat", "fchmodat", "fchmodat2", "fchownat", "mknodat", "utimensat"), (1, WRITES)),
    **dict.fromkeys(("futimesat",), (1, WRITES)),
    **dict.fromkeys(("renameat", "renameat2", "linkat"), (3, WRITES)),
    "symlinkat": (2, WRITES),
}  # fmt: skip
_OPENING = {"open": (1, 0), "openat": (2, 0), "openat2": (0, READS)}  # 0: by the flags at that index
_MOUNTED = re.compile(r"[0-9]+").fullmatch


def naming(numbers: Dict[str, int]) -> Dict[int, Tuple[int, int]]:
    """By number of a call that names a path and opens nothing: which argument that is, and READS or WRITES."""
    return {numbers[name]: found for name, found in _NAMING.items() if name in numbers}


def _accesses(numbers: Dict[str, int]) -> Dict[int, Tuple[int, int]]:
    return {**naming(numbers), **{numbers[name]: found for name, found in _OPENING.items() if name in numbers}}


def spellings(path: str) -> List[str]:
    """The path, and as it is often named instead."""
    return [path, *(new + path[len(old) :] for old, new in _SAME if path.startswith(old))]


class Reached:
    """All of one container. `places`: paths in it that are watched, and others that are mounted there and are not."""

    def __init__(
        self,
        tell: Callable[..., None],
        processes: Processes,
        places: Dict[str, bool],
        numbers: Dict[str, int],
        resolve: Callable[[int, str], str],
        calls: bool,
    ) -> None:
        """`tell`: time in nanoseconds, kind, fields. `numbers`: of calls by name. `resolve(pid, path)`: where a path
        leads as that process names it; "" if unknown. `calls`: whether `named` and `connected` are called.
        """
        self._tell, self._processes, self._resolve = tell, processes, resolve
        self._watched = {path for path, watched in places.items() if watched}
        self._points = {path: path for path in places}  # where a mount really is, and as it was asked for
        self._longest = sorted(self._points, key=len, reverse=True)
        self._calls = _accesses(numbers)
        self._opens: Dict[str, Opens] = {}
        self._of: Tuple[str, str] = ("", "")  # a mount namespace, and its mounts
        self._told: Dict[Tuple[str, str, str], float] = {}
        self._opened: Dict[Tuple[str, str], int] = {}  # told when it is known whether it was for writing
        self._waiting: List[Tuple[float, str, int, int]] = []
        self._being: Set[str] = set()  # told as watched
        self._sockets: Set[str] = set()
        self._calls_told = calls
        self._unseen_told = False
        if self._watched and not calls:
            self._cannot("connections, and calls that open nothing, can't be seen without BPF")
        self._next_peers = 0.0
        self._counts: Dict[Tuple[str, int], int] = {}
        self._counted = 0.0
        self._left_out: Dict[Tuple[str, int], float] = {}  # path and kind of call: until when
        self.changed = bool(self._watched)  # whether `wanted` has others than before

    def wanted(self) -> Dict[str, int]:
        """By path as a call may name it: which kinds of calls are to be told."""
        self.changed = False
        return {
            name: sum(kind for kind in (READS, WRITES) if (path, kind) not in self._left_out)
            for point, path in self._points.items()
            if path in self._watched
            for name in spellings(point)
        }

    # -- opens

    def look(self, pid: int) -> None:
        """Mark the mounts of that process. Raises nothing."""
        if not self._watched or not pid:
            return
        try:
            of = os.readlink("/proc/%d/ns/mnt" % pid), read_file("/proc/%d/mountinfo" % pid)
            here, root = os.stat("/"), os.stat("/proc/%d/root" % pid)
        except (OSError, TooLongError):
            return
        if of == self._of or (here.st_dev, here.st_ino) == (root.st_dev, root.st_ino):
            return  # the latter: a runtime's, not moved into the container's root yet
        self._of = of
        try:
            self._mark(pid, of[1])
        except OSError as error:
            self._cannot("who opens what is mounted in it can't be seen here: %s" % error.strerror)

    def _mark(self, pid: int, mounts: str) -> None:
        sight = Sight("/proc/%d/root" % pid, str(pid), mounts)
        found: Dict[str, Dict[int, Tuple[int, str]]] = {path: {} for path in self._watched}
        count = 0
        partly: Set[str] = set()
        self._find_points(sight, mounts)
        for line in mounts.split("\n"):
            head, _, tail = line.partition(" - ")
            words = head.split(" ")
            if len(words) < 6 or not _MOUNTED(words[0]):
                continue
            point = unescaped(words[4])
            place = self._place(point)
            if place not in self._watched:
                continue
            count += 1
            if count > MOUNTS_MAX:
                partly.add(place)
                continue
            try:
                descriptor = sight.answering(point)
            except OSError:
                if point == place:
                    partly.add(place)
                continue
            if mount_of(descriptor) == int(words[0]):
                found[place][int(words[0])] = descriptor, tail.partition(" ")[0]
            else:  # another is mounted over it
                os.close(descriptor)
        for place, marks in found.items():
            opens = self._opens.get(place)
            if not marks and opens is None:
                continue
            try:
                if opens is None:
                    opens = self._opens[place] = Opens()
                opens.mark(marks)
            except OSError:
                partly.add(place)
        for place in (self._watched if self._calls_told else set()) - partly - self._being:
            if found[place] or place.startswith("/dev/"):
                self._being.add(place)
                self._tell(time.monotonic_ns(), "watched", place)

    def poll(self, last: bool = False) -> None:
        """Report what has come."""
        now = time.monotonic()
        for place, opens in self._opens.items():
            for pid, mask in opens.take(now).items():
                self._waiting.append((now, place, pid, mask))
        waiting, self._waiting = self._waiting[-WAITING_MAX:], []
        for since, place, pid, mask in waiting:
            name = self._name(pid) or (self._lives_in_it(pid) if since == now else "")
            if name:
                self._seen(int(since * 1e9), place, pid, name, mask)
            elif now - since < WAIT and not last:
                self._waiting.append((since, place, pid, mask))
        for place, opens in self._opens.items():
            opens.limit(now, partial(self._knows, place))
        if last:
            self._rest()

    def once_a_second(self, first: int, pids: Iterable[int]) -> None:
        """`first`: the container's first process; `pids`: all of them."""
        if not self._watched:
            return
        self._rest()
        self.look(first)
        now = time.monotonic()
        over = [key for key, until in self._left_out.items() if now > until]
        for key in over:
            del self._left_out[key]
        self.changed = self.changed or bool(over)
        if now >= self._next_peers and first:
            began = self._next_peers == 0.0
            self._next_peers = now + PEERS
            self._connections(first, list(pids), files=began)

    def close(self) -> None:
        """Close all marks."""
        for each in self._opens.values():
            each.close()
        self._opens = {}

    def _seen(self, at: int, place: str, pid: int, name: str, mask: int) -> None:
        if mask & OPEN_EXEC:
            self._reached(at, pid, place, EXECUTED, name)
        if mask & KINDS[WRITTEN]:
            self._reached(at, pid, place, WRITTEN, name)
        if mask & CLOSE_NOWRITE:
            self._reached(at, pid, place, READ, name)
        elif mask & OPEN and not mask & KINDS[WRITTEN] and len(self._opened) < WAITING_MAX:
            self._opened.setdefault((place, name), pid)

    def _rest(self) -> None:
        """What was opened and is still open counts as read, unless it was written to."""
        opened, self._opened = self._opened, {}
        for (place, name), pid in opened.items():
            if (place, WRITTEN, name) not in self._told:
                self._reached(time.monotonic_ns(), pid, place, READ, name)

    # -- calls

    def named(self, record: Record) -> None:
        """A call that named a watched path; `extra`: its number."""
        if record.bits != 64:
            return
        path = record.raw.decode("utf-8", "surrogateescape")
        place = self._place(next((each for each in spellings(path) if self._place(each) in self._watched), path))
        if place not in self._watched:
            return
        where, kind = self._calls.get(record.extra, (0, READS))
        if kind not in (READS, WRITES):
            kind = WRITES if record.registers[where] & os.O_ACCMODE else READS
        name = self._whose(record)
        if name:
            self._reached(record.time, record.pid, place, WRITTEN if kind == WRITES else READ, name)
        now = time.monotonic()
        if now > self._counted + 1:
            self._counted, self._counts = now, {}
        self._counts[place, kind] = count = self._counts.get((place, kind), 0) + 1
        if count > OFTEN:
            known = self._knows(place, WRITTEN if kind == WRITES else READ)
            self.changed = True
            self._left_out[place, kind] = now + (QUIET if known else 1.0)

    def moved(self, record: Record) -> None:
        """Another working directory, by an absolute path; `raw`: that."""
        path = record.raw.decode("utf-8", "surrogateescape")
        place, name = self._place(path), self._name(record.pid)
        if place in self._watched and name:
            self._reached(record.time, record.pid, place, READ, name)

    def connected(self, record: Record) -> None:
        """connect(2) to a socket; `raw`: its address (unix(7))."""
        path = record.raw[2:].split(b"\0")[0].decode("utf-8", "surrogateescape")
        name = self._whose(record)
        if record.bits != 64 or not path or not name:
            return
        found = self._resolve(record.pid, path) or (path if path.startswith("/") else "")
        if found:
            self._socket(record.time, record.pid, found, name)

    def _socket(self, at: int, pid: int, path: str, name: str) -> None:
        place, path = self._as_asked(path)
        if place in self._watched and (path in self._sockets or len(self._sockets) < SOCKETS_MAX):
            self._sockets.add(path)
            self._reached(at, pid, path, CONNECTED, name)

    # -- what was there before

    def _connections(self, first: int, pids: List[int], files: bool) -> None:
        """Who is connected to a socket in a bind; `files`: also who has a file open."""
        mine: Dict[int, int] = {}
        left = LINKS_MAX
        for pid in pids:
            try:
                numbers = os.listdir("/proc/%d/fd" % pid)
            except OSError:
                continue
            for number in numbers[: max(0, left)]:
                try:
                    link = os.readlink("/proc/%d/fd/%s" % (pid, number))
                except OSError:
                    continue
                if link.startswith("socket:["):
                    mine[int(link[8:-1])] = pid
                elif files and self._place(link) in self._watched:
                    self._open_before(pid, number, self._place(link))
            left -= len(numbers)
            if files:
                self._runs(pid)
        sight: Optional[Sight] = None
        for peer in sockets_of_peers(mine, first):
            name = self._name(peer.whose)
            sight = sight or Sight("/proc/%d/root" % first, str(first))
            path = self._where(sight, peer.path, peer.inode, peer.device) if name else ""
            if path:
                self._socket(time.monotonic_ns(), peer.whose, path, name)

    def _open_before(self, pid: int, number: str, place: str) -> None:
        try:
            flags = int(read_file("/proc/%d/fdinfo/%s" % (pid, number)).partition("flags:")[2].split()[0], 8)
        except (OSError, TooLongError, ValueError, IndexError):
            return
        name = self._name(pid)
        if name and not flags & os.O_PATH:
            self._reached(time.monotonic_ns(), pid, place, WRITTEN if flags & os.O_ACCMODE else READ, name)

    def _runs(self, pid: int) -> None:
        for link, access in (("exe", EXECUTED), ("cwd", READ)):
            try:
                place = self._place(os.readlink("/proc/%d/%s" % (pid, link)))
            except OSError:
                continue
            name = self._name(pid)
            if place in self._watched and name:
                self._reached(time.monotonic_ns(), pid, place, access, name)

    def _where(self, sight: Sight, bound: str, inode: int, device: int) -> str:
        """Where in the container a socket is, by the path that its server bound; "" if not in a watched path."""
        parts = [part for part in bound.split("/") if part]
        for place in self._watched:
            for cut in range(len(parts) + 1):
                path = "/".join((place.rstrip("/"), *parts[cut:])) if cut < len(parts) else place
                try:
                    descriptor = sight.answering(path)
                except OSError:
                    continue
                try:
                    about = os.fstat(descriptor)
                finally:
                    os.close(descriptor)
                if stat.S_ISSOCK(about.st_mode) and (about.st_ino & 0xFFFFFFFF, about.st_dev) == (inode, device):
                    return path
        return ""

    # -- inside

    def _find_points(self, sight: Sight, mounts: str) -> None:
        """Where the watched paths are mounted, if a link of the container leads there: /var/run is one to /run."""
        points: Dict[str, str] = {}
        for line in mounts.split("\n"):
            words = line.split(" ", 5)
            if len(words) > 5:
                points[words[0]] = unescaped(words[4])
        for place in self._watched - set(points.values()):
            if place.startswith("/dev/"):
                continue
            try:
                descriptor = sight.answering(place)
            except OSError:
                continue
            try:
                point = points.get(str(mount_of(descriptor)), "/")
            finally:
                os.close(descriptor)
            if point.rpartition("/")[2] == place.rpartition("/")[2]:
                self._points[point] = place
        self._longest = sorted(self._points, key=len, reverse=True)
        self.changed = True

    def _as_asked(self, path: str) -> Tuple[str, str]:
        """The mount or device that a path of the container is at or below, and the path with it as it was asked for;
        "" if it is none of those known.
        """
        for each in self._longest:
            if path == each or path.startswith(each.rstrip("/") + "/"):
                place = self._points[each]
                return place, place.rstrip("/") + path[len(each.rstrip("/")) :]
        return "", ""

    def _place(self, path: str) -> str:
        return self._as_asked(path)[0]

    def _name(self, pid: int) -> str:
        """The program of one of the container's processes; "" if it is none, or a runtime's still."""
        found = self._processes.known.get(pid) or self._processes.past(pid)
        return found.command if found is not None and found.counts else ""

    def _lives_in_it(self, pid: int) -> str:
        """The same of one that nothing has been told of yet, by its mount namespace."""
        try:
            if os.readlink("/proc/%d/ns/mnt" % pid) != self._of[0]:
                return ""
            command = read_file("/proc/%d/comm" % pid).rstrip("\n")
        except (OSError, TooLongError):
            return ""
        return "" if is_runtime(command.split(":")[0]) else command

    def _whose(self, record: Record) -> str:
        name = self._name(record.pid)
        command = record.copied.command if name and record.copied is not None else ""
        return name if not command or is_runtime(command.split(":")[0]) else command  # as it was then

    def _knows(self, place: str, kind: str) -> bool:
        return any(told[:2] == (place, kind) for told in self._told)

    def _reached(self, at: int, pid: int, path: str, access: str, name: str) -> None:
        key = path, access, name
        before = self._told.get(key)
        if before is not None and at / 1e9 - before < AGAIN:
            return
        if before is None and sum(told[:2] == key[:2] for told in self._told) >= PROGRAMS_MAX:
            return
        self._told[key] = at / 1e9
        self._tell(at, "reached", pid, path[:4096], access, name)

    def _cannot(self, why: str) -> None:
        if not self._unseen_told:
            self._unseen_told = True
            self._tell(time.monotonic_ns(), "unseen", "reached", why)
