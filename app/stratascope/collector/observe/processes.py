"""Following the processes of one control group: what each is, since when, how it ends, and the signals that end it.

Programs are reported as they were named for execve(2): a runtime that starts itself anew (/proc/self/exe) shows by
that. A process lives as long as one of its threads: the first may end before the others, and what a thread executes
takes over the first one's number. One that was never reported (moved in, or made from outside) is looked up once. Forks
and names come from the kernel's own records (perf_event_open(2), PERF_RECORD_FORK, COMM), which tell threads from
processes where the tracepoints do not; ends from the tracepoint, since PERF_RECORD_EXIT also says that a set-user-ID
program is run (fs/exec.c, begin_new_exec).

A filter that kills or traps leaves the call's number in the register of the answer (syscall_rollback), so it is read
off with the signal. One that ends a single thread of several sends no signal (SECCOMP_RET_KILL_THREAD): of that only
the kernel's log knows, and it is reported as if there had been one.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from stratascope.collector.read import TooLongError, read_file

if TYPE_CHECKING:  # core takes what is a runtime from here, and needs no ctypes for it
    from stratascope.collector.observe.perf import Record
    from stratascope.collector.observe.trace import Point

PROCESSES_MAX = 1 << 16
PATH_MAX = 4096
# signals whose default is not to end a process (signal(7))
_HARMLESS = frozenset((17, 18, 19, 20, 21, 22, 23, 28))
_KILL = 9
_SOON = 100000000  # nanoseconds

# By these a runtime starts itself anew inside (libcontainer/nsenter, crun)
_ANEW = ("/proc/self/exe", "/dev/fd/", "/proc/self/fd/", "memfd:", "/memfd:")
# Engines and their runtimes, which may be in the group of a twin before its program is (conmon is, below a parent)
_RUNTIMES = frozenset(
    ("conmon", "conmonrs", "containerd-shim-runc-v2", "crun", "docker-runc", "podman", "runc", "youki")
)

Tell = Callable[..., None]  # time in nanoseconds, kind, fields


def is_runtime(program: str) -> bool:
    """Whether that is an engine's runtime by its path, and not the container's program yet."""
    return program.startswith(_ANEW) or program.rpartition("/")[2] in _RUNTIMES


class Known:
    """What is known of one process."""

    __slots__ = ("abi", "code", "command", "leaves", "parent", "program", "sent", "signal", "threads")

    def __init__(self, parent: int, command: str, program: str, abi: str, threads: Set[int]) -> None:
        self.parent = parent
        self.command = command
        self.program = program
        self.abi = abi
        self.threads = threads
        self.code: Optional[int] = None
        self.signal: Optional[int] = None
        self.leaves = False
        self.sent: Optional[Tuple[int, int]] = None  # signal, time


class Processes:
    """All of them by number. `native`, `foreign`: entry points of programs of 64 and of 32 bits."""

    def __init__(self, tell: Tell, native: str, foreign: str) -> None:
        self._tell = tell
        self.native = native
        self.foreign = foreign
        self.known: Dict[int, Known] = {}
        # called with process and time where it ends or becomes another program: what was counted is of the one before
        self.ends: List[Callable[[int, int], None]] = []
        self.has_foreign = False
        self._gone: Set[int] = set()

    def there(self, pids: Iterable[int], at: int) -> None:
        """Those that were found at the beginning."""
        for pid in pids:
            found = self.of(pid)
            self._tell(at, "process", pid, found.parent, "there", found.command, found.program)

    def of(self, pid: int) -> Known:
        """That process; looked up where it is new. Then nothing is told: it came from outside, as a runtime does."""
        found = self.known.get(pid)
        if found is None:
            found = self._look(pid)
            self._add(pid, found)
        return found

    def abi(self, pid: int, bits: int = 0) -> str:
        """Its entry point, or that of a call whose width is known."""
        if bits:
            return self.foreign if bits == 32 else self.native
        return self.of(pid).abi

    def forked(self, pid: int, tid: int, parent: int, at: int) -> None:
        """A thread was made (its process is there already), or a process."""
        before = self.known.get(pid)
        if pid != tid:
            if before is None:
                self.of(pid)  # with all its threads
            else:
                before.threads.add(tid)
            return
        if before is not None and not (before.threads and before.parent == parent):  # else looked up before this came
            self._end(pid, before, at)
            before = None
        above = self.of(parent)
        if before is None:
            self._add(pid, Known(parent, above.command, above.program, above.abi, {pid}))
        # also of one that was looked up: else nobody would know it for a child of the container's
        self._tell(at, "process", pid, parent, "fork", above.command, above.program)

    def named(self, pid: int, tid: int, name: str, at: int) -> None:
        """A new name; what an exec leads to is told with it.

        A program that executes itself by /proc/self/exe, as busybox does for its applets, is called "exe" until it
        takes its name back: then it is told again.
        """
        if pid == tid:
            found = self.of(pid)
            again = found.command == "exe" != name and found.program.startswith("/proc/")
            found.command = name
            if again:
                self._tell(at, "process", pid, found.parent, "exec", name, found.program)

    def executed(self, pid: int, program: str, bits: int, at: int) -> None:
        """It became another program."""
        found = self.of(pid)
        if bits:
            self._width(found, self.foreign if bits == 32 else self.native)
        found.program = program[:PATH_MAX]
        found.threads = {pid}  # all others had to end for it (execve(2))
        for each in self.ends:  # what was counted is the program's that it was before
            each(pid, at)
        found.code = found.signal = None
        self._tell(at, "process", pid, found.parent, "exec", found.command, found.program)

    def leaving(self, pid: int, code: int, whole: bool) -> None:
        """What it will end with, of exit; `whole`: of exit_group, which ends the other threads by a SIGKILL each."""
        found = self.known.get(pid)
        if found is not None:
            found.code, found.leaves = code, whole

    def signalled(self, pid: int, signal: int, at: int) -> None:
        """One of its own, or another here, sent it a signal."""
        found = self.known.get(pid)
        if found is not None:
            found.sent = signal, at

    def dying(self, pid: int, signal: int, at: int) -> None:
        """A signal that nothing handles has reached it.

        One that ends a process becomes a SIGKILL for each of its threads (kernel/signal.c, complete_signal): which it
        was says whoever sent it, if that was seen; of one from outside it stays 9.
        """
        found = self.known.get(pid)
        if found is None or signal in _HARMLESS or (signal == _KILL and found.leaves):
            return
        if signal == _KILL and found.sent is not None and at - found.sent[1] < _SOON:
            signal = found.sent[0]
        found.signal = signal

    def ended(self, pid: int, tid: int, at: int) -> None:
        """One of its threads is over."""
        found = self.known.get(pid)
        if found is not None and tid in found.threads:
            found.threads.discard(tid)
            if not found.threads:
                self._end(pid, found, at)

    def missing(self, pids: Iterable[int], at: int) -> None:
        """Whoever is none of these has ended, though its end was not seen."""
        gone = set(self.known).difference(pids)
        for pid in gone & self._gone:  # twice in a row: what was told of it meanwhile has been read
            if not os.path.exists("/proc/%d" % pid):
                self._end(pid, self.known[pid], at)
        self._gone = gone & set(self.known)

    def _add(self, pid: int, found: Known) -> None:
        if len(self.known) >= PROCESSES_MAX:
            self.known.clear()
        self._width(found, found.abi)
        self.known[pid] = found

    def _width(self, found: Known, abi: str) -> None:
        found.abi = abi
        self.has_foreign = self.has_foreign or abi == self.foreign

    def _end(self, pid: int, found: Known, at: int) -> None:
        self.known.pop(pid, None)
        signal = found.signal
        for each in self.ends:
            each(pid, at)
        self._tell(at, "exit", pid, found.code if signal is None else None, signal)

    def _look(self, pid: int) -> Known:
        try:
            stat = read_file("/proc/%d/stat" % pid)
        except (OSError, TooLongError):
            return Known(0, "", "", self.native, {pid})
        command = stat[stat.find("(") + 1 : stat.rfind(")")]
        fields = stat.rpartition(")")[2].split()
        abi = self.foreign if _is_narrow(pid) else self.native
        return Known(int(fields[1]), command, _link(pid), abi, set(threads(pid)) or {pid})


def threads(pid: int) -> List[int]:
    """Those of a process; none where it is gone."""
    try:
        return [int(name) for name in os.listdir("/proc/%d/task" % pid)]
    except OSError:
        return []


def _link(pid: int) -> str:
    try:
        return os.readlink("/proc/%d/exe" % pid)[:PATH_MAX]
    except OSError:
        return ""


def _is_narrow(pid: int) -> bool:
    """Whether it runs a program of 32 bits: its auxiliary vector then has entries of eight bytes (getauxval(3)).

    Its first type is a small number; read as 64 bits, one of a narrow program has its value in the upper half.
    """
    try:
        descriptor = os.open("/proc/%d/auxv" % pid, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(descriptor, 16)
        finally:
            os.close(descriptor)
    except OSError:
        return False
    return len(data) == 16 and struct.unpack("=Q", data[:8])[0] > 0xFFFF


class Tally:
    """Classes of events: the first of each is told at once, how many more came later, together.

    A class is a tuple that begins with its process. `most` are remembered.
    """

    def __init__(self, tell: Tell, kind: str, most: int) -> None:
        self._tell = tell
        self._kind = kind
        self._most = most
        self._classes: Dict[int, Dict[Any, List[Any]]] = {}  # by process: fields, how many more
        self._size = 0

    def add(self, key: Tuple[Any, ...], at: int, fields: Any, more: Tuple[Any, ...] = ()) -> bool:
        """Count it; whether it was the first of its class. `fields`: a tuple, or what makes it; `more` goes after."""
        mine = self._classes.setdefault(key[0], {})
        found = mine.get(key)
        if found is not None:
            found[1] += 1
            if more:
                self._tell(at, self._kind, *found[0], found[1], *more)
                found[1] = 0
            return False
        if self._size >= self._most:
            self.rest(at)
            self._classes = {key[0]: {}}
            self._size = 0
            mine = self._classes[key[0]]
        made = fields() if callable(fields) else fields
        mine[key] = [made, 0]
        self._size += 1
        self._tell(at, self._kind, *made, 1, *more)
        return True

    def rest(self, at: int) -> None:
        """Tell what has been counted since."""
        for mine in self._classes.values():
            self._told(mine, at)

    def forget(self, pid: int, at: int) -> None:
        """The same of a process that has ended, whose number may be used again."""
        mine = self._classes.pop(pid, None)
        if mine is not None:
            self._size -= len(mine)
            self._told(mine, at)

    def _told(self, mine: Dict[Any, List[Any]], at: int) -> None:
        for found in mine.values():
            if found[1]:
                self._tell(at, self._kind, *found[0], found[1])
                found[1] = 0


SIGSYS = 31  # on x86 and arm alike
SECCOMP = 1  # SYS_SECCOMP
_RELOADS = (1, 10, 12)  # SIGHUP, SIGUSR1, SIGUSR2, often asked for from outside, where no generating of ours is seen
_TOLD = (SIGSYS, 25, 9)  # SIGXFSZ, SIGKILL
_SAME = 2000000000  # nanoseconds between a signal and the log's line on it, at the most
_LATE = 300000000  # … in which the signal itself may still come, once the line has
_X32_BIT = 0x40000000
_REMEMBERED = 1024


class Signals:
    """`points`: those of deliver and generate, where this kernel has them."""

    def __init__(self, tell: Tell, processes: Processes, points: Dict[str, Optional[Point]]) -> None:
        self._tell = tell
        self._processes = processes
        self._points = points
        self._sigsys: Dict[int, int] = {}  # by process: when
        self._logged: List[Tuple[int, int, int, int]] = []  # arguments of `logged`, until it is known who told first

    def delivered(self, record: Record) -> None:
        """One has reached a process."""
        number = self._field(record, "sig")
        if self._field(record, "sa_handler") == 0:
            self._processes.dying(record.pid, number, record.time)
        if number in _RELOADS:
            self._tell(record.time, "signal", record.pid, number, self._field(record, "code"))

    def generated(self, record: Record) -> None:
        """One was sent."""
        number, code, target = (self._field(record, name) for name in ("sig", "code", "pid"))
        pid = record.pid if target == record.tid else target  # of a thread: its process, where it sent it itself
        self._processes.signalled(pid, number, record.time)
        if number not in _TOLD:
            return
        call: List[object] = []
        if number == SIGSYS and code == SECCOMP and target == record.tid:
            self._note(pid, record.time)
            if record.bits:
                call = self._call(pid, record.bits, record.extra, list(record.registers))
        self._tell(record.time, "signal", pid, number, code, *call)

    def logged(self, pid: int, bits: int, number: int, at: int) -> None:
        """The kernel's log says that a filter sent SIGSYS, or ended a thread."""
        if len(self._logged) < _REMEMBERED:
            self._logged.append((pid, bits, number, at))

    def look(self, last: bool = False) -> None:
        """Tell of those lines whose signal has not come by now; to be asked often."""
        limit = time.monotonic_ns() - _LATE
        while self._logged and (last or self._logged[0][3] <= limit):
            pid, bits, number, at = self._logged.pop(0)
            told = self._sigsys.get(pid)
            if told is None or abs(at - told) > _SAME:
                self._note(pid, at)
                self._tell(at, "signal", pid, SIGSYS, SECCOMP, *self._call(pid, bits, number, []))

    def _call(self, pid: int, bits: int, number: int, values: List[int]) -> List[object]:
        abi = self._processes.abi(pid, bits)
        if abi == "x86_64" and number & _X32_BIT:
            abi, number = "x32", number & ~_X32_BIT
        return [abi, number & 0xFFFFFFFF, values]

    def _note(self, pid: int, at: int) -> None:
        if len(self._sigsys) >= _REMEMBERED:
            self._sigsys.clear()
        self._sigsys[pid] = at

    def _field(self, record: Record, name: str) -> int:
        point = self._points[record.kind]
        assert point is not None
        place, size = point.fields[name]
        found: int = struct.unpack_from("=q" if size == 8 else "=i", record.raw, place)[0]
        return found
