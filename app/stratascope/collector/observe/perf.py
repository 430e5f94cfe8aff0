"""perf_event_open(2) for one control group: tracepoints on each CPU, three rings per CPU, read in the order of time.

Only needs ctypes and mmap. An event's filter can be set once only (kernel/events/core.c, EEXIST), so to change it, the
event is opened again and the old one closed after; a dummy event owns each ring, so that the ring stays. Both are open
for a moment, and the older one's records of that time are dropped: nothing is counted twice. What does not fit into a
ring is counted by the kernel, and reported. The rings of a CPU: frequent events; rare ones; and records that only help
to read a call's arguments (stacks, mappings), of which any may be lost: a full ring costs the container nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import mmap
import os
import struct
from errno import EACCES, ENODEV, ENOENT, EPERM
from operator import itemgetter
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.observe.trace import NoTracepointsError, barrier

PAGE = mmap.PAGESIZE
RINGS_MAX = 64 << 20  # bytes of all rings; 2 MiB each up to 10 CPUs (with 256 KiB events were lost)
RING_MAX, RING_MIN = 2 << 20, 128 << 10

_OPEN = {"x86_64": 298, "aarch64": 241}  # perf_event_open
_TRACEPOINT, _SOFTWARE, _DUMMY = 2, 1, 9  # PERF_TYPE_*, PERF_COUNT_SW_DUMMY
_ENABLE, _DISABLE, _SET_OUTPUT, _SET_FILTER, _ID = 0x2400, 0x2401, 0x2405, 0x40082406, 0x80082407  # PERF_EVENT_IOC_*
_PID_CGROUP, _CLOEXEC = 4, 8
TID, TIME, CALLCHAIN, RAW, REGS, STACK, IDENTIFIER = 1 << 1, 1 << 2, 1 << 5, 1 << 10, 1 << 12, 1 << 13, 1 << 16
_DISABLED, _COMM, _TASK, _WATERMARK, _ID_ALL = 1 << 0, 1 << 9, 1 << 13, 1 << 14, 1 << 18
_NO_USER_CHAIN, _COMM_EXEC, _CLOCK = 1 << 22, 1 << 24, 1 << 25
_MAPS = 1 << 8 | 1 << 17 | 1 << 23  # mmap, mmap_data, mmap2
_ATTR = struct.Struct("=IIQQQQQIIQQQQIiQIHH")  # struct perf_event_attr, PERF_ATTR_SIZE_VER5
_HEADER = struct.Struct("=IHH")
_FRONT = struct.Struct("=QIIQ")  # identifier, pid, tid, time
_U64, _U32, _PAIR = struct.Struct("=Q"), struct.Struct("=I"), struct.Struct("=QQ")
# PERF_RECORD_*; EXIT also occurs when a set-user-ID program is executed
LOST, COMM, FORK, SAMPLE, MMAP2 = 2, 3, 7, 9, 10
_COMM_WAS_EXEC = 1 << 13  # PERF_RECORD_MISC_COMM_EXEC
_CONTEXTS = 0xFFFFFFFFFFFFF000  # PERF_CONTEXT_MAX: values above are context markers, not addresses
FRAMES = 64
# Bytes of a stack. Its start is randomized by up to 8 KiB (arch_align_stack), and argv is above that
STACK_MAX = 16384
OFTEN, RARE, HELP = range(3)  # the rings of a CPU
MAPPED = struct.Struct("=IIQQQIIQQII")  # pid, tid, address, size, offset, major, minor, inode, generation, prot, flags
# Registers of a call: its six arguments, and the one with its number if a filter sends a signal for it
# (arch/*/include/uapi/asm/perf_regs.h; syscall(2); syscall_rollback), by their bits, which is the order of a sample
_X86 = {"ax": 0, "bx": 1, "cx": 2, "dx": 3, "si": 4, "di": 5, "bp": 6, "sp": 7, "r8": 16, "r9": 17, "r10": 18}
_REGISTERS = {"x86_64": tuple(_X86.values()), "aarch64": (0, 1, 2, 3, 4, 5, 8, 31)}


def _picks(*names: str) -> Callable[[Tuple[int, ...]], Tuple[int, ...]]:
    """Return a function that picks these registers out of all that are sampled."""
    return itemgetter(*map(list(_X86).index, names))


_WIDE, _NARROW = _picks("di", "si", "dx", "r10", "r8", "r9"), _picks("bx", "cx", "dx", "si", "di", "bp")
_OTHERS = _picks("ax", "sp")


_SIGNALS = "result == 0 && sig != 17 && sig != 14"  # queued; neither SIGCHLD nor SIGALRM, which are many
# tracepoints: the kind of their records ("": opened with details only known then), sample bits, filter
POINTS: Dict[str, Tuple[str, int, str]] = {
    "raw_syscalls/sys_enter": ("", 0, ""),
    "raw_syscalls/sys_exit": ("", 0, ""),
    "capability/cap_capable": ("", 0, ""),
    "sched/sched_process_exec": ("exec", REGS, ""),
    "sched/sched_process_exit": ("ended", 0, ""),
    "signal/signal_generate": ("generate", REGS, _SIGNALS),
    "signal/signal_deliver": ("deliver", 0, "sa_handler == 0 || sig == 1 || sig == 10 || sig == 12"),
    "oom/mark_victim": ("victim", 0, ""),
}


class Record(NamedTuple):
    """One record from a ring. `kind`: the event's name, or `fork`, `comm`, `mapped`, `lost`, `help-lost`."""

    time: int  # nanoseconds, CLOCK_MONOTONIC
    kind: str
    pid: int
    tid: int
    raw: bytes  # the tracepoint's record; for comm the name
    chain: bytes  # addresses, 8 bytes each, the kernel's only
    registers: Tuple[int, ...]  # arguments
    bits: int  # 64, 32, 0 if unknown
    extra: int  # fork: the parent's pid; comm: 1 for an exec; lost: how many; with registers: ax, or x8; stack: where
    stack: bytes = b""  # the user's, from `extra` on
    narrow: Tuple[int, ...] = ()  # arguments, if this is a call by int 0x80 in a 64-bit program
    copied: Any = None  # what a refused call's pointers pointed at (`system_calls`)
    about: Any = None  # what was read about it while it was fresh (`moments`)


class Source(NamedTuple):
    """An event to open on each CPU."""

    name: str
    number: int
    sample: int = 0
    filter: str = ""
    wakes: bool = False
    ring: int = RARE


class _Ring:
    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self.memory = mmap.mmap(descriptor, PAGE + size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)

    def take(self) -> bytes:
        """Take all its data and release the space to the kernel."""
        (head,) = _U64.unpack_from(self.memory, 1024)  # data_head, data_tail: struct perf_event_mmap_page
        (tail,) = _U64.unpack_from(self.memory, 1032)
        if head == tail:
            return b""
        first, last = tail % self.size, head % self.size
        if first < last:
            data = self.memory[PAGE + first : PAGE + last]
        else:
            data = self.memory[PAGE + first : PAGE + self.size] + self.memory[PAGE : PAGE + last]
        _U64.pack_into(self.memory, 1032, head)
        return data

    def close(self) -> None:
        self.memory.close()
        os.close(self.descriptor)


def cpus() -> List[int]:
    """List the online CPUs."""
    found: List[int] = []
    with open("/sys/devices/system/cpu/online", encoding="ascii") as file:
        for part in file.read().strip().split(","):
            first, _, last = part.partition("-")
            found.extend(range(int(first), int(last or first) + 1))
    return found


class Perf:
    """All events of one control group (a descriptor of its directory; None: of this thread, to observe itself)."""

    def __init__(self, group: Optional[int], *, helps: bool = True) -> None:
        """Open the rings. `helps`: also the one for records that only help. Raises NoTracepointsError, OSError."""
        machine = os.uname().machine
        if machine not in _OPEN:
            raise NoTracepointsError("this kind of processor (%s) is not known to the observer" % machine)
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long
        self._number = _OPEN[machine]
        taken = _REGISTERS[machine]
        self._x86 = machine == "x86_64"
        self._mask = sum(1 << bit for bit in taken)
        self._registers = struct.Struct("=%dQ" % len(taken))
        self._group = group
        self._cpus = cpus() if group is not None else [-1]
        self._rings: Dict[int, List[_Ring]] = {}
        self._names: Dict[int, str] = {}  # names of open events, by id
        self._open: Dict[str, List[Tuple[int, int, int]]] = {}  # by name: CPU, descriptor, id
        self._newest: Dict[int, Dict[str, int]] = {}  # by CPU, the id that counts since a change
        self._sources: Dict[str, Source] = {}
        size = RING_MAX
        while size > RING_MIN and 3 * size * len(self._cpus) > RINGS_MAX:
            size //= 2
        try:
            for cpu in self._cpus:
                rings = self._rings[cpu] = []
                for more in (0, _COMM | _TASK | _COMM_EXEC, _MAPS)[: None if group is not None and helps else HELP]:
                    flags = _WATERMARK | _ID_ALL | more
                    descriptor = self._event(_SOFTWARE, _DUMMY, IDENTIFIER | TID | TIME, flags, cpu, size // 8)
                    rings.append(_Ring(descriptor, size if group is not None else RING_MIN))
        except BaseException:
            self.close()
            raise

    def _event(self, kind: int, number: int, sample: int, flags: int, cpu: int, wakeup: int) -> int:
        attributes = _ATTR.pack(
            *(kind, _ATTR.size, number, 1, sample, 0, flags | _CLOCK, wakeup, 0, 0, 0, 0),
            *(self._mask if sample & REGS else 0, STACK_MAX if sample & STACK else 0, 1, 0, 0),
            *(FRAMES if sample & CALLCHAIN else 0, 0),
        )
        where, how = (self._group, _PID_CGROUP | _CLOEXEC) if self._group is not None else (0, _CLOEXEC)
        long = ctypes.c_long
        done: int = self._call(long(self._number), attributes, long(where), long(cpu), long(-1), long(how))
        if done >= 0:
            return done
        number = ctypes.get_errno()
        if number in (EPERM, EACCES):
            raise NoTracepointsError(barrier() or "the kernel refuses it (perf_event_open): %s" % os.strerror(number))
        raise OSError(number, os.strerror(number))

    def add(self, source: Source) -> None:
        """Open an event on each CPU, replacing the one of that name. Raises OSError (the group is gone)."""
        before = self._open.get(source.name, [])
        opened: List[Tuple[int, int, int]] = []
        sample = IDENTIFIER | TID | TIME | RAW | source.sample
        flags = _DISABLED | (_NO_USER_CHAIN if source.sample & CALLCHAIN else 0) | (0 if source.wakes else _WATERMARK)
        try:
            for cpu in self._cpus:
                descriptor = self._event(_TRACEPOINT, source.number, sample, flags, cpu, 1 if source.wakes else 0)
                identifier = bytearray(8)
                opened.append((cpu, descriptor, 0))
                if source.filter:
                    # a writable buffer is passed itself, however long (fcntl.ioctl)
                    fcntl.ioctl(descriptor, _SET_FILTER, bytearray(source.filter.encode("ascii") + b"\0"))
                fcntl.ioctl(descriptor, _SET_OUTPUT, self._rings[cpu][source.ring].descriptor)
                fcntl.ioctl(descriptor, _ID, identifier)
                opened[-1] = (cpu, descriptor, _U64.unpack(identifier)[0])
            for _, descriptor, number in opened:
                self._names[number] = source.name
                fcntl.ioctl(descriptor, _ENABLE, 0)
        except BaseException:
            for _, descriptor, number in opened:
                self._names.pop(number, None)
                os.close(descriptor)
            raise
        self._sources[source.name] = source
        self._open[source.name] = opened
        for cpu, _, number in opened:
            self._newest.setdefault(cpu, {})[source.name] = number
        for _, descriptor, _ in before:
            os.close(descriptor)

    def wakers(self) -> List[int]:
        """Descriptors to poll."""
        return [ring.descriptor for rings in self._rings.values() for ring in rings]

    def drain(self) -> List[Record]:
        """Return the records since the last call, unsorted."""
        found: List[Record] = []
        for cpu, rings in self._rings.items():
            for number, ring in enumerate(rings):
                data = ring.take()
                if data:
                    self._parse(data, cpu, found, number == HELP)
        alive = {number for opened in self._open.values() for _, _, number in opened}
        for number in [number for number in self._names if number not in alive]:
            del self._names[number]  # all its records have been read
        return found

    def _parse(self, data: bytes, cpu: int, found: List[Record], helps: bool) -> None:
        place, end = 0, len(data)
        newest = self._newest.get(cpu, {})
        begun: Set[str] = set()
        while place + 8 <= end:
            kind, misc, size = _HEADER.unpack_from(data, place)
            if size < 8:
                return
            here = place + 8
            if kind == SAMPLE:
                number, pid, tid, at = _FRONT.unpack_from(data, here)
                name = self._names.get(number)
                if name is not None:
                    if newest.get(name) == number:
                        begun.add(name)
                    elif name in begun:  # the older of two events reports it again
                        place += size
                        continue
                    found.append(self._sample(name, pid, tid, at, data, here + _FRONT.size))
            elif kind == FORK and not helps:  # an event for mappings also reports forks
                pid, parent, tid, _, at = struct.unpack_from("=IIIIQ", data, here)
                found.append(Record(at, "fork", pid, tid, b"", b"", (), 0, parent))
            elif kind == COMM:
                pid, tid = struct.unpack_from("=II", data, here)
                text = data[here + 8 : place + size - 24].split(b"\0")[0]
                (at,) = _U64.unpack_from(data, place + size - 16)  # sample_id: pid and tid, time, identifier
                found.append(Record(at, "comm", pid, tid, text, b"", (), 0, int(bool(misc & _COMM_WAS_EXEC))))
            elif kind == LOST:
                _, count = _PAIR.unpack_from(data, here)
                found.append(Record(0, "help-lost" if helps else "lost", 0, 0, b"", b"", (), 0, count))
            elif kind == MMAP2:
                pid, tid = struct.unpack_from("=II", data, here)
                (at,) = _U64.unpack_from(data, place + size - 16)
                found.append(Record(at, "mapped", pid, tid, data[here : place + size - 24], b"", (), 0, 0))
            place += size

    def _sample(self, name: str, pid: int, tid: int, at: int, data: bytes, place: int) -> Record:
        sample = self._sources[name].sample
        chain, bits, extra = b"", 0, 0
        registers: Tuple[int, ...] = ()
        narrow: Tuple[int, ...] = ()
        if sample & CALLCHAIN:
            (count,) = _U64.unpack_from(data, place)
            chain = data[place + 8 : place + 8 + 8 * count]
            place += 8 + 8 * count
        (size,) = _U32.unpack_from(data, place)
        raw = data[place + 4 : place + 4 + size]
        place += 4 + size
        if sample & REGS:
            (abi,) = _U64.unpack_from(data, place)  # PERF_SAMPLE_REGS_ABI_32, _64
            bits = {1: 32, 2: 64}.get(abi, 0)
            if bits:
                values = self._registers.unpack_from(data, place + 8)
                place += self._registers.size
                if self._x86:
                    narrow = _NARROW(values)
                    registers = _WIDE(values) if bits == 64 else narrow
                    extra, top = _OTHERS(values)
                else:
                    registers, extra, top = tuple(values[:6]), values[6], values[7]
                if sample & STACK:
                    return Record(at, name, pid, tid, raw, chain, registers, bits, top, _stack(data, place + 8))
        return Record(at, name, pid, tid, raw, chain, registers, bits, extra, narrow=narrow)

    def silence(self) -> None:
        """Disable all events."""
        for opened in self._open.values():
            for _, descriptor, _ in opened:
                fcntl.ioctl(descriptor, _DISABLE, 0)

    def close(self) -> None:
        """Close all events and rings."""
        for opened in self._open.values():
            for _, descriptor, _ in opened:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        for rings in self._rings.values():
            for ring in rings:
                ring.close()
        self._open, self._rings = {}, {}


def _stack(data: bytes, place: int) -> bytes:
    """Decode PERF_SAMPLE_STACK_USER: a size, that many bytes, how many of them are valid."""
    (size,) = _U64.unpack_from(data, place)
    if not size:
        return b""
    (count,) = _U64.unpack_from(data, place + 8 + size)
    return data[place + 8 : place + 8 + min(size, count)]


def frames(chain: bytes) -> Tuple[int, ...]:
    """The addresses of a call chain, innermost first, without context markers."""
    return tuple(each[0] for each in struct.iter_unpack("=Q", chain) if each[0] < _CONTEXTS)


def same(before: Tuple[int, ...], after: Tuple[int, ...], machine: str) -> bool:
    """Whether two records of one call have the same arguments, if both are known."""
    if not before or not after:
        return True
    if machine == "aarch64":  # the return value has replaced the first one
        return before[1:] == after[1:]
    return before == after


def gone(error: OSError) -> bool:
    """Whether an event could not be opened because its control group is gone."""
    return error.errno in (ENOENT, ENODEV)
