"""The system calls of one control group, as BPF programs tell them: entries, refused ends, opens of masked files; and
capability checks and executions, so that what a session does at once is seen before it is moved into the group.

They do what perf events of the same two tracepoints do (`perf`), for a fraction of what those cost each call, and more:
what a refused call's pointers pointed at is copied at that moment, so its path is known even if the program ends at
once or overwrites it; and a refusal that comes again and again (same thread, call, error, and path or arguments) is
counted in the kernel and no longer told one by one. Where BPF is not permitted (lockdown, no CAP_BPF, a control group
of version 1, another processor than x86-64), the perf events do what they can.

The programs are fixed: of the threads of that one group they tell number, error and registers of calls, the texts that
refused calls were given as paths, the bytes of their socket addresses, of checks the functions on the kernel's stack,
of executions the file's name, and nothing else. They run for every call of the machine, and are done after one or two
look-ups for most. Their bytes are offered under the GPL as well, as the kernel asks of programs that read memory
(Documentation/bpf/bpf_licensing.rst).
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.bpf.btf import Btf, NoLayoutError, description
from stratascope.collector.bpf.calls import ARRAY, HASH, Bpf
from stratascope.collector.observe.call_programs import (
    ADDRESS,
    ALIKE,
    ALWAYS,
    ARGUMENTS,
    ARGUMENTS_SIZE,
    BINARY,
    CALLS,
    CHECK,
    CLASS,
    COMMAND_SIZE,
    COMPAT,
    COPIES,
    COUNTED,
    CROWDED,
    ENTERS,
    ERRORS,
    EXECUTED,
    FRAMES_SIZE,
    HEAD,
    LONG,
    MASK_TEXT,
    MASKED_SIZE,
    MASKS,
    MOVED_SIZE,
    NAME,
    NAMED,
    NO_TEXT,
    OUTSIDE,
    PLACES,
    PLAIN,
    POINTED,
    READS,
    SHORT,
    SIZE,
    SOME,
    WHOLE,
    Maps,
    checking,
    counted_as,
    entering,
    executing,
    leaving,
)
from stratascope.collector.observe.memory import Stack
from stratascope.collector.observe.perf import PAGE, Record
from stratascope.collector.observe.trace import Point

ENTERED_RING, REFUSED_RING = 8 << 20, 4 << 20
ALIKE_MAX = 4096  # refusals counted in the kernel
CROWDS_MAX = 1024
MASKED, MOVED, NAMES, CONNECTS = "masked-open", "moved", "names", "connects"
MOUNTS_MAX = 256
Alike = Tuple[bytes, bytes]  # a key of the kernel's table, and the first value
Class = Tuple[int, int, int]  # number, result, thread; 0: all threads
_GROUPS, _PREFIXES, _RINGBUF = 8, 11, 27  # BPF_MAP_TYPE_CGROUP_ARRAY, BPF_MAP_TYPE_LPM_TRIE, BPF_MAP_TYPE_RINGBUF
_NO_PREALLOC = 1  # BPF_F_NO_PREALLOC, which such a table must have
_BUSY, _DISCARDED = 1 << 31, 1 << 30
_INITIAL = "pid:[4026531836]"  # PROC_PID_INIT_INO: the programs see numbers of that PID namespace
# struct pt_regs in words: the registers, which one tells a 32-bit call, the arguments of both kinds
_REGISTERS = struct.Struct("=21Q")
_ROOM = 64  # bytes for the fields of a tracepoint's record
_CS, _NARROW_CS = 17, 0x23  # __USER32_CS
_WIDE, _NARROW = (14, 13, 12, 7, 9, 8), (5, 11, 12, 13, 14, 4)


class Pointer(NamedTuple):
    """A pointer of a call: its index among the arguments; for bytes the index of their number, None for text."""

    place: int
    size: Optional[int] = None


class Asked(NamedTuple):
    """What is told. `pointers`: by number of a native call; `opens`: the index of the path of calls that open a file;
    `moves`: of those after which relative paths begin elsewhere, None where they have no path; `always`, `some`: errors
    of refused calls, the latter with the numbers of the calls. `namespace`: device and inode of a PID namespace, whose
    processes are told of wherever their group is. `check`, `execution`: tracepoints, in whose form capability checks
    and executions are told, if the kernel has them. `named`: other calls that name a path, the index of that, and READS
    or WRITES; told, as opens are, if the path is one of `SystemCalls.mounts`. `connect`: the number of connect(2).
    """

    pointers: Dict[int, Tuple[Pointer, ...]]
    opens: Dict[int, int]
    moves: Dict[int, Optional[int]]
    always: Iterable[int]
    some: Dict[int, Set[int]]
    namespace: Optional[Tuple[int, int]] = None
    check: Optional[Point] = None
    execution: Optional[Point] = None
    named: Optional[Dict[int, Tuple[int, int]]] = None
    connect: Optional[int] = None


class Copied(Stack):
    """What a refused call's pointers pointed at, by address; None where it could not be read."""

    def __init__(self, found: Dict[int, Optional[bytes]], common: bytes, command: str) -> None:
        """`common`: its registers as the kernel compares them with those of others; `command`: the thread's name."""
        super().__init__(())
        self.found, self.common, self.command = found, common, command

    def text(self, address: int) -> Optional[bytes]:
        text = self.found.get(address)
        return text[:-1] if text and text[-1:] == b"\0" and len(text) < LONG else None

    def data(self, address: int, size: int) -> Optional[bytes]:
        data = self.found.get(address)
        return data[:size] if data is not None and len(data) >= min(size, BINARY) else None


class _Ring:
    """A ring of records (Documentation/bpf/ringbuf.rst): the reader's place, the writer's, and the data twice."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor, self._size = descriptor, size
        self._read = mmap.mmap(descriptor, PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._data = mmap.mmap(descriptor, PAGE + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=PAGE)

    def take(self) -> List[bytes]:
        """All records so far."""
        found: List[bytes] = []
        (place,) = struct.unpack_from("=Q", self._read, 0)
        (end,) = struct.unpack_from("=Q", self._data, 0)
        while place < end:
            at = PAGE + place % self._size
            (length,) = struct.unpack_from("=I", self._data, at)
            if length & _BUSY:
                break
            size = length & ~_DISCARDED
            if size == length:
                found.append(self._data[at + 8 : at + 8 + size])
            place += (size + 8 + 7) & ~7
        struct.pack_into("=Q", self._read, 0, place)
        return found

    def close(self) -> None:
        self._read.close()
        self._data.close()


class SystemCalls:
    """The calls of one group. Raises OSError, ImportError: they can't be told in this way here."""

    def __init__(self, folder: int, asked: Asked) -> None:
        """`folder`: a descriptor of the group's directory in the unified hierarchy."""
        self._bpf = Bpf()
        if os.uname().machine != "x86_64" or os.readlink("/proc/self/ns/pid") != _INITIAL:
            raise OSError("BPF programs of ours don't run here")
        self._opened: List[int] = []
        self._namespace = asked.namespace
        reads = READS if asked.named else 0
        self._flags = {number: (PLACES[place] + 1) << 8 | MASKS | reads for number, place in asked.opens.items()}
        for number, (place, kind) in (asked.named or {}).items():
            self._flags[number] = (PLACES[place] + 1) << 8 | kind
        if asked.connect is not None:
            self._flags[asked.connect] = (PLACES[1] + 1) << 8 | ADDRESS
        self._connect = asked.connect
        self._mounts: Dict[str, int] = {}
        for number, path in asked.moves.items():
            self._flags[number] = (NO_TEXT if path is None else PLACES[path] + 1) << 16
        self._left_out: Set[int] = set()
        self._crowds: Dict[int, Set[Class]] = {}
        self._check, self._execution = asked.check, asked.execution
        self._masks: List[str] = []
        self._lost = 0
        try:
            self._maps = self._made()
            put = self._bpf.put
            put(self._maps.groups, bytes(4), struct.pack("=I", folder))
            for number in range(CALLS):
                self._flag(number)
            for errors, value in ((asked.always, ALWAYS), (asked.some, SOME)):
                for error in errors:
                    put(self._maps.errors, struct.pack("=I", ERRORS - error), struct.pack("=I", value))
            for error, numbers in asked.some.items():
                for number in numbers:
                    put(self._maps.some, struct.pack("=II", ERRORS - error, number), bytes(4))
            self._pointers = asked.pointers
            for number, pointers in asked.pointers.items():
                words = [
                    word
                    for each in pointers[:2]
                    for word in (PLACES[each.place] + 1, 0 if each.size is None else PLACES[each.size] + 1)
                ]
                put(self._maps.pointers, struct.pack("=I", number), bytes(words).ljust(4, b"\0"))
            self._entered = _Ring(self._maps.entered, ENTERED_RING)
            self._refused = _Ring(self._maps.refused, REFUSED_RING)
            types = Btf(description())
            self.tells = frozenset(self._further(types, asked))
            for code, name in ((entering(self._maps), "sys_enter"), (leaving(self._maps), "sys_exit")):
                self._opened.append(self._bpf.tracepoint(code, types.typedef("btf_trace_" + name)))
        except NoLayoutError as error:
            self.close()
            raise OSError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def _further(self, types: Btf, asked: Asked) -> Iterator[str]:
        """Attach what not every kernel lets be attached; yields the kinds of records that come."""
        with contextlib.suppress(OSError, NoLayoutError):
            if asked.check is not None:
                here = types.typedef("btf_trace_cap_capable")
                self._opened.append(self._bpf.tracepoint(checking(self._maps), here))
                yield "check"
        with contextlib.suppress(OSError, NoLayoutError):
            if asked.execution is not None:
                code = executing(self._maps, types.field("linux_binprm.filename").offset)
                self._opened.append(self._bpf.tracepoint(code, types.typedef("btf_trace_sched_process_exec")))
                yield "exec"

    def _made(self) -> Maps:
        sizes = (
            (_GROUPS, 4, 4, 1),
            *((ARRAY, 4, 4, size) for size in (CALLS, ERRORS)),
            (HASH, 8, 4, 1 << 15),
            (ARRAY, 4, 4, CALLS),
            (HASH, ALIKE.size, COUNTED.size, ALIKE_MAX),
            (HASH, CLASS.size, 4, CROWDS_MAX),
            (HASH, MASK_TEXT, 8, 64),
            (_PREFIXES, 4 + MASK_TEXT, 4, MOUNTS_MAX, _NO_PREALLOC),
            (ARRAY, 4, 8, 1),
            (_RINGBUF, 0, 0, ENTERED_RING),
            (_RINGBUF, 0, 0, REFUSED_RING),
        )
        for size in sizes:
            self._opened.append(self._bpf.map(*size))
        return Maps(self._namespace, *self._opened)

    def waker(self) -> int:
        """A descriptor to poll."""
        return self._maps.refused

    def leave_out(self, numbers: Iterable[int]) -> None:
        """Tell entries of all calls but these."""
        before, self._left_out = self._left_out, {number for number in numbers if number < CALLS}
        for number in self._left_out.symmetric_difference(before):
            self._flag(number)

    def crowd(self, classes: Iterable[Class], first: int = 0) -> None:
        """Tell nothing of refusals of these classes, and of all others again. `first`: CHECKS for capability checks."""
        before = self._crowds.get(first, set())
        wanted = self._crowds[first] = {(each[0] + first, *each[1:]) for each in classes if each[0] < CALLS}
        for number, answer, thread in wanted.symmetric_difference(before):
            key = CLASS.pack(thread, number, answer & 0xFFFF)
            if (number, answer, thread) in wanted:
                self._bpf.put(self._maps.crowds, key, bytes(4))
            else:
                self._bpf.take_out(self._maps.crowds, key)
            if number < CALLS:
                self._flag(number)

    def masks(self, paths: Iterable[str]) -> bool:
        """Tell opens by these paths; whether all of them fit."""
        fits = True
        for path in paths:
            text = path.encode("utf-8", "surrogateescape")
            if path not in self._masks:
                if len(text) >= MASK_TEXT or len(self._masks) >= 64:
                    fits = False
                    continue
                key = text.ljust(MASK_TEXT, b"\0")
                self._bpf.put(self._maps.masks, key, struct.pack("=Q", len(self._masks)))
                self._masks.append(path)
        return fits

    def mounts(self, wanted: Dict[str, int]) -> None:
        """Tell calls that name one of these paths, or one below it, by READS and WRITES; in place of those before."""
        for path in set(self._mounts) - set(wanted):
            with contextlib.suppress(OSError):
                self._bpf.take_out(self._maps.mounts, _prefix(path))
            del self._mounts[path]
        for path, kinds in wanted.items():
            if self._mounts.get(path) != kinds and len(self._mounts) < MOUNTS_MAX:
                self._bpf.put(self._maps.mounts, _prefix(path), struct.pack("=I", kinds))
                self._mounts[path] = kinds

    def drain(self) -> List[Record]:
        """The records since the last call, each ring's in order: `enter`, `leave`, `masked-open`, `moved`, `names`,
        `connects`.
        """
        found: List[Record] = []
        found += [_entry(data) if len(data) == PLAIN else self._checked(data) for data in self._entered.take()]
        for data in self._refused.take():
            at, tid, pid, _, result, _ = HEAD.unpack_from(data)
            if len(data) == WHOLE:
                if found and found[-1].tid == tid and found[-1].copied is not None and 0 < result <= LONG:
                    address = next(iter(found[-1].copied.found), 0)
                    found[-1].copied.found[address] = data[HEAD.size : HEAD.size + result]
            elif len(data) == MASKED_SIZE:
                path = self._masks[result] if result < len(self._masks) else ""
                found.append(Record(at, MASKED, pid, tid, path.encode("utf-8", "surrogateescape"), b"", (), 0, 0))
            elif len(data) == OUTSIDE:
                found.append(_entry(data))
            elif len(data) == EXECUTED:
                found.append(self._executed(data))
            elif len(data) == NAMED:
                found.append(self._named(data))
            elif len(data) == MOVED_SIZE:
                text = data[HEAD.size : HEAD.size + result] if 0 < result < SHORT else b""
                found.append(Record(at, MOVED, pid, tid, text.rstrip(b"\0"), b"", (), 0, 0))
            else:
                found.append(self._refusal(data))
        return found

    def _checked(self, data: bytes) -> Record:
        assert self._check is not None
        at, tid, pid, number, result, size = HEAD.unpack_from(data)
        raw = bytearray(_ROOM)
        for name, form, value in (
            ("target_ns", "=Q", struct.unpack_from("=Q", data, HEAD.size)[0]),
            ("cap", "=I", number & 0xFFFFFFFF),
            ("ret", "=I", result & 0xFFFFFFFF),
        ):
            struct.pack_into(form, raw, self._check.fields[name][0], value)
        chain = data[CHECK - FRAMES_SIZE :][:size] if size <= FRAMES_SIZE else b""
        bits, registers, narrow, extra, command = _whose(data, HEAD.size + 8)
        about = Copied({}, b"", command)
        return Record(at, "check", pid, tid, bytes(raw), chain, registers, bits, extra, narrow=narrow, copied=about)

    def _named(self, data: bytes) -> Record:
        at, tid, pid, number, size, status = HEAD.unpack_from(data)
        bits, registers, narrow, _, command = _whose(data, HEAD.size)
        about = Copied({}, b"", command)
        kind = CONNECTS if number == self._connect else NAMES
        text = data[PLAIN:][: max(0, size)]
        text = text if kind == CONNECTS else text.rstrip(b"\0")
        bits = 32 if status & COMPAT else bits
        return Record(at, kind, pid, tid, text, b"", registers, bits, number, narrow=narrow, copied=about)

    def _executed(self, data: bytes) -> Record:
        assert self._execution is not None
        at, tid, pid, _, size, _ = HEAD.unpack_from(data)
        raw = bytearray(_ROOM)
        name = data[EXECUTED - NAME :][:size] if 0 < size <= NAME else b"\0"
        struct.pack_into("=I", raw, self._execution.fields["filename"][0], len(name) << 16 | _ROOM)
        bits, registers, narrow, extra, command = _whose(data, HEAD.size)
        about = Copied({}, b"", command)
        return Record(at, "exec", pid, tid, bytes(raw) + name, b"", registers, bits, extra, narrow=narrow, copied=about)

    def _refusal(self, data: bytes) -> Record:
        at, tid, pid, number, _, status = HEAD.unpack_from(data)
        bits, registers, narrow, extra, command = _whose(data, HEAD.size)
        copied: Dict[int, Optional[bytes]] = {}
        if len(data) == POINTED and bits == 64 and not status & COMPAT:
            counts = COPIES.unpack_from(data, PLAIN)
            for which, pointer in enumerate(self._pointers.get(number, ())[:2]):
                start = PLAIN + COPIES.size + which * SHORT
                text = data[start : start + counts[which]] if 0 <= counts[which] <= SHORT else None
                copied[registers[pointer.place]] = text
        raw = data[8:32]
        common = data[HEAD.size + ARGUMENTS : HEAD.size + ARGUMENTS + ARGUMENTS_SIZE]
        about = Copied(copied, common, command)
        return Record(at, "leave", pid, tid, raw, b"", registers, bits, extra, narrow=narrow, copied=about)

    def lost(self) -> int:
        """How many records did not fit since the last call."""
        data = self._bpf.get(self._maps.lost, bytes(4), 8)
        (whole,) = struct.unpack("=Q", data or bytes(8))
        since, self._lost = whole - self._lost, whole
        return int(since)

    def alike(self, record: Record, number: int, answer: int) -> Optional[Alike]:
        """What later refusals have in common with this one, by which the kernel counts them; None: nothing known."""
        if record.bits != 64 or not isinstance(record.copied, Copied):
            return None
        pointers = self._pointers.get(number, ())
        if not pointers:
            text: Optional[bytes] = record.copied.common
        else:
            text = record.copied.found.get(record.registers[pointers[0].place])
            if text is not None and pointers[0].size is not None:
                text = text[:16]
            elif text is not None and b"\0" not in text[:ARGUMENTS_SIZE]:
                text = None  # others may begin alike
        return None if text is None else counted_as(record.tid, number, answer, text)

    def count(self, alike: Alike) -> None:
        """Have the kernel count such refusals from now on, in place of telling them."""
        self._bpf.put(self._maps.alike, *alike)

    def counted(self, alike: Alike) -> Optional[int]:
        """How many there were since `count`; None: they are told again."""
        data = self._bpf.get(self._maps.alike, alike[0], COUNTED.size)
        return None if data is None else int(COUNTED.unpack(data)[0])

    def tell(self, alike: Alike) -> None:
        """Have such refusals told again."""
        with contextlib.suppress(OSError):
            self._bpf.take_out(self._maps.alike, alike[0])

    def close(self) -> None:
        """Detach the programs."""
        for ring in (getattr(self, "_entered", None), getattr(self, "_refused", None)):
            if ring is not None:
                ring.close()
        for each in self._opened[::-1]:
            os.close(each)
        self._opened = []

    def _flag(self, number: int) -> None:
        enters = 0 if number in self._left_out else ENTERS
        crowded = any(each[0] == number for each in self._crowds.get(0, ())) << 8 * CROWDED
        value = struct.pack("=I", enters | self._flags.get(number, 0) | crowded)
        self._bpf.put(self._maps.flags, struct.pack("=I", number), value)


def _whose(data: bytes, place: int) -> Tuple[int, Tuple[int, ...], Tuple[int, ...], int, str]:
    """Bits, arguments in both forms, ax and the name of the thread."""
    values = _REGISTERS.unpack_from(data, place)
    narrow = tuple(values[each] for each in _NARROW)
    bits = 32 if values[_CS] == _NARROW_CS else 64
    command = data[place + SIZE : place + SIZE + COMMAND_SIZE].split(b"\0")[0].decode("utf-8", "surrogateescape")
    return bits, tuple(values[each] for each in _WIDE) if bits == 64 else narrow, narrow, values[10], command


def _prefix(path: str) -> bytes:
    """A key of BPF_MAP_TYPE_LPM_TRIE: how many bits count, and the text; of a long path its beginning."""
    text = path.encode("utf-8", "surrogateescape")[:MASK_TEXT]
    return struct.pack("=I", 8 * len(text)) + text.ljust(MASK_TEXT, b"\0")


def _entry(data: bytes) -> Record:
    at, tid, pid, _, _, status = HEAD.unpack_from(data)
    values = _REGISTERS.unpack_from(data, HEAD.size)
    picked = [values[each] for each in (_NARROW if status & COMPAT else _WIDE)]
    return Record(at, "enter", pid, tid, data[8:24] + struct.pack("=6Q", *picked), b"", (), 0, 0)
