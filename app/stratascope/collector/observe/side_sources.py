"""Events from outside the perf rings: opens of masked paths, programs that did not gain their rights, the kernel's log.

Each needs something that a machine may lack; then it is reported as not seen, and the rest goes on.

Opening a masked path succeeds, and reading it gives nothing. Such opens are observed by fanotify(7), with marks on
exactly those mounts: /dev/null over a file of /proc or /sys, a read-only tmpfs over a directory there. Nothing else is
watched, no process is delayed (FAN_CLASS_NOTIF), and the descriptor that comes with each event is closed at once. A
newer kernel (6.18 here) reports nothing on /dev/null, whatever is marked: that is tested, and such files' paths are
looked for in the calls that open something (`Sources.masks`). If a masked path is opened in a loop, its mark is removed
for the rest of the second.

Programs that give rights (set-uid, set-gid, or with file capabilities, execve(2)) also run without gaining them, and
the kernel reports nothing, so each program that begins is examined: what its file would have given, what the process
has, and whether there is a known reason for the difference (no_new_privs, a mount with nosuid, a bounding set without
it, an owner that its user namespace does not map). Without such a reason it is left out: the program may have dropped
the rights itself since.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import time
from typing import Callable, Dict, List, Optional, Set, Tuple

from stratascope.collector.observe.calls import Calls
from stratascope.collector.observe.credentials import Around, Credentials, described
from stratascope.collector.observe.kernel_log import KernelLog
from stratascope.collector.observe.moments import Budget, Moments, bounded
from stratascope.collector.observe.perf import Record
from stratascope.collector.observe.processes import Processes, Signals
from stratascope.collector.observe.protocol import Lines
from stratascope.collector.paths import Sight, mount_of, unescaped
from stratascope.collector.read import TooLongError, read_file

MARKED_MAX = 100  # per second, over all marks
PLACES_MAX = 256
_CLOEXEC, _NONBLOCK = 1, 2  # FAN_CLOEXEC, FAN_NONBLOCK; FAN_CLASS_NOTIF is 0
_ADD, _REMOVE, _MOUNT = 0x1, 0x2, 0x10  # FAN_MARK_*
_OPEN, _ONDIR = 0x20, 0x40000000  # FAN_OPEN, FAN_ONDIR
_EVENT_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_EVENT = struct.Struct("=IBBHQii")  # struct fanotify_event_metadata


class Masked:
    """Marks on the masks of one process. Raises OSError: no fanotify here."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.fanotify_init.argtypes = (ctypes.c_uint, ctypes.c_uint)
        arguments = (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p)
        self._libc.fanotify_mark.argtypes = arguments
        self.descriptor: int = self._libc.fanotify_init(_CLOEXEC | _NONBLOCK, _EVENT_FLAGS)
        if self.descriptor < 0:
            raise _error()
        self.files: List[str] = []  # masked files whose opens this kernel does not report
        self._of: Tuple[str, List[Tuple[int, str]]] = ("", [])  # a mount namespace, and its masks
        self._marks: Dict[int, Tuple[int, str]] = {}  # by mount id: an O_PATH descriptor and its path
        self._marked = False
        self._until, self._opens = 0.0, 0

    def watch(self, pid: int) -> None:
        """Watch the masks of that process instead of the previous one's. Raises OSError: they can't be marked."""
        try:
            of = os.readlink("/proc/%d/ns/mnt" % pid)
            found = masks(read_file("/proc/%d/mountinfo" % pid))[:PLACES_MAX]
        except (OSError, TooLongError):
            return  # it has ended
        if (of, found) == self._of:
            return  # a runtime makes them after its process has started
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
        """Return the processes that opened a masked path since, and the path."""
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
        if self._opens > MARKED_MAX and self._marked:
            self._mark(_REMOVE)
        return found

    def close(self) -> None:
        """Close everything; that removes the marks."""
        self._clear()
        os.close(self.descriptor)

    def _tells_of_null(self) -> bool:
        """Whether fanotify reports an open of /dev/null, tried with our own."""
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
    """The mounts in a mountinfo that mask something of /proc or /sys: id and path."""
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
    """Whether it is /dev/null, or a directory."""
    about = os.fstat(descriptor)
    return stat.S_ISDIR(about.st_mode) or (stat.S_ISCHR(about.st_mode) and about.st_rdev == os.makedev(1, 3))


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


_ROOT_ONLY = 0x02000000  # VFS_CAP_REVISION_2: for the root of the file system's own user namespace
_REVISION = 0xFF000000


def lacks(pid: int, around: Around) -> bool:
    """Whether that process, as found right after exec, lacks what its file gives."""
    place = around.get("place") or {}
    node, ids = place.get("node"), around.get("ids")
    if not node or node[0] != "file" or not ids:
        return False
    taken = around.get("no_new_privs") == 1 or _nosuid(place.get("mount") or "")
    mode, owner, group = node[1:4]
    executable_by_group = mode & stat.S_ISGID and mode & stat.S_IXGRP
    if (mode & stat.S_ISUID and owner != ids[0] and (taken or not _maps(pid, "uid_map", owner))) or (
        executable_by_group and group != ids[1] and (taken or not _maps(pid, "gid_map", group))
    ):
        return True
    return bool(node[5]) and _lacks_capabilities(pid, place.get("gives", ""), around, taken)


def _lacks_capabilities(pid: int, gives: str, around: Around, taken: bool) -> bool:
    """The same for file capabilities (capabilities(7); struct vfs_cap_data of include/uapi/linux/capability.h)."""
    try:
        data = bytes.fromhex(gives)
        magic, low = struct.unpack_from("<II", data)
        (high,) = struct.unpack_from("<I", data, 12) if len(data) >= 20 else (0,)
        wanted = low | high << 32
        missing = wanted & ~int(around["permitted"], 16)
        bounded = wanted & ~int(around["bounding"], 16)
    except (ValueError, KeyError, struct.error):
        return False
    elsewhere = magic & _REVISION == _ROOT_ONLY and not _is_initial(pid)
    return bool(missing & bounded) or (missing != 0 and (taken or elsewhere))


def _nosuid(line: str) -> bool:
    words = line.split(" ")
    return len(words) > 5 and "nosuid" in words[5].split(",")


def _map(pid: int, name: str) -> Optional[List[List[int]]]:
    """Parse a map into inside, outside, count (user_namespaces(7)); None if it can't be read."""
    try:
        text = read_file("/proc/%d/%s" % (pid, name))
        return [list(map(int, line.split())) for line in text.split("\n") if line]
    except (OSError, TooLongError, ValueError):
        return None


def _maps(pid: int, name: str, number: int) -> bool:
    found = _map(pid, name)
    return found is None or any(outside <= number < outside + count for _, outside, count in found)


def _is_initial(pid: int) -> bool:
    return _map(pid, "uid_map") in (None, [[0, 0, (1 << 32) - 1]])


KINDS_MAX = 1024  # masked paths reported per process
BEGAN_MAX = 100  # programs examined per second
OPENS_MAX = 50  # opens of masked paths reported with their context, per second
TWICE = 500000000  # nanoseconds
RECENT = 2.0  # seconds in which a process that has ended is still known
RECENT_MAX = 4096
WAIT = 0.5  # seconds until the process that opened something must be known
WAITING_MAX = 256


class SideSources:
    """The side sources of one observation."""

    def __init__(self, lines: Lines, processes: Processes, signals: Signals, moments: Moments, calls: Calls,
                 credentials: Credentials) -> None:  # fmt: skip
        self._lines, self._processes, self._moments, self._credentials = lines, processes, moments, credentials
        self._ended: Dict[int, float] = {}
        processes.ends.append(self._process_ended)
        self._programs, self._opens = Budget(BEGAN_MAX), Budget(OPENS_MAX)
        self._reported: Dict[int, Set[str]] = {}  # masked paths already reported, by process
        self._ran: Tuple[int, str, int] = (0, "", 0)  # the last one reported
        self._unseen_reported: Set[Tuple[str, str]] = set()
        self._waiting: List[Tuple[float, int, str, Around]] = []
        self._masked: Optional[Masked] = None
        self._log: Optional[KernelLog] = None
        try:
            self._masked = Masked()
        except OSError as error:
            self.unseen("masked", "this kernel tells nobody who opens a file (fanotify): %s" % error.strerror)
        try:
            self._log = KernelLog(lines.tell, self.is_mine, calls.refused_last, signals.logged)
        except OSError as error:
            why = "the kernel's log can't be read (%s): CAP_AUDIT_READ or CAP_SYSLOG would allow it" % error.strerror
            self.unseen("log", why)

    def wakers(self) -> List[int]:
        """Descriptors to poll."""
        return [each.descriptor for each in (self._masked, self._log) if each is not None]

    def fresh(self, records: List[Record]) -> List[Record]:
        """Attach to exec records what the process is and which rights it has."""
        for number, record in enumerate(records):
            if record.kind == "exec" and self._programs.take(record.pid, record.time):
                since = time.monotonic_ns()
                held, about = self._moments.ran(record.pid)
                self._credentials.began(record.pid, record.time, since, held)
                records[number] = record._replace(about=about)
        return records

    def executed(self, record: Record, unread: Optional[Around]) -> None:
        """Handle exec. `unread`: what the process is without rights from its file, if it could not be read."""
        about = unread or record.about  # if a call may have changed it before it was read, there is only `unread`
        if about is not None and lacks(record.pid, about):
            path = about["place"]["path"]
            # two programs in quick succession in one process may both have been read as the second
            if self._ran[:2] != (record.pid, path) or record.time - self._ran[2] > TWICE:
                self._lines.tell(record.time, "not-gained", record.pid, path, about)
            self._ran = record.pid, path, record.time

    def poll(self, last: bool = False) -> None:
        """Report what has come. `last`: this is the final call."""
        now = time.monotonic()
        if self._log is not None:
            self._log.take(last)
        if self._masked is not None:
            taken = [(now, pid, path, described(pid)) for pid, path in self._masked.take()]
            opened, self._waiting = self._waiting, []
            for since, pid, path, around in opened + taken if last else opened:
                if self.is_mine(pid):
                    self._opened(int(since * 1e9), pid, path, around)
                elif now - since < WAIT and not last:
                    self._waiting.append((since, pid, path, around))
            # reported at the next poll: by then the start of its program has been read from the rings
            self._waiting += [] if last else taken
            del self._waiting[:-WAITING_MAX]

    def once_a_second(self, first: int, watch: Callable[[List[str]], bool]) -> None:
        """Update once a second. `first`: the container's first process, whose mounts are watched; 0 if there is none.

        `watch`: makes the kernel report opens of these files; returns whether it can.
        """
        now = time.monotonic()
        self._ended = {pid: at for pid, at in self._ended.items() if now - at < RECENT}
        if self._masked is not None and first:
            try:
                self._masked.watch(first)
                if not watch(self._masked.files):
                    self.unseen("masked", "this kernel does not tell who opens a file that is masked, only a folder")
            except OSError as error:
                self.unseen("masked", "who opens a masked path can't be seen here: %s" % error.strerror)
        if self._log is not None and self._log.dropped:
            self.unseen("log", "the kernel said more than is told; some lines are missing")

    def named(self, record: Record, path: str) -> None:
        """Handle an open of a masked file by its path."""
        if self._masked is not None and path in self._masked.files:
            held = self._credentials.of(record.pid, record.time)
            self._opened(record.time, record.pid, path, {"tid": record.tid, **({} if held is None else held.around)})

    def is_mine(self, pid: int) -> bool:
        """Whether a process is in the group, or was a moment ago."""
        return pid in self._processes.known or pid in self._ended

    def close(self) -> None:
        """Close all sources."""
        for each in (self._masked, self._log):
            if each is not None:
                each.close()

    def unseen(self, what: str, why: str) -> None:
        """Report once that something can't be seen."""
        if (what, why) not in self._unseen_reported:
            self._unseen_reported.add((what, why))
            self._lines.now("unseen", what, why)

    # -- inside

    def _opened(self, at: int, pid: int, path: str, around: Around) -> None:
        reported = self._reported.setdefault(pid, set())
        if path in reported:
            return
        if not self._opens.take(pid, at):
            self.unseen("masked", "more masked paths were opened than are told")
            return
        if len(reported) >= KINDS_MAX:
            reported.clear()
        reported.add(path)
        self._lines.tell(at, "masked", pid, path, bounded(around))

    def _process_ended(self, pid: int, _: int) -> None:
        self._reported.pop(pid, None)
        if len(self._ended) >= RECENT_MAX:
            self._ended.clear()
        self._ended[pid] = time.monotonic()
