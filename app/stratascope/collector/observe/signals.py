"""Signals: what ends a process, what it is told to reload by, and which call a filter sent SIGSYS for.

A filter that kills or traps leaves the call's number in the register of the answer (syscall_rollback), so it is read
off with the signal. One that ends a single thread of several sends no signal (SECCOMP_RET_KILL_THREAD): of that only
the kernel's log knows, and what it says is told as if there had been one.
"""

from __future__ import annotations

import struct
import time
from typing import Dict, List, Optional, Tuple

from stratascope.collector.observe.perf import Record
from stratascope.collector.observe.processes import Processes, Tell
from stratascope.collector.observe.trace import Point

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
