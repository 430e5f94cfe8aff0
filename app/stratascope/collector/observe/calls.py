"""System calls: what is entered, what is refused, and which ids the kernel need not tell of any more.

A call that seccomp refuses has an end and no beginning: `raw_syscalls:sys_enter` comes after the filter, sys_exit all
the same. So a refused end is held against the last beginning of its thread, number and arguments both. Of an id that is
not told any more the beginning is taken for granted: it was let through before, and a filter that refuses by number
alone refuses always.

An id is left out of the kernel's filter once it is known and often; one that was only seen now and then costs nothing
and stays. Never left out: calls whose arguments decide (clone, socket, personality, and what was asked for), and the
ends of processes, for their exit codes. Where programs of 32 bits run beside others a number means two calls: only what
is known of both is left out then.
"""

from __future__ import annotations

import struct
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.observe.checks import Checks
from stratascope.collector.observe.floods import Floods
from stratascope.collector.observe.moments import Moment, Moments, Wanted
from stratascope.collector.observe.perf import Record, same
from stratascope.collector.observe.processes import Processes, Tally, Tell
from stratascope.collector.observe.refusals import EAGAIN, Refusals
from stratascope.collector.observe.trace import Point

X32_BIT = 0x40000000
OFTEN = 50  # so many of one id between two looks are left out from then on
IDS_MAX = 250  # in one filter, whose text may have 4096 bytes
CLASSES_MAX = 8192
USUAL = 3  # times
LAST = 1000000000  # nanoseconds
SETS_MAX = 4096  # of arguments that were told, of one process
# by entry point: execution, clone, fork, vfork, clone3, socket, personality, exit, exit_group (asm/unistd*.h)
_CLONES = {
    "x86_64": (56, 57, 58, 435),
    "i386": (120, 2, 190, 435),
    "aarch64": (220, 435),
}
_WATCHED = {"x86_64": (41, 135), "i386": (359, 102, 136), "aarch64": (198, 92)}
_ENDS: Dict[str, Tuple[int, ...]] = {"x86_64": (60, 231), "i386": (1, 252), "aarch64": (93, 94)}


class Asked(NamedTuple):
    """What the request asks for: which arguments to tell, where a path stands, further answers that are refusals."""

    arguments: Wanted
    paths: Wanted  # `moments` has its form
    errnos: Tuple[int, ...]


class Calls:
    """Beginnings and refused ends of one control group's calls. `checks`: where those of a call are asked for."""

    def __init__(
        self,
        tell: Tell,
        processes: Processes,
        asked: Asked,
        points: Tuple[Point, Point],
        refusals: Refusals,
        moments: Moments,
    ) -> None:
        self._tell = tell
        self._processes = processes
        self._asked = asked
        self._enter, self._leave = _reader(points[0], 6), _reader(points[1], 0)
        self._refusals = refusals
        self._moments = moments
        self.checks: Optional[Checks] = None
        self.floods = Floods("id", "ret")
        self._machine = processes.native
        self._last: Dict[int, Tuple[int, Tuple[int, ...]]] = {}  # by thread: its call's number and arguments
        self._before: Set[int] = set()  # threads of the beginning, of which nothing was seen yet
        self._counts = Tally(tell, "call", CLASSES_MAX)
        self._failures = Tally(tell, "failed", CLASSES_MAX)
        self._told: Dict[int, Set[Tuple[Any, ...]]] = {}  # arguments, by process
        processes.ends.append(self._process_over)
        self._seen: Dict[str, Set[int]] = {}  # by entry point
        self._recent: Dict[int, int] = {}
        self._rates: Dict[int, int] = {}
        self.left_out: Set[int] = set()
        self._usual: Dict[Tuple[Any, ...], Tuple[str, str, int]] = {}  # by thread, call, answer and arguments
        self._refused = (0, 0)  # the last process that was refused something by its rights, and when

    def was_in(self, tid: int, number: Optional[int]) -> None:
        """What a thread was in when it was found."""
        if tid not in self._last:
            if number is None:
                self._before.add(tid)
            else:
                self._last[tid] = (number, ())

    def entered(self, record: Record) -> None:
        """A record of sys_enter."""
        values = self._enter(record.raw)
        number, arguments = values[0], values[1:]
        if number < 0:
            return  # no call: a tracer has taken it away
        self._last[record.tid] = (number, arguments)
        if self.checks is not None:
            self.checks.began(record.tid)
        self._recent[number] = self._recent.get(number, 0) + 1
        abi, plain = self._abi(record.pid, number, 0)
        if self._counts.add((record.pid, abi, plain), record.time, (record.pid, abi, plain)):
            self._seen.setdefault(abi, set()).add(number)
        wanted = self._asked.arguments.get(abi, {}).get(plain)
        if wanted is not None:
            chosen = [arguments[each] for each in wanted]
            key = (abi, plain, *chosen)
            told = self._told.setdefault(record.pid, set())
            if key not in told:
                if len(told) >= SETS_MAX:
                    told.clear()
                told.add(key)
                self._tell(record.time, "arguments", record.pid, abi, plain, chosen)
        ends = _ENDS.get(abi, ())
        if plain in ends:
            self._processes.leaving(record.pid, arguments[0] & 0xFF, plain == ends[-1])

    def left(self, record: Record) -> None:
        """A record of sys_exit, which is filtered to refusals."""
        number, answer = self._leave(record.raw)[:2]
        self.floods.note(number, answer)
        last = self._last.pop(record.tid, None)
        if number < 0:  # of rt_sigreturn: it leaves with the registers of before the signal, and no number
            self._before.discard(record.tid)
            return
        abi, plain = self._abi(record.pid, number, record.bits)
        if number in self.left_out or (last is None and record.tid in self._before):
            entered = True
        else:
            entered = last is not None and last[0] == number and same(last[1], record.registers, self._machine)
        self._before.discard(record.tid)
        within = None if self.checks is None else self.checks.within(record, plain, self._machine)
        if not self._refusals.counts(abi, plain, -answer):
            return
        if entered and -answer in (1, 13):
            self._refused = record.pid, record.time
        path, address, around = "", "", None
        same_again = (record.tid, number, answer, record.registers)
        if isinstance(record.about, Moment):
            path, address, around = record.about.path, record.about.address, record.about.around
            self._usually(same_again, path, address)
            if around is not None and within is not None:
                around["checks"] = within
        elif self._usual.get(same_again, ("", "", 0))[2] >= USUAL:
            path, address, _ = self._usual[same_again]
        key = (record.pid, abi, plain, -answer, entered, path, address)
        fields = (record.pid, abi, plain, -answer, entered, list(record.registers), path)
        self._failures.add(key, record.time, fields, () if around is None else (around,))

    def _usually(self, call: Tuple[Any, ...], path: str, address: str) -> None:
        """In a flood not each path is read: what was the same each time counts as the same for those in between."""
        before = self._usual.pop(call, ("", "", 0))
        if len(self._usual) >= CLASSES_MAX:
            self._usual.clear()
        self._usual[call] = path, address, before[2] + 1 if before[:2] == (path, address) else 1

    def refused_last(self) -> Optional[int]:
        """The process whose call was refused last by what is not its filter; None where that is long ago."""
        pid, at = self._refused
        return pid if time.monotonic_ns() - at < LAST else None

    def over(self, tid: int) -> None:
        """A thread has ended."""
        self._last.pop(tid, None)
        self._before.discard(tid)

    def _process_over(self, pid: int, at: int) -> None:
        self._told.pop(pid, None)
        self._moments.over(pid)
        self._counts.forget(pid, at)
        self._failures.forget(pid, at)

    def rest(self, at: int) -> None:
        """Tell what was counted."""
        self._counts.rest(at)
        self._failures.rest(at)

    def better_filter(self) -> Optional[str]:
        """Another filter for sys_enter, where one would spare much; to be asked at every look."""
        recent, self._recent = self._recent, {}
        for number, count in recent.items():
            self._rates[number] = max(self._rates.get(number, 0), count)
        # a program of 32 bits may have begun since the last time
        known = set.intersection(*(self._seen.get(abi, set()) for abi in self._abis())) - self._kept()
        often = {number for number, count in recent.items() if count >= OFTEN}
        chosen = (self.left_out | often) & known
        if chosen == self.left_out:
            return None
        ordered = sorted(chosen, key=lambda number: -self._rates.get(number, 0))[:IDS_MAX]
        if set(ordered) == self.left_out:
            return None  # more than one filter holds
        self.left_out = set(ordered)
        return " && ".join("id != %d" % number for number in ordered)

    def _abis(self) -> List[str]:
        return [self._machine] + ([self._processes.foreign] if self._processes.has_foreign else [])

    def _kept(self) -> Set[int]:
        found: Set[int] = set()
        for abi in self._abis():
            for table in (_WATCHED, _ENDS, _CLONES):
                found.update(table.get(abi, ()))
            found.update(self._asked.arguments.get(abi, {}))
        found.update(number | X32_BIT for number in self._asked.arguments.get("x32", {}))
        return found

    def _abi(self, pid: int, number: int, bits: int) -> Tuple[str, int]:
        abi = self._processes.abi(pid, bits)
        if abi == "x86_64" and number & X32_BIT:
            return "x32", number & ~X32_BIT
        return abi, number

    def fresh(self, records: List[Record], more: Callable[[], List[Record]]) -> List[Record]:
        """The same; those of sys_exit with what stood around the call. `more`: what came while that was read.

        No path and no address where a later call of the same thread names the same place in its memory: something else
        may be there now.
        """
        found: List[int] = []
        for number, record in enumerate(records):
            if record.kind == "leave":
                moment = self._moment(record)
                if moment is not None:
                    records[number] = record._replace(about=moment)
                    if moment.at:
                        found.append(number)
        if found:
            records += more()
            begun: Dict[int, List[Record]] = {}
            for record in records:
                if record.kind == "enter":
                    begun.setdefault(record.tid, []).append(record)
            for number in found:
                record = records[number]
                for later in begun.get(record.tid, ()):
                    if later.time > record.time and record.about.at in self._enter(later.raw)[1:]:
                        records[number] = record._replace(about=record.about.overwritten())
        return records

    def _moment(self, record: Record) -> Optional[Moment]:
        number, answer = self._leave(record.raw)[:2]
        abi, plain = self._abi(record.pid, number, record.bits)
        if number < 0 or not self._refusals.counts(abi, plain, -answer):
            return None
        forks = -answer == EAGAIN and self._refusals.forks(abi, plain)
        return self._moments.of((record.pid, record.tid), abi, plain, -answer, record.registers, record.time, forks)


def _reader(point: Point, arguments: int) -> Callable[[bytes], Tuple[int, ...]]:
    """What takes id (and ret, or the arguments) out of a record."""
    start = point.fields["id"][0]
    return struct.Struct("=%dx%s" % (start, "q6Q" if arguments else "qq")).unpack_from
