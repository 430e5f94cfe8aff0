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
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.observe.paths import PathReader, place
from stratascope.collector.observe.perf import Record
from stratascope.collector.observe.processes import Processes, Tally, Tell
from stratascope.collector.observe.trace import Point

X32_BIT = 0x40000000
OFTEN = 50  # so many of one id between two looks are left out from then on
IDS_MAX = 250  # in one filter, whose text may have 4096 bytes
CLASSES_MAX = 8192
SETS_MAX = 4096  # of arguments that were told, of one process
PATHS_MAX = 200  # read in a second
# EPERM, EACCES, EMFILE, ENOSPC, EROFS, ENOSYS, ENETUNREACH
REFUSALS = (1, 13, 24, 28, 30, 38, 101)
_EINVAL, _EAGAIN = 22, 11
# by entry point: execution, clone, fork, vfork, clone3, socket, personality, exit, exit_group (asm/unistd*.h)
_CLONES = {
    "x86_64": (56, 57, 58, 435),
    "i386": (120, 2, 190, 435),
    "aarch64": (220, 435),
}
_WATCHED = {"x86_64": (41, 135), "i386": (359, 102, 136), "aarch64": (198, 92)}
_ENDS: Dict[str, Tuple[int, ...]] = {"x86_64": (60, 231), "i386": (1, 252), "aarch64": (93, 94)}
# those that refuse with EINVAL what a user namespace does not map, or what an engine's filter answers so: chown and its
# kin, set*id; socket
_MAPPED = {
    "x86_64": (41, 92, 93, 94, 105, 106, 113, 114, 116, 117, 119, 260),
    "i386": (23, 46, 16, 182, 95, 198, 202, 203, 204, 206, 207, 208, 210, 212, 213, 214, 298, 359),
    "aarch64": (54, 55, 143, 144, 145, 146, 147, 149, 159, 198),
}

Wanted = Dict[str, Dict[int, Tuple[Any, ...]]]  # by entry point and number


class Asked(NamedTuple):
    """What the request asks for: which arguments to tell, where a path stands, further answers that are refusals."""

    arguments: Wanted
    paths: Wanted  # (place, "path" | "at" | "fd")
    errnos: Tuple[int, ...]


class Calls:
    """Beginnings and refused ends of one control group's calls."""

    def __init__(self, tell: Tell, processes: Processes, asked: Asked, enter: Point, leave: Point) -> None:
        self._tell = tell
        self._processes = processes
        self._asked = asked
        self._enter, self._leave = _reader(enter, 6), _reader(leave, 0)
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
        self._paths: Optional[PathReader] = PathReader() if asked.paths else None
        self._paths_until, self._paths_read = 0, 0

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
        last = self._last.pop(record.tid, None)
        if number < 0:  # of rt_sigreturn: it leaves with the registers of before the signal, and no number
            self._before.discard(record.tid)
            return
        abi, plain = self._abi(record.pid, number, record.bits)
        if number in self.left_out or (last is None and record.tid in self._before):
            entered = True
        else:
            entered = last is not None and last[0] == number and _same(last[1], record.registers, self._machine)
        self._before.discard(record.tid)
        if not self._refuses(abi, plain, -answer):
            return
        path = record.chain.decode("utf-8", "surrogateescape")
        key = (record.pid, abi, plain, -answer, entered, path)
        self._failures.add(key, record.time, (record.pid, abi, plain, -answer, entered, list(record.registers), path))

    def over(self, tid: int) -> None:
        """A thread has ended."""
        self._last.pop(tid, None)
        self._before.discard(tid)

    def _process_over(self, pid: int, at: int) -> None:
        self._told.pop(pid, None)
        self._counts.forget(pid, at)
        self._failures.forget(pid, at)

    def rest(self, at: int) -> None:
        """Tell what was counted."""
        self._counts.rest(at)
        self._failures.rest(at)

    def filter_for_ends(self) -> str:
        """The filter of sys_exit."""
        plain = sorted({*REFUSALS, *self._asked.errnos} - {_EINVAL, _EAGAIN})
        parts = ["ret == -%d" % each for each in plain]
        abis = [abi for abi in (self._machine, self._processes.foreign) if abi in _MAPPED]
        for number, calls in ((_EINVAL, _MAPPED), (_EAGAIN, _CLONES)):
            if number in self._asked.errnos:
                parts.append("ret == -%d" % number)
            else:
                ids = sorted({each for abi in abis for each in calls[abi]})
                parts.append("(ret == -%d && (%s))" % (number, " || ".join("id == %d" % each for each in ids)))
        return "ret < 0 && (%s)" % " || ".join(parts)  # what succeeds, nearly all, is out after one comparison

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

    def close(self) -> None:
        """Its child."""
        if self._paths is not None:
            self._paths.close()

    @property
    def paths_given_up(self) -> bool:
        """Whether paths are not read any more."""
        return self._paths is not None and self._paths.given_up

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

    def _refuses(self, abi: str, number: int, errno: int) -> bool:
        """What the kernel's filter can't tell: it knows no entry points, and a number is another call in each."""
        of = {_EINVAL: _MAPPED, _EAGAIN: _CLONES}.get(errno)
        if of is None or errno in self._asked.errnos:
            return True
        return number in of.get("x86_64" if abi == "x32" else abi, ())

    def _abi(self, pid: int, number: int, bits: int) -> Tuple[str, int]:
        abi = self._processes.abi(pid, bits)
        if abi == "x86_64" and number & X32_BIT:
            return "x32", number & ~X32_BIT
        return abi, number

    def with_paths(self, records: List[Record], more: Callable[[], List[Record]]) -> List[Record]:
        """The same, fresh as they are; those of sys_exit with the path that the call was given. `more`: what came then.

        None where a later call of the same thread names the same place in its memory: another text may be there now.
        """
        found: List[Tuple[int, int]] = []  # which, and the address
        for place_of, record in enumerate(records):
            if record.kind == "leave":
                text, address = self._path(record)
                if text:
                    records[place_of] = record._replace(chain=text[:4096].encode("utf-8", "surrogateescape"))
                    found.append((place_of, address))
        if found:
            records += more()
        for place_of, address in found:
            record = records[place_of]
            later = (each for each in records if each.kind == "enter" and each.tid == record.tid)
            if address and any(each.time > record.time and address in self._enter(each.raw)[1:] for each in later):
                records[place_of] = record._replace(chain=b"")
        return records

    def _path(self, record: Record) -> Tuple[str, int]:
        """The path, and where it lay in memory."""
        abi, number = self._abi(record.pid, self._leave(record.raw)[0], record.bits)
        wanted = self._asked.paths.get(abi, {}).get(number)
        values = record.registers
        if wanted is None or self._paths is None or len(values) <= wanted[0]:
            return "", 0
        if record.time > self._paths_until:
            self._paths_until, self._paths_read = record.time + 1000000000, 0
        self._paths_read += 1
        if self._paths_read > PATHS_MAX:
            return "", 0
        where, kind = wanted
        if kind == "fd":
            return place(record.tid, values[where]), 0
        text = self._paths.text(record.tid, values[where])
        if text and not text.startswith("/"):
            base = place(record.tid, values[where - 1] if kind == "at" else None)
            text = base.rstrip("/") + "/" + text if base.startswith("/") else text
        return text, values[where]


def _reader(point: Point, arguments: int) -> Callable[[bytes], Tuple[int, ...]]:
    """What takes id (and ret, or the arguments) out of a record."""
    start = point.fields["id"][0]
    return struct.Struct("=%dx%s" % (start, "q6Q" if arguments else "qq")).unpack_from


def _same(before: Tuple[int, ...], after: Tuple[int, ...], machine: str) -> bool:
    """Whether a beginning and an end have the same arguments, where both are known."""
    if not before or not after:
        return True
    if machine == "aarch64":  # the answer has taken the first one's place
        return before[1:] == after[1:]
    return before == after
