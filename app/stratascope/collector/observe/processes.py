"""Follow the processes of one control group: program, start, end, and the signals that end them.

Programs are reported by the path given to execve(2): that reveals a runtime that executes itself again
(/proc/self/exe). A process lives as long as one of its threads: the first may end before the others, and a thread that
calls execve takes over the first one's id. A process that was never reported (moved in, or created from outside) is
looked up once. Forks and names come from the kernel's own records (perf_event_open(2), PERF_RECORD_FORK, COMM), which
distinguish threads from processes where the tracepoints do not; ends come from the tracepoint, since PERF_RECORD_EXIT
also occurs when a set-user-ID program is executed (fs/exec.c, begin_new_exec).

A filter that kills or traps leaves the call's number in the return register (syscall_rollback), so it is read along
with the signal. A filter that ends one thread of several sends no signal (SECCOMP_RET_KILL_THREAD): only the kernel's
log shows that, and it is reported as if there had been one.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from stratascope.collector.read import TooLongError, read_file

if TYPE_CHECKING:  # core uses `is_runtime` from here, and needs no ctypes for it
    from stratascope.collector.observe.perf import Record
    from stratascope.collector.observe.trace import Point

PROCESSES_MAX = 1 << 16
PATH_MAX = 4096
# signals whose default action does not end a process (signal(7))
_HARMLESS = frozenset((17, 18, 19, 20, 21, 22, 23, 28))
_KILL = 9
_SOON = 100000000  # nanoseconds

# paths by which a runtime executes itself again inside (libcontainer/nsenter, crun)
_ANEW = ("/proc/self/exe", "/dev/fd/", "/proc/self/fd/", "memfd:", "/memfd:")
# Engines and their runtimes, which may be in a twin's group before its program is (conmon is, below a parent)
_RUNTIMES = frozenset(
    ("conmon", "conmonrs", "containerd-shim-runc-v2", "crun", "docker-runc", "podman", "runc", "youki")
)

Tell = Callable[..., None]  # time in nanoseconds, kind, fields


def is_runtime(program: str) -> bool:
    """Whether a path is an engine's runtime, and not the container's program yet."""
    return program.startswith(_ANEW) or program.rpartition("/")[2] in _RUNTIMES


class Known:
    """What is known of one process."""

    __slots__ = (
        "abi",
        "code",
        "command",
        "counts",
        "leaves",
        "parent",
        "program",
        "reported",
        "sent",
        "signal",
        "threads",
    )

    def __init__(self, parent: int, command: str, program: str, abi: str, threads: Set[int]) -> None:
        self.parent = parent
        self.command = command
        self.program = program
        self.abi = abi
        self.threads = threads
        self.code: Optional[int] = None
        self.signal: Optional[int] = None
        self.leaves = False
        self.reported = False
        self.counts = False  # it is a program of the container, and no runtime
        self.sent: Optional[Tuple[int, int]] = None  # signal, time


class Processes:
    """All processes by PID. `native`, `foreign`: entry points of 64-bit and of 32-bit programs."""

    def __init__(self, tell: Tell, native: str, foreign: str) -> None:
        self._tell = tell
        self.native = native
        self.foreign = foreign
        self.known: Dict[int, Known] = {}
        # called with process and time when it ends or executes another program, since counts belong to the one before
        self.ends: List[Callable[[int, int], None]] = []
        self.has_foreign = False
        self._past: Tuple[Dict[int, Known], Dict[int, Known]] = {}, {}  # those that ended, of this second and the last
        self._gone: Set[int] = set()

    def add_found(self, pids: Iterable[int], at: int) -> None:
        """Report the processes found at the beginning."""
        for pid in pids:
            found = self.of(pid)
            found.reported = True
            found.counts = not is_runtime(found.program)
            self._tell(at, "process", pid, found.parent, "there", found.command, found.program)

    def joined(self, pid: int, command: str, at: int) -> bool:
        """Report a process that came in; `command`: its name, "" if not known. False: it is a runtime's still."""
        known = self._look(pid)
        known.command = known.command or command
        if not known.command or is_runtime(known.program) or is_runtime(known.command.split(":")[0]):
            return False
        known.reported = known.counts = True
        self._add(pid, known)
        self._tell(at, "process", pid, known.parent, "there", known.command, known.program)
        return True

    def of(self, pid: int) -> Known:
        """Return a process, looked up if it is new; then it is not reported: it came from outside, as a runtime
        does.
        """
        found = self.known.get(pid)
        if found is None:
            found = self._look(pid)
            self._add(pid, found)
        return found

    def past(self, pid: int) -> Optional[Known]:
        """One that ended a moment ago; None: there was none."""
        return self._past[0].get(pid) or self._past[1].get(pid)

    def abi(self, pid: int, bits: int = 0) -> str:
        """A process's entry point, or that of a call whose width is known."""
        if bits:
            return self.foreign if bits == 32 else self.native
        return self.of(pid).abi

    def forked(self, pid: int, tid: int, parent: int, at: int) -> None:
        """Handle the creation of a thread (its process exists already) or of a process."""
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
        self.known[pid].reported = True
        self.known[pid].counts = self.known[pid].counts or above.counts
        # also if it was looked up: else it would not be known as a child of the container's
        self._tell(at, "process", pid, parent, "fork", above.command, above.program)

    def named(self, pid: int, tid: int, name: str, at: int) -> None:
        """Handle a new name; the one that an exec leads to is reported with it.

        A program that executes itself by /proc/self/exe, as busybox does for its applets, is called "exe" until it sets
        its name: then it is reported again.
        """
        if pid == tid:
            found = self.of(pid)
            again = found.command == "exe" != name and found.program.startswith("/proc/")
            found.command = name
            if again:
                self._tell(at, "process", pid, found.parent, "exec", name, found.program)

    def executed(self, pid: int, program: str, bits: int, at: int) -> None:
        """Handle execve(2)."""
        found = self.of(pid)
        if bits:
            self._width(found, self.foreign if bits == 32 else self.native)
        found.program, found.reported = program[:PATH_MAX], True
        found.counts = found.counts or not is_runtime(program)
        found.threads = {pid}  # all others had to end for it (execve(2))
        for each in self.ends:  # counts belong to the program before
            each(pid, at)
        found.code = found.signal = None
        self._tell(at, "process", pid, found.parent, "exec", found.command, found.program)

    def leaving(self, pid: int, code: int, whole: bool) -> None:
        """Note the code it will exit with; `whole`: by exit_group, which ends the other threads by a SIGKILL each."""
        found = self.known.get(pid)
        if found is not None:
            found.code, found.leaves = code, whole

    def signalled(self, pid: int, signal: int, at: int) -> None:
        """Note a signal sent to it by one of its own, or by another process here."""
        found = self.known.get(pid)
        if found is not None:
            found.sent = signal, at

    def dying(self, pid: int, signal: int, at: int) -> None:
        """Note a fatal signal that no handler took.

        A signal that ends a process becomes a SIGKILL for each of its threads (kernel/signal.c, complete_signal): the
        original is the one last sent, if that was seen; if it came from outside, it stays 9.
        """
        found = self.known.get(pid)
        if found is None or signal in _HARMLESS or (signal == _KILL and found.leaves):
            return
        if signal == _KILL and found.sent is not None and at - found.sent[1] < _SOON:
            signal = found.sent[0]
        found.signal = signal

    def ended(self, pid: int, tid: int, at: int) -> None:
        """Handle the end of a thread."""
        found = self.known.get(pid)
        if found is not None and tid in found.threads:
            found.threads.discard(tid)
            if not found.threads:
                self._end(pid, found, at)

    def missing(self, pids: Iterable[int], at: int) -> None:
        """End processes that are not among these, though no end was seen."""
        self._past = {}, self._past[0]
        gone = set(self.known).difference(pids)
        for pid in gone & self._gone:  # twice in a row: all pending records about it have been read
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
        if len(self._past[0]) < PROCESSES_MAX:
            self._past[0][pid] = found
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
    """The thread ids of a process; none if it is gone."""
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
    """Whether it runs a 32-bit program: its auxiliary vector then has entries of eight bytes (getauxval(3)).

    The first type is a small number; read as 64 bits, a 32-bit program's entry has its value in the upper half.
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
    """Classes of events: the first of each is reported at once, and the number of later ones together.

    A class is a tuple that begins with its process. At most `most` are remembered.
    """

    def __init__(self, tell: Tell, kind: str, most: int) -> None:
        self._tell = tell
        self._kind = kind
        self._most = most
        self._classes: Dict[int, Dict[Any, List[Any]]] = {}  # by process: fields, number of later ones
        self._size = 0

    def add(self, key: Tuple[Any, ...], at: int, fields: Any, more: Tuple[Any, ...] = ()) -> bool:
        """Count an event; whether it was the first of its class. `fields`: a tuple, or a function; `more`: appended."""
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

    def more(self, key: Tuple[Any, ...], count: int) -> None:
        """Count further events of a class, if it is remembered."""
        found = self._classes.get(key[0], {}).get(key)
        if found is not None:
            found[1] += count

    def rest(self, at: int) -> None:
        """Report what has been counted since."""
        for mine in self._classes.values():
            self._report(mine, at)

    def forget(self, pid: int, at: int) -> None:
        """Report and forget the classes of a process that has ended, as its PID may be reused."""
        mine = self._classes.pop(pid, None)
        if mine is not None:
            self._size -= len(mine)
            self._report(mine, at)

    def _report(self, mine: Dict[Any, List[Any]], at: int) -> None:
        for found in mine.values():
            if found[1]:
                self._tell(at, self._kind, *found[0], found[1])
                found[1] = 0


SIGSYS = 31  # on x86 and arm alike
SECCOMP = 1  # SYS_SECCOMP
_RELOADS = (1, 10, 12)  # SIGHUP, SIGUSR1, SIGUSR2: often sent from outside, where we see no signal_generate
_TOLD = (SIGSYS, 25, 9)  # SIGXFSZ, SIGKILL
_SAME = 2000000000  # nanoseconds between a signal and its line in the log, at most
_LATE = 300000000  # nanoseconds in which the signal itself may still come after its line
_X32_BIT = 0x40000000
_REMEMBERED = 1024


class Signals:
    """Signals of the group's processes. `points`: signal_deliver and signal_generate, if this kernel has them."""

    def __init__(self, tell: Tell, processes: Processes, points: Dict[str, Optional[Point]]) -> None:
        self._tell = tell
        self._processes = processes
        self._points = points
        self._sigsys: Dict[int, int] = {}  # by process: time of its SIGSYS
        self._logged: List[Tuple[int, int, int, int]] = []  # arguments of `logged`, until it is clear which came first

    def delivered(self, record: Record) -> None:
        """Handle the delivery of a signal."""
        number = self._field(record, "sig")
        if self._field(record, "sa_handler") == 0:
            self._processes.dying(record.pid, number, record.time)
        if number in _RELOADS:
            self._tell(record.time, "signal", record.pid, number, self._field(record, "code"))

    def generated(self, record: Record) -> None:
        """Handle the generation of a signal."""
        number, code, target = (self._field(record, name) for name in ("sig", "code", "pid"))
        pid = record.pid if target == record.tid else target  # of a thread: its process, if it sent the signal itself
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
        """Handle a log line: a filter sent SIGSYS, or ended a thread."""
        if len(self._logged) < _REMEMBERED:
            self._logged.append((pid, bits, number, at))

    def report_logged(self, last: bool = False) -> None:
        """Report those lines whose signal has not come by now; call it often."""
        limit = time.monotonic_ns() - _LATE
        while self._logged and (last or self._logged[0][3] <= limit):
            pid, bits, number, at = self._logged.pop(0)
            reported = self._sigsys.get(pid)
            if reported is None or abs(at - reported) > _SAME:
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
