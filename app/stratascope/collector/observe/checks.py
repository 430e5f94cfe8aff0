"""Capability checks, with the kernel functions that led to each; the program judges what they mean.

Two sources: the tracepoint `capability:cap_capable`, or kprobe events at the entry and the return of that function,
which are paired by thread. Addresses become names by /proc/kallsyms, read once and before anything is attached: it
takes a fifth of a second, in which a refused process would be gone. The initial user namespace is identified by
observing a check of our own.
"""

from __future__ import annotations

import os
import re
import struct
from array import array
from bisect import bisect_right
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from stratascope.collector.observe.perf import CALLCHAIN, REGS, Perf, Record, Source, frames, same
from stratascope.collector.observe.processes import Processes, Tally, Tell
from stratascope.collector.observe.refusals import Floods
from stratascope.collector.observe.trace import Point

CLASSES_MAX = 4096
CHAINS_MAX = 4096
WORD_MAX = 128
WITHIN_MAX = 8  # checks kept per call
THREADS_MAX = 1 << 14
_SYMBOL = re.compile(rb"^([0-9a-f]+) [tTwW] ([^\s]+)", re.M)
# A call's own function, under any name left by the compiler (arch/x86/include/asm/syscall_wrapper.h), and the kernel's
# entry functions
_CALL = re.compile(r"^(?:__(?:x64|ia32|arm64)_|__do_|__se_|__|k)(?:compat_)?sys_(\w+?)(?:\.\w+)*$")
_NARROW = ("do_int80_emulation", "do_fast_syscall_32", "__do_fast_syscall_32", "do_int80_syscall_32", "int80_emulation")
_ENTERED = frozenset((*_NARROW, "do_syscall_64", "x64_sys_call", "x32_sys_call", "do_el0_svc", "invoke_syscall"))
# names of kernel functions that differ from the call's (arch/x86/entry/syscalls/*.tbl)
_RENAMED = {
    "newuname": "uname",
    "newstat": "stat",
    "newlstat": "lstat",
    "newfstat": "fstat",
    "umount": "umount2",
    "sendfile64": "sendfile",
    "mmap_pgoff": "mmap",
}
_CHECK = "cap_capable"
NICE = -15
_SYS_NICE = 23


class Symbols:
    """The kernel's functions, by address."""

    def __init__(self) -> None:
        self._addresses = array("Q")
        self._names: List[str] = []
        self._load()

    def name(self, address: int) -> str:
        """Name the function that contains an address; "" if none is known."""
        found = bisect_right(self._addresses, address) - 1
        return self._names[found] if found >= 0 else ""

    @property
    def hidden(self) -> bool:
        """Whether the kernel hides addresses (kernel.kptr_restrict=2)."""
        return not self._names

    def _load(self) -> None:
        try:
            with open("/proc/kallsyms", "rb") as file:
                text = file.read()
        except OSError:
            return
        found = sorted((int(address, 16), name) for address, name in _SYMBOL.findall(text))
        if found and found[-1][0]:
            self._addresses = array("Q", [address for address, _ in found])
            self._names = [name.decode("ascii", "replace")[:WORD_MAX] for _, name in found]


class Means(NamedTuple):
    """How checks are observed: by a tracepoint, or by two kprobe events."""

    word: str  # tracepoint, kprobe
    first: Point
    answer: Optional[Point]

    def sources(self) -> List[Source]:
        """List the events to open."""
        found = [Source("check", self.first.number, CALLCHAIN | REGS)]
        return found if self.answer is None else [*found, Source("answer", self.answer.number)]


class _Within(NamedTuple):
    """A check, and the call that its thread was in."""

    number: Optional[int]
    registers: Tuple[int, ...]
    report: List[Any]


class Checks:
    """The checks made by cap_capable. `numbers`: syscall numbers by entry point and name."""

    def __init__(self, tell: Tell, processes: Processes, means: Means, numbers: Dict[str, Dict[str, int]]) -> None:
        self._processes = processes
        self._numbers = numbers
        self.initial: Optional[int] = None  # the initial user namespace's address
        self._kept = Tally(tell, "capability", CLASSES_MAX)
        processes.ends.append(self._kept.forget)
        self._target = means.first.fields["target" if means.answer is not None else "target_ns"][0]
        self._capability = means.first.fields["cap"][0]
        self._answer = (means.first if means.answer is None else means.answer).fields["ret"][0]
        self._by_two = means.answer is not None
        self._open: Dict[int, Record] = {}
        self._chains: Dict[bytes, Tuple[Tuple[str, ...], str, bool]] = {}
        self._during: Dict[int, List[_Within]] = {}  # by thread: those since its call began
        self.floods = Floods("cap", "ret")  # kprobe events report the result without the capability
        self.symbols = Symbols()
        self.lost = 0

    def asked(self, record: Record) -> None:
        """Handle a check, or its entry."""
        if self._by_two:
            self.lost += record.tid in self._open  # its return was not seen
            self._open[record.tid] = record
        else:
            self._report(record, struct.unpack_from("=i", record.raw, self._answer)[0])

    def answered(self, record: Record) -> None:
        """Handle a check's return, from kprobe events."""
        before = self._open.pop(record.tid, None)
        if before is not None:
            self._report(before, struct.unpack_from("=i", record.raw, self._answer)[0])

    def thread_ended(self, tid: int) -> None:
        """Forget a thread that has ended."""
        self._open.pop(tid, None)
        self._during.pop(tid, None)

    def began(self, tid: int) -> None:
        """Forget a thread's checks as it enters a call: they belong to none that follows."""
        self._during.pop(tid, None)

    def within(self, end: Record, number: int, machine: str) -> Optional[List[List[Any]]]:
        """Return the checks of the call that ends with this record: those with the same function and arguments, since
        the entry of a call that is filtered out is not reported. Each is [capability, answer, initial, frames], refused
        ones first. None: not known, since such checks are so frequent that they are left out.
        """
        found: List[List[Any]] = []
        for check in self._during.pop(end.tid, ()):
            known = bool(check.registers and end.registers)
            if (check.number == number or (check.number is None and known)) and same(
                check.registers, end.registers, machine
            ):
                found.append(check.report)
        if not found and self.floods.out(end.tid):
            return None
        return sorted(found, key=lambda report: bool(report[1] == 0))[:WITHIN_MAX]

    def rest(self, at: int) -> None:
        """Report the counts collected so far."""
        self._kept.rest(at)

    def _report(self, record: Record, answer: int) -> None:
        (target,) = struct.unpack_from("=Q", record.raw, self._target)
        (capability,) = struct.unpack_from("=i", record.raw, self._capability)
        if not self._by_two:
            self.floods.note(capability, answer, record.tid)
        names, call, narrow = self._named(record.chain)
        abi = self._processes.abi(record.pid, record.bits or (32 if narrow else 0))
        number = self._numbers.get(abi, {}).get(call)
        initial = target == self.initial
        key = (record.pid, capability, answer, initial, names)
        report = [max(0, capability), answer, initial, list(names)]
        self._keep(record.tid, _Within(number, record.registers, report))
        self._kept.add(
            key,
            record.time,
            lambda: (record.pid, max(0, capability), answer, initial, abi, number, list(names)),
        )

    def _keep(self, tid: int, check: _Within) -> None:
        mine = self._during.get(tid)
        if mine is None:
            if len(self._during) >= THREADS_MAX:
                self._during.clear()
            mine = self._during[tid] = []
        if check in mine:
            mine.remove(check)
        elif len(mine) >= 2 * WITHIN_MAX:
            del mine[next((place for place, each in enumerate(mine) if each.report[1] == 0), 0)]
        mine.append(check)

    def _named(self, chain: bytes) -> Tuple[Tuple[str, ...], str, bool]:
        found = self._chains.get(chain)
        if found is None:
            names: List[str] = []
            call, narrow = "", False
            for address in frames(chain):
                name = self.symbols.name(address)
                if name in _ENTERED or name.startswith("entry_"):
                    narrow = narrow or name in _NARROW
                    continue
                names.append(name)
                known = _CALL.match(name)
                if known is not None:
                    call = _RENAMED.get(known.group(1), known.group(1))
            if _CHECK in names:  # before it are the functions by which it was told
                del names[: names.index(_CHECK)]
            if len(self._chains) >= CHAINS_MAX:
                self._chains.clear()
            found = self._chains[chain] = (tuple(names), call, narrow)
        return found


class OwnCheck:
    """Observe a capability check of our own, which reveals the address of the initial user namespace.

    The check is made by raising our priority, for which the kernel requires CAP_SYS_NICE; that also lets us empty the
    rings before they are full.
    """

    def __init__(self, means: Optional[Means]) -> None:
        """Make the check. Raises NoTracepointsError, OSError."""
        self.initial: Optional[int] = None
        self._perf: Optional[Perf] = None
        wanted = min(NICE, os.getpriority(os.PRIO_PROCESS, 0) - 1)
        if means is None:
            _set_priority(wanted)
            return
        self._perf = Perf(None)
        try:
            for source in means.sources():
                self._perf.add(source)
            _set_priority(wanted)
            place = means.first.fields["target" if means.answer is not None else "target_ns"][0]
            for record in self._perf.drain():
                number = means.first.fields["cap"][0]
                if record.kind == "check" and struct.unpack_from("=i", record.raw, number)[0] == _SYS_NICE:
                    (self.initial,) = struct.unpack_from("=Q", record.raw, place)
                    self._perf.silence()
                    break
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close its events; that takes longer than opening them, so not before the end."""
        if self._perf is not None:
            self._perf.close()
            self._perf = None


def _set_priority(wanted: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, wanted)
    except OSError:
        return
