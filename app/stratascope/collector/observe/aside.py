"""What comes beside the rings: masked paths that were opened, programs without their rights, the kernel's log.

Each needs something that a machine may not have; then it is told as not seen, and the rest goes on.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Optional, Set, Tuple

from stratascope.collector.becoming import Around
from stratascope.collector.observe.calls import Calls
from stratascope.collector.observe.credentials import Credentials, who
from stratascope.collector.observe.exchange import Lines
from stratascope.collector.observe.gained import lacks
from stratascope.collector.observe.kernel_log import KernelLog
from stratascope.collector.observe.masked import Masked
from stratascope.collector.observe.moments import Budget, Moments, bounded
from stratascope.collector.observe.perf import Record
from stratascope.collector.observe.processes import Processes
from stratascope.collector.observe.signals import Signals

KINDS_MAX = 1024  # masked paths of one process that were told
BEGAN_MAX = 100  # programs that are looked at, in a second
OPENS_MAX = 50  # of masked paths that are told with what stood around, in a second
TWICE = 500000000  # nanoseconds
RECENT = 2.0  # seconds in which a process that has ended is still known
RECENT_MAX = 4096
WAIT = 0.5  # seconds in which whoever opened something is to become known
WAITING_MAX = 256


class Aside:
    """One observation's."""

    def __init__(self, lines: Lines, processes: Processes, signals: Signals, moments: Moments, calls: Calls,
                 credentials: Credentials) -> None:  # fmt: skip
        self._lines, self._processes, self._moments, self._credentials = lines, processes, moments, credentials
        self._ended: Dict[int, float] = {}
        processes.ends.append(self._over)
        self._programs, self._opens = Budget(BEGAN_MAX), Budget(OPENS_MAX)
        self._told: Dict[int, Set[str]] = {}  # masked paths, by process
        self._ran: Tuple[int, str, int] = (0, "", 0)  # what was told last
        self._said: Set[Tuple[str, str]] = set()
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
        """Descriptors to be waited for."""
        return [each.descriptor for each in (self._masked, self._log) if each is not None]

    def fresh(self, records: List[Record]) -> List[Record]:
        """The same; those of a program that began with what it is, and what of its rights it has."""
        for number, record in enumerate(records):
            if record.kind == "exec" and self._programs.take(record.pid, record.time):
                since = time.monotonic_ns()
                held, about = self._moments.ran(record.pid)
                self._credentials.began(record.pid, record.time, since, held)
                records[number] = record._replace(about=about)
        return records

    def executed(self, record: Record, unread: Optional[Around]) -> None:
        """A program began. `unread`: what it is without rights of its file, where nobody could look at it."""
        about = unread or record.about  # where a call may have changed it before it was read there is only the first
        if about is not None and lacks(record.pid, about):
            path = about["place"]["path"]
            # of two programs after each other in one process both may have been found as the second
            if self._ran[:2] != (record.pid, path) or record.time - self._ran[2] > TWICE:
                self._lines.tell(record.time, "not-gained", record.pid, path, about)
            self._ran = record.pid, path, record.time

    def look(self, last: bool = False) -> None:
        """Whatever has come. `last`: nothing will be looked at again."""
        now = time.monotonic()
        if self._log is not None:
            self._log.take(last)
        if self._masked is not None:
            taken = [(now, pid, path, who(pid)) for pid, path in self._masked.take()]
            opened, self._waiting = self._waiting, []
            for since, pid, path, around in opened + taken if last else opened:
                if self.is_mine(pid):
                    self._opened(int(since * 1e9), pid, path, around)
                elif now - since < WAIT and not last:
                    self._waiting.append((since, pid, path, around))
            # told at the next look: that its program began is read from the rings by then
            self._waiting += [] if last else taken
            del self._waiting[:-WAITING_MAX]

    def once_a_second(self, first: int, watch: Callable[[List[str]], bool]) -> None:
        """`first`: the container's first process, whose mounts are watched; 0 where there is none.

        `watch`: has the kernel tell who names one of these files to open it; whether it can.
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
        """A process opened that file by its path."""
        if self._masked is not None and path in self._masked.files:
            held = self._credentials.of(record.pid, record.time)
            self._opened(record.time, record.pid, path, {"tid": record.tid, **({} if held is None else held.around)})

    def is_mine(self, pid: int) -> bool:
        """Whether it is of the group, or was a moment ago."""
        return pid in self._processes.known or pid in self._ended

    def close(self) -> None:
        """All of it."""
        for each in (self._masked, self._log):
            if each is not None:
                each.close()

    def unseen(self, what: str, why: str) -> None:
        """What can't be seen, told once."""
        if (what, why) not in self._said:
            self._said.add((what, why))
            self._lines.now("unseen", what, why)

    # -- inside

    def _opened(self, at: int, pid: int, path: str, around: Around) -> None:
        told = self._told.setdefault(pid, set())
        if path in told:
            return
        if not self._opens.take(pid, at):
            self.unseen("masked", "more masked paths were opened than are told")
            return
        if len(told) >= KINDS_MAX:
            told.clear()
        told.add(path)
        self._lines.tell(at, "masked", pid, path, bounded(around))

    def _over(self, pid: int, _: int) -> None:
        self._told.pop(pid, None)
        if len(self._ended) >= RECENT_MAX:
            self._ended.clear()
        self._ended[pid] = time.monotonic()
