"""Decode syscall enter and exit records, detect refusals, and choose which syscall numbers to filter out.

A call refused by seccomp has an exit and no entry: `raw_syscalls:sys_enter` fires after the filter, sys_exit fires in
either case. So a refused exit is compared with the last entry of its thread, both number and arguments. For a number
that is filtered out, the entry is assumed: the call was let through before, and a filter that refuses by number alone
always refuses.

A number is added to the kernel's filter once it is known and frequent; a call seen only now and then costs nothing and
stays. Never filtered out: calls whose arguments matter (clone, socket, personality, and those requested, except ioctl
and prctl, which some programs call all the time), and the exits of processes, for their exit codes. Where 32-bit
programs run beside 64-bit ones, a number means two calls: it is only filtered out if both are known.
"""

from __future__ import annotations

import struct
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.observe.checks import Checks
from stratascope.collector.observe.credentials import Around, Credentials
from stratascope.collector.observe.memory import Mapped, Stacks, used_last
from stratascope.collector.observe.moments import Moment, Moments, RefusedSyscall, Wanted, joined
from stratascope.collector.observe.paths import below, place
from stratascope.collector.observe.perf import Record, same
from stratascope.collector.observe.processes import Processes, Tally, Tell
from stratascope.collector.observe.refusals import EAGAIN, Answered, Floods, Refusals
from stratascope.collector.observe.system_calls import Alike, SystemCalls
from stratascope.collector.observe.trace import Point

X32_BIT = 0x40000000
OFTEN = 50  # occurrences of one number between two polls; from then on it is filtered out
IDS_MAX = 250  # numbers in one filter, whose text may have 4096 bytes
CLASSES_MAX = 8192
USUAL = 3  # identical results in a row
ROUND_MAX = 256  # records, after which those read so far are reported before more are taken
LAST = 1000000000  # nanoseconds
_LOSS = 3000000000  # nanoseconds
_UNSEEN = 50000000  # nanoseconds after which events of a process that was moved come
ALIKE = 8  # identical refusals, from which on they are counted by the kernel
ALIKE_MAX = 1024  # of all processes
SETS_MAX = 4096  # distinct argument sets reported per process
# by entry point: execution, clone, fork, vfork, clone3, socket, personality, exit, exit_group (asm/unistd*.h)
_CLONES = {"x86_64": (56, 57, 58, 435), "i386": (120, 2, 190, 435), "aarch64": (220, 435)}
_WATCHED = {"x86_64": (41, 135), "i386": (359, 102, 136), "aarch64": (198, 92)}
_FREQUENT = {"x86_64": (16, 157), "i386": (54, 172), "aarch64": (29, 167)}  # ioctl, prctl
_ENDS: Dict[str, Tuple[int, ...]] = {"x86_64": (60, 231), "i386": (1, 252), "aarch64": (93, 94)}


class WantedCalls(NamedTuple):
    """What the request asks for: arguments to report, arguments that name paths, answers of the container's filters."""

    arguments: Wanted
    paths: Wanted  # `moments` has its form
    answers: Answered


class Calls:
    """Entries and refused exits of one control group's calls. `checks`: the source of a call's capability checks."""

    def __init__(self, tell: Tell, processes: Processes, asked: WantedCalls, points: Tuple[Point, Point],
                 refusals: Refusals, moments: Moments, credentials: Credentials) -> None:  # fmt: skip
        self._tell = tell
        self._processes = processes
        self._asked = asked
        self._enter, self._leave = _reader(points[0], 6), _reader(points[1], 0)
        self.refusals = refusals
        self._moments = moments
        self._credentials = credentials
        self.mapped = Mapped()
        self._stacks = Stacks()
        self.checks: Optional[Checks] = None
        self.floods = Floods("id", "ret")
        self.system_calls: Optional[SystemCalls] = None
        self.lost_at = 0  # when entries may have been lost, in nanoseconds
        self._came: Dict[int, int] = {}  # by process that came in: until when its checks may not be seen
        self._folders: Dict[int, str] = {}  # by process: its working directory, as it sees it, if every step is known
        # by process, of what later refusals have in common: how many, their class, how many of them the kernel counted
        self._alike: Dict[int, Dict[Alike, List[Any]]] = {}
        self._machine = processes.native
        self._last: Dict[int, Tuple[int, Tuple[int, ...]]] = {}  # by thread: its call's number and arguments
        self._before: Set[int] = set()  # threads found at the start, of which no record has come yet
        self._counts = Tally(tell, "call", CLASSES_MAX)
        self._failures = Tally(tell, "failed", CLASSES_MAX)
        self._reported: Dict[int, Set[Tuple[Any, ...]]] = {}  # argument sets already reported, by process
        processes.ends.append(self._process_over)
        self._seen: Dict[str, Set[int]] = {}  # by entry point
        self._recent: Dict[int, int] = {}
        self._rates: Dict[int, int] = {}
        self.left_out: Set[int] = set()
        self._usual: Dict[Tuple[Any, ...], Tuple[str, str, int]] = {}  # by thread, call, answer and arguments
        self._refused = (0, 0)  # the process last refused something by its rights, and when

    def add_found(self, pid: int, threads: List[Tuple[int, Optional[int]]]) -> None:
        """Register a process that was found; `threads`: the call that each thread was in."""
        self._credentials.add_found(pid)
        self.mapped.add_found(pid)
        self._at(pid, below(pid, place(pid, None)))
        for tid, number in threads:
            if tid not in self._last:
                if number is None:
                    self._before.add(tid)
                else:
                    self._last[tid] = (number, ())

    def joined(self, pid: int, at: int) -> None:
        """Register a process that came in, of which not all has been seen."""
        self._came[pid] = at + _UNSEEN

    def forked(self, record: Record) -> None:
        """Handle the creation of a process or a thread."""
        if record.pid == record.tid:
            number, values = self._last.get(record.extra, (-1, ()))
            flags = values[0] if values and number == _CLONES.get(self._processes.abi(record.extra), (-1,))[0] else 0
            self._credentials.forked(record.pid, record.extra, record.time, flags)
            self.mapped.forked(record.pid, record.extra)
            self._at(record.pid, self._folders.get(record.extra, ""))

    def moved(self, record: Record) -> None:
        """Handle a call after which relative paths begin elsewhere."""
        text = record.raw.decode("utf-8", "surrogateescape")
        self._at(record.pid, joined(self._folders.get(record.pid, ""), text) if text else "")

    def leads(self, pid: int, path: str) -> str:
        """Where a path leads as that process names it, with links followed; "" if unknown."""
        path = joined(self._folders.get(pid, ""), path)
        return self._moments.leads(pid, path) if path else ""

    def _at(self, pid: int, folder: str) -> None:
        self._folders.pop(pid, None)
        if folder.startswith("/") and self.system_calls is not None:
            if len(self._folders) >= CLASSES_MAX:
                self._folders.clear()
            self._folders[pid] = folder

    def executed(self, record: Record, program: str) -> Optional[Around]:
        """Handle execve(2). Returns what the process has without rights from its file, if it was already gone."""
        pid, parent = record.pid, self._processes.of(record.pid).parent
        held = self._credentials.executed(pid, record.time, lambda held: self._moments.gives(held, program, parent))
        return None if held is None else self._moments.as_before(pid, held, program, parent)

    def process_ended(self, pid: int) -> None:
        """Forget a process that has ended."""
        self._credentials.process_ended(pid)
        self.mapped.process_ended(pid)
        self._folders.pop(pid, None)
        self._came.pop(pid, None)

    def entered(self, record: Record) -> None:
        """Handle a record of sys_enter."""
        values = self._enter(record.raw)
        number, arguments = values[0], values[1:]
        if number < 0:
            return  # not a call: a tracer cancelled it
        self._last[record.tid] = (number, arguments)
        if self.checks is not None:
            self.checks.began(record.tid)
        self._recent[number] = self._recent.get(number, 0) + 1
        abi, plain = self._abi(record.pid, number, 0)
        if self._counts.add((record.pid, abi, plain), record.time, (record.pid, abi, plain)):
            self._seen.setdefault(abi, set()).add(number)
        if self._credentials.changes(abi, plain, arguments):
            alone = self._processes.of(record.pid).threads == {record.tid}
            self._credentials.called(record.pid, record.time, abi, plain, arguments, alone)
        wanted = self._asked.arguments.get(abi, {}).get(plain)
        if wanted is not None:
            chosen = [arguments[each] for each in wanted]
            key = (abi, plain, *chosen)
            reported = self._reported.setdefault(record.pid, set())
            if key not in reported:
                if len(reported) >= SETS_MAX:
                    reported.clear()
                reported.add(key)
                self._tell(record.time, "arguments", record.pid, abi, plain, chosen)
        ends = _ENDS.get(abi, ())
        if plain in ends:
            self._processes.leaving(record.pid, arguments[0] & 0xFF, plain == ends[-1])

    def left(self, record: Record) -> None:
        """Handle a record of sys_exit, which the kernel filters to refusals."""
        number, answer = self._leave(record.raw)[:2]
        self.floods.note(number, answer, record.tid)
        last = self._last.pop(record.tid, None)
        if number < 0:  # rt_sigreturn: it leaves with the registers from before the signal, and no number
            self._before.discard(record.tid)
            return
        abi, plain = self._abi(record.pid, number, record.bits)
        if number in self.left_out or (last is None and record.tid in self._before):
            entered = True
        else:
            before = last[1] if last is not None and last[0] == number else None
            entered = before is not None and same(before, record.registers, self._machine)
            if not entered and before and before == record.narrow:
                entered, (abi, plain), record = True, self._abi(record.pid, number, 32), _narrow(record)
        self._before.discard(record.tid)
        if not entered and self.lost_at and abs(record.time - self.lost_at) < _LOSS:
            return  # its entry may have been lost: no filter is blamed for that
        if entered and self._credentials.changes(abi, plain, record.registers):
            self._credentials.refused(record.pid, record.time)
        within = None if self.checks is None else self.checks.within(record, plain, self._machine)
        if record.time < self._came.get(record.pid, 0):
            within = within or None
        if not self.refusals.counts(abi, plain, -answer, entered):
            return
        if entered and -answer in (1, 13):
            self._refused = record.pid, record.time
        path, address, around = "", "", None
        same_again = (record.tid, number, answer, record.registers)
        if isinstance(record.about, Moment):
            self._late(
                record, RefusedSyscall(record.pid, record.tid, abi, plain, -answer, record.registers, record.time)
            )
            path, address, around = record.about.path, record.about.address, record.about.around
            if path or not record.about.at:
                self._usually(same_again, path, address)
            elif self._usual.get(same_again, ("", "", 0))[2] >= USUAL:
                path, address, _ = self._usual[same_again]
            if around is not None and within is not None:
                around["checks"] = within
        elif self._usual.get(same_again, ("", "", 0))[2] >= USUAL:
            path, address, _ = self._usual[same_again]
        key = (record.pid, abi, plain, -answer, entered, path, address)
        fields = (record.pid, abi, plain, -answer, entered, list(record.registers), path)
        self._failures.add(key, record.time, fields, () if around is None else (around,))
        if self.system_calls is not None:
            self._count(self.system_calls, record, number, answer, key)

    def _count(self, calls: SystemCalls, record: Record, number: int, answer: int, key: Tuple[Any, ...]) -> None:
        """Have the kernel count what comes again and again."""
        alike = calls.alike(record, number, answer)
        if alike is None:
            return
        mine = self._alike.setdefault(record.pid, {})
        if alike not in mine and sum(map(len, self._alike.values())) >= ALIKE_MAX:
            self._counted()
            for pid in list(self._alike):
                self._forget(pid)
            mine = self._alike.setdefault(record.pid, {})
        found = mine.setdefault(alike, [0, key, 0])
        found[0] += 1
        if found[1] != key:  # told as something else than before
            found[:] = [1, key, 0]
        if found[0] == ALIKE:
            calls.count(alike)

    def _counted(self, of: Optional[int] = None) -> None:
        """Add what the kernel has counted since."""
        if self.system_calls is None:
            return
        for pid in list(self._alike) if of is None else [of]:
            for alike, found in self._alike.get(pid, {}).items():
                if found[0] >= ALIKE:
                    count = self.system_calls.counted(alike)
                    if count is None:
                        found[0] = found[2] = 0
                    elif count > found[2]:
                        self._failures.more(found[1], count - found[2])
                        found[2] = count

    def _forget(self, pid: int) -> None:
        for alike in self._alike.pop(pid, {}):
            if self.system_calls is not None:
                self.system_calls.tell(alike)

    def _late(self, record: Record, call: RefusedSyscall) -> None:
        """Read the rest of a refusal, now that all earlier records have been handled."""
        wanted = self._asked.paths.get(call.abi, {}).get(call.number)
        lies = None
        if wanted is not None and wanted[1] != "fd" and len(call.values) > wanted[0] and not record.about.path:
            lies = self.mapped.at(call.pid, call.values[wanted[0]])
        held = self._credentials.of(call.pid, call.at)
        folder = self._folders.get(call.pid, "")
        self._moments.late(call, record.about, lies, held, self._processes.of(call.pid).parent, folder)

    def _usually(self, call: Tuple[Any, ...], path: str, address: str) -> None:
        """Remember a path seen each time: in a flood not every path is read, and the ones between count as the same."""
        before = self._usual.pop(call, ("", "", 0))
        if len(self._usual) >= CLASSES_MAX:
            self._usual.clear()
        self._usual[call] = path, address, before[2] + 1 if before[:2] == (path, address) else 1

    def refused_last(self) -> Optional[int]:
        """Return the process last refused something not by its filter; None if that is longer ago than LAST."""
        pid, at = self._refused
        return pid if time.monotonic_ns() - at < LAST else None

    def thread_ended(self, tid: int) -> None:
        """Forget a thread that has ended."""
        self._last.pop(tid, None)
        self._before.discard(tid)

    def _process_over(self, pid: int, at: int) -> None:
        self._reported.pop(pid, None)
        self._moments.process_ended(pid)
        self._counted(pid)
        self._forget(pid)
        self._counts.forget(pid, at)
        self._failures.forget(pid, at)

    def rest(self, at: int) -> None:
        """Report the counts collected so far."""
        self._counted()
        self._counts.rest(at)
        self._failures.rest(at)

    def begin_anew(self) -> None:
        """Forget the calls seen so far: they were another program's."""
        self._seen, self._recent = {}, {}

    def better(self) -> Optional[List[int]]:
        """The numbers whose entries are not to be told, most frequent first, if they changed; call it at every poll."""
        recent, self._recent = self._recent, {}
        for number, count in recent.items():
            self._rates[number] = max(self._rates.get(number, 0), count)
        # a 32-bit program may have begun since the last call
        known = set.intersection(*(self._seen.get(abi, set()) for abi in self._abis())) - self._kept()
        often = {number for number, count in recent.items() if count >= OFTEN}
        chosen = (self.left_out | often) & known
        if chosen == self.left_out:
            return None
        ordered = sorted(chosen, key=lambda number: -self._rates.get(number, 0))[:IDS_MAX]
        if set(ordered) == self.left_out:
            return None  # more than fits into a filter
        self.left_out = set(ordered)
        return ordered

    def _abis(self) -> List[str]:
        return [self._machine] + ([self._processes.foreign] if self._processes.has_foreign else [])

    def _kept(self) -> Set[int]:
        found: Set[int] = set()
        for abi in self._abis():
            for table in (_WATCHED, _ENDS, _CLONES):
                found.update(table.get(abi, ()))
            arguments = self._asked.arguments.get(abi, {})
            found.update(arguments.keys() - _FREQUENT.get(abi, ()), self._credentials.changing.get(abi, {}))
        found.update(number | X32_BIT for number in self._asked.arguments.get("x32", {}))
        return found

    def _abi(self, pid: int, number: int, bits: int) -> Tuple[str, int]:
        abi = self._processes.abi(pid, bits)
        if abi == "x86_64" and number & X32_BIT:
            return "x32", number & ~X32_BIT
        return abi, number

    def fresh(self, came: List[Record], more: Callable[[], List[Record]]) -> List[Record]:
        """Drain the rings until nothing relevant is left, and attach to refused exits what was around the call.

        `more` returns the records that came while that was read. Path and address are dropped if a later call of the
        same thread, or of its process's first one, names the same place in its memory, or if the process executed
        another program: something else may be there now. The identity is dropped if a later call may have changed it.
        """
        found: List[int] = []
        records: List[Record] = []
        while True:
            began = len(records)
            records += self._stacks.take(came)
            for number in range(began, len(records)):
                record = records[number]
                if record.kind == "leave":
                    moment = self._moment(record)
                    if moment is not None:
                        records[number] = record._replace(about=moment)
                        found.append(number)
                elif record.kind == "exec" and record.about is not None:
                    found.append(number)
            if not found or found[-1] < began or len(records) > ROUND_MAX:
                break
            came = more()
        if found:
            self._settle(records, found)
        return records

    def _settle(self, records: List[Record], found: List[int]) -> None:
        """Drop from these records what may no longer be true.

        Only the time of the last such change matters, so all records are walked once: for a container refused in a
        loop, scanning all later records for each one took seconds.
        """
        since: Dict[int, int] = {}  # by thread: the earliest of its records
        read: Dict[int, Set[int]] = {}  # by thread: addresses in memory that were read
        for record in map(records.__getitem__, found):
            since[record.tid] = min(record.time, since.get(record.tid, record.time))
            if isinstance(record.about, Moment) and record.about.at:
                for thread in (record.tid, record.pid):
                    read.setdefault(thread, set()).add(record.about.at)
        changed = self._changed(records, since)
        used = used_last(records, read, self._enter)
        for number in found:
            record, about = records[number], records[number].about
            if changed.get(record.tid, 0) > record.time:
                if isinstance(about, Moment):
                    about.another()
                else:
                    self._credentials.doubted(record.pid, record.time)
            if isinstance(about, Moment) and about.at:
                again = max(used.get((thread, about.at), 0) for thread in (record.tid, record.pid))
                if again > record.time:
                    records[number] = record._replace(about=self._moments.overwritten(record.pid, about))

    def _changed(self, records: List[Record], since: Dict[int, int]) -> Dict[int, int]:
        """Return, by thread, the last later call that may have changed its identity."""
        last: Dict[int, int] = {}
        for record in records:
            thread = record.pid if record.kind == "exec" else record.tid
            if record.kind not in ("enter", "exec") or record.time <= since.get(thread, record.time):
                continue
            if record.kind == "enter":
                number, *values = self._enter(record.raw)
                if not self._credentials.changes(*self._abi(record.pid, number, 0), tuple(values)):
                    continue
            last[thread] = max(record.time, last.get(thread, 0))
        return last

    def _moment(self, record: Record) -> Optional[Moment]:
        number, answer = self._leave(record.raw)[:2]
        abi, plain = self._abi(record.pid, number, record.bits)
        if number < 0 or not self.refusals.counts(abi, plain, -answer):
            return None
        forks = -answer == EAGAIN and self.refusals.forks(abi, plain)
        call = RefusedSyscall(record.pid, record.tid, abi, plain, -answer, record.registers, record.time)
        copied = record.copied
        return self._moments.of(call, lambda: self._stacks.of(record) if copied is None else copied, forks)


def _narrow(record: Record) -> Record:
    """Correct a refused call through the 32-bit entry point of a 64-bit program: it was read as a 64-bit call."""
    about = record.about.overwritten() if isinstance(record.about, Moment) else record.about
    return record._replace(registers=tuple(each & 0xFFFFFFFF for each in record.narrow), bits=32, about=about)


def _reader(point: Point, arguments: int) -> Callable[[bytes], Tuple[int, ...]]:
    """Return a function that extracts id (and ret, or the arguments) from a record."""
    start = point.fields["id"][0]
    return struct.Struct("=%dx%s" % (start, "q6Q" if arguments else "qq")).unpack_from
