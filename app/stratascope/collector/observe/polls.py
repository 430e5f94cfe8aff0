"""Polled once a second: ports and their users, ids, open devices, peaks, and what was written.

All of it is in /proc, in the control groups' files and in the root's upper directory. Sockets are attributed to the
container by inode, since an engine may have sockets of its own in that network namespace (Docker's name server), and a
container may share the host's. What comes and goes within a second is not seen here, but the calls that it takes are,
by the tracepoints.

What a container wrote outside its mounts is found by walking its root's upper directory, where an overlay stores all
writes. The kernel names that directory in the options of the root mount. The text is the mounter's, and a container
that may mount could name any directory: so it only counts if it is the upper half of that very root (the inode is the
same as the one that the overlay shows, if all its layers are on one file system). No link is followed, no other file
system entered, and number and time are bounded. Names are reported, no contents. Decided against the engines' own
`diff`: it does not show a directory whose new file is gone again.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from stratascope.collector.cgroups import V2
from stratascope.collector.observe.group import Group, first_of
from stratascope.collector.observe.trace import start_of_process
from stratascope.collector.paths import Sight, open_here, reopen, unescaped
from stratascope.collector.read import CHUNK, SIZE_MAX, TooLongError, read_file

LOOKED_AT_MAX = 50000
WRITTEN_MAX = 20000
DEPTH_MAX = 64
SECONDS = 0.3  # per walk
STUB = 0.01  # seconds (a tick of the kernel's clock) in which a change counts as that of the mount point made in it
SHARE = 50  # a walk may take 1/SHARE of the time
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK


class NoUpperError(Exception):
    """Why writes can't be seen."""


class Written:
    """The upper directory of one process's root. Changes before `since` (wall clock, seconds) are not reported."""

    def __init__(self, pid: int, since: float, tell: Callable[[str, str], None]) -> None:
        """Open the upper directory. Raises NoUpperError."""
        self._pid = pid
        self._since = since
        self._tell = tell
        self._reported: Set[str] = set()
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

    def poll(self, now: float) -> None:
        """Walk, if it is due."""
        if now < self._next:
            return
        begun = time.monotonic()
        waiting: List[Tuple[int, str, int]] = [(os.dup(self._root), "", 0)]
        looked = 0
        try:
            while waiting:
                folder, path, depth = waiting.pop()
                stub = 0.0  # when the youngest of the engine's mount points was made here
                try:
                    for name in os.listdir(folder):
                        looked += 1
                        if looked > LOOKED_AT_MAX or time.monotonic() - begun > SECONDS:
                            self.broken_off = True
                            return
                        stub = max(stub, self._item(folder, path + "/" + name, name, depth, waiting))
                    # a directory exists for what is below it: it was written to if its list of names changed
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
        """Close the descriptor."""
        os.close(self._root)

    def _item(self, folder: int, path: str, name: str, depth: int, waiting: List[Tuple[int, str, int]]) -> float:
        """Handle one name in a directory; returns when it was made, if it only exists to be mounted on."""
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
        if changed >= self._since and path not in self._reported and len(self._reported) < WRITTEN_MAX:
            self._reported.add(path)
            self._tell(path, _kind(about))


def _kind(about: os.stat_result) -> str:
    if stat.S_ISDIR(about.st_mode):
        return "folder"
    # a character device 0:0 is a whiteout: a file of a lower layer is gone (filesystems/overlayfs.rst)
    if (stat.S_ISCHR(about.st_mode) and about.st_rdev) or stat.S_ISBLK(about.st_mode):
        return "device"
    return "file"


def _upper(pid: int) -> Tuple[str, Set[str]]:
    """The upper directory of the root mount, and the other mount points."""
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


LINKS_MAX = 8192  # open files examined per poll, over all processes
TOLD_MAX = 4096
SETTLED = 2.0  # seconds in which a runtime has moved its process into the container's root directory
KEPT_MAX = 8  # processes reported per capability: some still are the runtime's
_LISTEN, _UDP_OPEN = "0A", "07"  # TCP_LISTEN, TCP_CLOSE (an unconnected UDP socket): include/net/tcp_states.h
_NO_DEVICES = ("/dev/shm/", "/dev/mqueue/", "/dev/hugepages/")
# a hierarchy's file, the name in the stream, the unit's factor
_PEAKS = (
    (V2, "memory.peak", "memory"),
    (V2, "memory.current", "memory"),
    (V2, "pids.peak", "pids"),
    (V2, "pids.current", "pids"),
    ("memory", "memory.max_usage_in_bytes", "memory"),
    ("pids", "pids.peak", "pids"),
    ("pids", "pids.current", "pids"),
)

Tell = Callable[..., None]  # kind, fields


class Polls:
    """One container. `first`: its first process and that one's start time, (0, "") if it is yet to come."""

    def __init__(self, group: Group, first: Tuple[int, str], tell: Tell) -> None:
        self._group = group
        self._first = first
        self._tell = tell
        self._reported: Set[Tuple[Any, ...]] = set()
        self._users: Dict[int, Tuple[int, int]] = {}
        self._kept: Dict[int, Set[int]] = {}
        self._peaks: Dict[str, float] = {}
        self._cpu: Optional[Tuple[float, float]] = None
        self._written: Optional[Written] = None
        self._written_of: Tuple[int, int, int] = (0, 0, 0)
        self._no_upper = 0.0  # since when there has been none
        self._why_no_upper = ""
        self._unseen_reported: Set[str] = set()

    @property
    def first(self) -> int:
        """The first process, as of the last poll; 0 if there is none."""
        return self._first[0]

    def poll(self, pids: List[int]) -> None:
        """Poll everything once."""
        if not self._first[0] or start_of_process(self._first[0]) != self._first[1]:
            self._first = first_of(pids)
        sockets: Set[str] = set()
        left = LINKS_MAX
        for pid in pids:
            self.user(pid)
            left -= self._files(pid, sockets, left)
        for pid in [pid for pid in self._users if pid not in pids]:
            del self._users[pid]
        if self._first[0]:
            self._ports(self._first[0], sockets, whole=left > 0)
            self._writes(self._first[0])
        self._counters()

    def last(self) -> None:
        """Poll the counters and the written files, which outlive the processes for a moment."""
        if self._written is not None:
            self._written.poll(math.inf)
        elif self._why_no_upper:
            self._unseen("written", self._why_no_upper)
        self._counters()

    def user(self, pid: int) -> None:
        """Report its ids, as it counts them, and capabilities that it kept on purpose when it ceased to be root."""
        try:
            status = read_file("/proc/%d/status" % pid)
            users = list(map(int, status.partition("\nUid:")[2].split(None, 4)[:3]))  # real, effective, saved
            groups = list(map(int, status.partition("\nGid:")[2].split(None, 4)[:3]))
            text = read_file("/proc/%d/uid_map" % pid)
            ids = [_inside(users[1], text), _inside(groups[1], read_file("/proc/%d/gid_map" % pid))]
        except (OSError, TooLongError, ValueError, IndexError):
            return
        if None not in ids and self._users.get(pid) != tuple(ids):
            self._users[pid] = (ids[0] or 0, ids[1] or 0)
            self._tell("user", pid, *ids)
        if 0 not in [_inside(user, text) for user in users]:  # it can't become root again
            with contextlib.suppress(ValueError, IndexError):
                permitted = int(status.partition("\nCapPrm:")[2].split(None, 1)[0], 16)
                for number in range(permitted.bit_length()):
                    of = self._kept.setdefault(number, set())
                    if permitted >> number & 1 and pid not in of and len(of) < KEPT_MAX:
                        of.add(pid)
                        self._tell("holds", pid, number)

    def rooted(self, pid: int, started: str = "") -> None:
        """Open its root's upper directory: it may be gone before the next poll. Called for each program that begins."""
        root, since = _root_of(pid), started or start_of_process(pid)
        gone = not root[1] or not since
        if gone and not self._why_no_upper:
            self._why_no_upper = "it was over before anybody could look"
        if gone or (self._written is not None and (not started or self._written_of == root)):
            return
        self.close()
        try:
            if root[1:] == _root_of(os.getpid())[1:]:  # a runtime's process, not moved into the container's root yet
                raise NoUpperError("its root directory is this machine's")
            self._written = Written(pid, _begun(since), lambda *found: self._tell("written", *found))
            self._written_of = root
        except NoUpperError as error:
            self._why_no_upper = str(error)
            self._no_upper = self._no_upper or time.monotonic()
            if time.monotonic() - self._no_upper > SETTLED:
                self._unseen("written", self._why_no_upper)

    def close(self) -> None:
        """Close what is open."""
        if self._written is not None:
            self._written.close()
            self._written = None

    def _files(self, pid: int, sockets: Set[str], left: int) -> int:
        """Examine open files: their number, devices, sockets; returns how many were examined."""
        try:
            folder = os.open("/proc/%d/fd" % pid, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return 0
        try:
            numbers = os.listdir(folder)
            self._peak("open_files", len(numbers))
            for number in numbers[: max(0, left)]:
                try:
                    link = os.readlink(number, dir_fd=folder)
                except OSError:
                    continue
                if link.startswith("socket:["):
                    sockets.add(link[8:-1])
                elif link.startswith("/dev/") and not link.startswith(_NO_DEVICES):
                    self._once("device", pid, link[:4096])
            return len(numbers)
        except OSError:
            return 0
        finally:
            os.close(folder)

    def _ports(self, pid: int, sockets: Set[str], whole: bool) -> None:
        listening: Set[Tuple[str, int]] = set()
        used: List[Tuple[str, int, str, str]] = []
        for name in ("tcp", "tcp6", "udp", "udp6"):
            protocol = name[:3]
            for local, port, remote, state, inode in _sockets(pid, name):
                if state == (_LISTEN if protocol == "tcp" else _UDP_OPEN):
                    if inode in sockets or not whole:
                        listening.add((protocol, port))
                        self._once("listens", protocol, port, _is_loopback(local))
                else:
                    used.append((protocol, port, local, remote))
        for protocol, port, local, remote in used:
            if (protocol, port) in listening:
                self._once("peer", protocol, port, remote == local or _is_loopback(remote))

    def _writes(self, pid: int) -> None:
        self.rooted(pid, self._first[1])
        if self._written is not None:
            self._written.poll(time.monotonic())
            if self._written.broken_off:
                self._unseen("written", "there is too much to look at; some of what it wrote is not told")

    def _counters(self) -> None:
        for hierarchy, name, what in _PEAKS:
            directory = self._group.counted.get(hierarchy)
            value = _value(directory + "/" + name) if directory is not None else None
            if value is not None:
                self._peak(what, value)
        now, spent = time.monotonic(), _cpu_seconds(self._group.counted)
        if spent is None:
            self._unseen("cpu", "no control group counts it")
            return
        if self._cpu is not None and now > self._cpu[0]:
            self._peak("cpu", round(max(0.0, spent - self._cpu[1]) / (now - self._cpu[0]), 2))
        self._cpu = now, spent

    def _peak(self, what: str, value: float) -> None:
        if value > self._peaks.get(what, -1):
            self._peaks[what] = value
            self._tell("peak", what, value)

    def _once(self, *line: Any) -> None:
        if line not in self._reported and len(self._reported) < TOLD_MAX:
            self._reported.add(line)
            self._tell(*line)

    def _unseen(self, what: str, why: str) -> None:
        if what not in self._unseen_reported:
            self._unseen_reported.add(what)
            self._tell("unseen", what, why)


def _sockets(pid: int, name: str) -> Iterator[Tuple[str, int, str, str, str]]:
    """Yield local address, port, remote address, state, inode of each, from at most the first MiB (proc_net(5))."""
    text = b""
    with contextlib.suppress(OSError):
        descriptor = os.open("/proc/%d/net/%s" % (pid, name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            while len(text) < SIZE_MAX:
                chunk = os.read(descriptor, CHUNK)
                if not chunk:
                    break
                text += chunk
        finally:
            os.close(descriptor)
    for line in text.decode("ascii", "replace").split("\n")[1:]:
        words = line.split()
        if len(words) > 9:
            local, _, port = words[1].partition(":")
            yield local, int(port, 16), words[2].partition(":")[0], words[3], words[9]


def _is_loopback(address: str) -> bool:
    """Whether an address in the kernel's format is in 127.0.0.0/8 or ::1: 32-bit words in the machine's byte order."""
    words = [bytes.fromhex(address[place : place + 8])[::-1] for place in range(0, len(address), 8)]
    data = b"".join(words)
    if len(data) == 4:
        return data[0] == 127
    return data == bytes(15) + b"\1" or (data[:12] == bytes(10) + b"\xff\xff" and data[12] == 127)


def _inside(number: int, text: str) -> Optional[int]:
    """Translate a user id into the process's, by its map (user_namespaces(7)); None if it is not mapped."""
    for line in text.split("\n"):
        words = line.split()
        if len(words) == 3:
            inside, outside, count = map(int, words)
            if outside <= number < outside + count:
                return inside + number - outside
    return None


def _value(path: str) -> Optional[int]:
    try:
        return int(read_file(path))
    except (OSError, TooLongError, ValueError):
        return None


def _cpu_seconds(counted: Dict[str, str]) -> Optional[float]:
    for name in ("cpuacct", "cpu"):
        if name in counted:
            spent = _value(counted[name] + "/cpuacct.usage")
            if spent is not None:
                return spent / 1e9
    try:
        text = read_file(counted[V2] + "/cpu.stat")
        return int(text.partition("usage_usec ")[2].split("\n", 1)[0]) / 1e6
    except (KeyError, OSError, TooLongError, ValueError):
        return None


def _root_of(pid: int) -> Tuple[int, int, int]:
    """Identify a process and its root directory, which a runtime changes before the program begins."""
    try:
        root = os.stat("/proc/%d/root" % pid)
    except OSError:
        return pid, 0, 0
    return pid, root.st_dev, root.st_ino


def _begun(start: str) -> float:
    """When a process began, on the machine's clock, from its start time in ticks since boot."""
    ago = time.clock_gettime(time.CLOCK_BOOTTIME) - int(start or 0) / os.sysconf("SC_CLK_TCK")
    return time.time() - ago - 0.01  # a tick
