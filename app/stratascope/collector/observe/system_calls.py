"""The system calls of one control group, as two BPF programs tell them: entries, refused ends, opens of masked files.

They do what perf events of the same two tracepoints do (`perf`), for a fraction of what those cost each call, and more:
what a refused call's pointers pointed at is copied at that moment, so its path is known even if the program ends at
once or overwrites it; and a refusal that comes again and again (same thread, call, error, and path or arguments) is
counted in the kernel and no longer told one by one. Where BPF is not permitted (lockdown, no CAP_BPF, a control group
of version 1, another processor than x86-64), the perf events do what they can.

The programs are fixed: of the threads of that one group they tell number, error and registers of calls, the texts that
refused calls were given as paths, the bytes of their socket addresses, and nothing else. They run for every call of the
machine, and are done after one or two look-ups for most. Their bytes are offered under the GPL as well, as the kernel
asks of programs that read memory (Documentation/bpf/bpf_licensing.rst).
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.bpf.assembler import FRAME, MAP_LOOKUP, PROBE_READ, Program
from stratascope.collector.bpf.calls import ARRAY, HASH, Bpf
from stratascope.collector.observe.memory import Stack
from stratascope.collector.observe.perf import PAGE, Record

ENTERED_RING, REFUSED_RING = 8 << 20, 4 << 20
CALLS = 1024  # numbers in a table
SHORT, LONG = 256, 4096  # bytes of a text; a longer one is copied once more
BINARY = 128  # struct sockaddr_storage
ALIKE_MAX = 4096  # refusals counted in the kernel
_MASK_TEXT = 64
_ERRORS = 4096
_ALWAYS, _SOME = 1, 2
_ENTERS, _OPENS = 1, 2
# include/uapi/linux/bpf.h
_GROUPS, _RINGBUF = 8, 27  # BPF_MAP_TYPE_CGROUP_ARRAY, BPF_MAP_TYPE_RINGBUF
_TIME, _IDS, _COMMAND, _TASK, _UNDER_GROUP, _READ_USER, _READ_TEXT = 5, 14, 16, 35, 37, 112, 114
_IDS_INSIDE, _RESERVE, _SUBMIT = 120, 131, 132
_NO_WAKEUP = 1  # BPF_RB_NO_WAKEUP
_BUSY, _DISCARDED = 1 << 31, 1 << 30
_STATUS, _COMPAT = 16, 2  # struct thread_info, at the start of a task; TS_COMPAT: a call by the 32-bit entry
# struct pt_regs (arch/x86/include/uapi/asm/ptrace.h): its size, the call's number, its six arguments, by offset
_SIZE, _NUMBER, _PLACES = 168, 120, (112, 104, 96, 56, 72, 64)
_ARGUMENTS, _ARGUMENTS_SIZE = 56, 64  # r10, r9, r8, ax, cx, dx, si, di
_REGISTERS = struct.Struct("=21Q")
_CS, _SP, _NARROW_CS = 17, 19, 0x23  # __USER32_CS
_WIDE, _NARROW = (14, 13, 12, 7, 9, 8), (5, 11, 12, 13, 14, 4)
_HEAD = struct.Struct("=QIIqqQ")  # time, tid, pid, number, result, thread_info's status
_COMMAND_SIZE = 16  # TASK_COMM_LEN; of refused calls only
_PLAIN = _HEAD.size + _SIZE + _COMMAND_SIZE
_COPIES = struct.Struct("=qq")  # how many bytes were copied
_OUTSIDE = _PLAIN + 8  # an entry of a process whose group is another one, which has to be moved at once
_POINTED = _PLAIN + _COPIES.size + 2 * SHORT
_WHOLE = _HEAD.size + LONG  # number: which of the two; result: how many bytes
_MASKED = _HEAD.size  # result: which path
_MOVED = _HEAD.size + SHORT + 8  # result: how many bytes of text; -1 for none
_NO_TEXT = 255
_ALIKE = struct.Struct("=IHH64s")  # thread, number, error; the beginning of a text, or all arguments
_KEY = -128  # where in the frame it is made
_INITIAL = "pid:[4026531836]"  # PROC_PID_INIT_INO: the programs see numbers of that PID namespace
MASKED, MOVED = "masked-open", "moved"


class Pointer(NamedTuple):
    """A pointer of a call: its index among the arguments; for bytes the index of their number, None for text."""

    place: int
    size: Optional[int] = None


class Asked(NamedTuple):
    """What is told. `pointers`: by number of a native call; `opens`: the index of the path of calls that open a file;
    `moves`: of those after which relative paths begin elsewhere, None where they have no path; `always`, `some`: errors
    of refused calls, the latter with the numbers of the calls. `namespace`: device and inode of a PID namespace, whose
    processes are told of wherever their group is.
    """

    pointers: Dict[int, Tuple[Pointer, ...]]
    opens: Dict[int, int]
    moves: Dict[int, Optional[int]]
    always: Iterable[int]
    some: Dict[int, Set[int]]
    namespace: Optional[Tuple[int, int]] = None


class _Maps(NamedTuple):
    groups: int
    flags: int
    errors: int
    some: int
    pointers: int
    alike: int
    masks: int
    lost: int
    entered: int
    refused: int
    namespace: Optional[Tuple[int, int]] = None


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


def entering(maps: _Maps) -> bytes:
    """The program at raw tracepoint sys_enter: registers, number."""
    made = Program()
    made.load(6, 1, 0)
    made.load(7, 1, 8)
    made.jump_if(7, ">=", CALLS, "listed")  # of another ABI, or cancelled
    _look_up(made, maps.flags, 7)
    made.jump_if(0, "==", 0, "end")
    made.load(1, 0, 0, 4)
    made.alu("&", 1, _ENTERS)
    made.jump_if(1, "==", 0, "end")
    made.label("listed")
    _in_group(made, maps)
    made.set(9, 0)
    if maps.namespace is not None:
        made.load(1, FRAME, -152)
        made.jump_if(1, "!=", 0, "outside")
    _reserve(made, maps, maps.entered, _PLAIN, "end")
    _submit(made, _NO_WAKEUP)
    made.jump("end")
    if maps.namespace is not None:
        made.label("outside")
        _reserve(made, maps, maps.refused, _OUTSIDE, "end")
        _submit(made)
    made.label("end")
    made.exit(0)
    return made.code()


def leaving(maps: _Maps) -> bytes:
    """The program at raw tracepoint sys_exit: registers, result."""
    made = Program()
    made.load(6, 1, 0)
    made.load(9, 1, 8)
    made.peek(FRAME, -8, 8, 6, _NUMBER)
    made.load(7, FRAME, -8)
    made.move(1, 9)
    made.alu("+", 1, _ERRORS)  # an error is -4095 to -1
    made.jump_if(1, "<", _ERRORS, "error")
    _mask(made, maps)
    made.label("error")
    made.store(FRAME, -16, 1, 4)
    made.map(1, maps.errors)
    _key(made, -16)
    made.jump_if(0, "==", 0, "end")
    made.load(8, 0, 0, 4)
    made.jump_if(8, "==", 0, "end")
    _in_group(made, maps)
    made.jump_if(8, "==", _ALWAYS, "refused")
    made.store(FRAME, -12, 7, 4)
    made.map(1, maps.some)
    _key(made, -16)
    made.jump_if(0, "==", 0, "end")
    made.label("refused")
    made.store_number(FRAME, -24, 0)
    made.jump_if(7, ">=", CALLS, "known")
    _look_up(made, maps.pointers, 7)
    made.jump_if(0, "==", 0, "known")
    made.load(1, 0, 0, 4)
    made.store(FRAME, -24, 1, 4)
    made.label("known")
    _alike(made, maps)
    made.load(1, FRAME, -24, 4)
    made.jump_if(1, "!=", 0, "pointed")
    _reserve(made, maps, maps.refused, _PLAIN, "end")
    made.jump("tell")
    made.label("pointed")
    _reserve(made, maps, maps.refused, _POINTED, "end")
    for which in (0, 1):
        _copy(made, which)
    made.load(9, 8, _PLAIN)
    _submit(made)
    made.jump_if(9, "!=", SHORT, "end")
    _whole(made, maps)  # of the first alone
    made.label("tell")
    _submit(made)
    made.label("end")
    made.exit(0)
    return made.code()


def _look_up(made: Program, table: int, register: int) -> None:
    made.store(FRAME, -16, register, 4)
    made.map(1, table)
    _key(made, -16)


def _key(made: Program, place: int) -> None:
    made.move(2, FRAME)
    made.alu("+", 2, place)
    made.call(MAP_LOOKUP)


def _in_group(made: Program, maps: _Maps) -> None:
    made.map(1, maps.groups)
    made.set(2, 0)
    made.call(_UNDER_GROUP)
    if maps.namespace is None:
        made.jump_if(0, "!=", 1, "end")
        return
    inside = "inside%d" % len(made)
    made.store_number(FRAME, -152, 0)
    made.jump_if(0, "==", 1, inside)
    device, inode = maps.namespace
    made.set(1, device)
    made.set(2, inode >> 16)
    made.alu("*", 2, 1 << 16)
    made.alu("+", 2, inode & 0xFFFF)
    made.move(3, FRAME)
    made.alu("+", 3, -144)
    made.set(4, 8)
    made.call(_IDS_INSIDE)
    made.jump_if(0, "!=", 0, "end")
    made.store_number(FRAME, -152, 1)
    made.label(inside)


def _argument(made: Program, at: int) -> None:
    """The argument whose register's offset, plus one, is in register 1, to that place of the frame."""
    made.alu("+", 1, -1)
    made.move(3, 6)
    made.add(3, 1)
    made.move(1, FRAME)
    made.alu("+", 1, at)
    made.set(2, 8)
    made.call(PROBE_READ)


def _mask(made: Program, maps: _Maps) -> None:
    """A success: told if a file was opened by the path of one that is masked."""
    made.jump_if(7, ">=", CALLS, "end")
    _look_up(made, maps.flags, 7)
    made.jump_if(0, "==", 0, "end")
    made.load(8, 0, 1, 1)
    made.load(1, 0, 2, 1)
    made.jump_if(1, "!=", 0, "moved")
    made.jump_if(8, "==", 0, "end")
    made.store(FRAME, -24, 8)
    _in_group(made, maps)
    made.load(1, FRAME, -24)
    _argument(made, -32)
    _room(made, _MASK_TEXT)
    made.move(1, FRAME)
    made.alu("+", 1, _KEY)
    made.set(2, _MASK_TEXT)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.load(1, FRAME, _KEY, 1)
    made.jump_if(1, "!=", ord("/"), "end")
    made.map(1, maps.masks)
    _key(made, _KEY)
    made.jump_if(0, "==", 0, "end")
    made.load(9, 0, 0)
    _reserve(made, maps, maps.refused, _MASKED, "end", registers=False)
    made.jump("tell")
    _moved(made, maps)


def _moved(made: Program, maps: _Maps) -> None:
    """A success, after which relative paths begin elsewhere."""
    made.label("moved")
    made.store(FRAME, -24, 1)
    _in_group(made, maps)
    made.set(9, -1)
    _reserve(made, maps, maps.refused, _MOVED, "end", registers=False)
    made.load(1, FRAME, -24)
    made.jump_if(1, "==", _NO_TEXT, "told")
    _argument(made, -32)
    made.move(1, 8)
    made.alu("+", 1, _HEAD.size)
    made.set(2, SHORT)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.store(8, 24, 0)
    made.label("told")
    _submit(made, _NO_WAKEUP)
    made.jump("end")


def _room(made: Program, size: int) -> None:
    for place in range(0, size, 8):
        made.store_number(FRAME, _KEY + place, 0)


def _alike(made: Program, maps: _Maps) -> None:
    """Count a refusal that came often before, and end."""
    _room(made, _ALIKE.size)
    made.call(_IDS)
    made.store(FRAME, _KEY, 0, 4)
    made.store(FRAME, _KEY + 4, 7, 2)
    made.store(FRAME, _KEY + 6, 9, 2)
    made.load(1, FRAME, -24, 1)
    made.jump_if(1, "==", 0, "arguments")
    _argument(made, -32)
    made.move(1, FRAME)
    made.alu("+", 1, _KEY + 8)
    made.load(3, FRAME, -32)
    made.load(2, FRAME, -23, 1)
    made.jump_if(2, "!=", 0, "address")
    made.set(2, _ARGUMENTS_SIZE)
    made.call(_READ_TEXT)
    made.jump("compared")
    made.label("address")
    made.set(2, 16)
    made.call(_READ_USER)
    made.jump("compared")
    made.label("arguments")
    made.peek(FRAME, _KEY + 8, _ARGUMENTS_SIZE, 6, _ARGUMENTS)
    made.label("compared")
    made.map(1, maps.alike)
    _key(made, _KEY)
    made.jump_if(0, "==", 0, "new")
    made.set(1, 1)
    made.count(0, 0, 1)
    made.jump("end")
    made.label("new")


def _reserve(made: Program, maps: _Maps, ring: int, size: int, full: str, *, registers: bool = True) -> None:
    """r8: a record with its head filled in: r7 the number, r9 the result."""
    made.map(1, ring)
    made.set(2, size)
    made.set(3, 0)
    made.call(_RESERVE)
    here = "room%d" % len(made)
    made.jump_if(0, "!=", 0, here)
    made.store_number(FRAME, -16, 0, 4)
    made.map(1, maps.lost)
    _key(made, -16)
    made.jump_if(0, "==", 0, full)
    made.set(1, 1)
    made.count(0, 0, 1)
    made.jump(full)
    made.label(here)
    made.move(8, 0)
    made.call(_TIME)
    made.store(8, 0, 0)
    made.call(_IDS)
    made.store(8, 8, 0)
    made.store(8, 16, 7)
    made.store(8, 24, 9)
    made.store_number(8, 32, 0)
    if registers:
        made.call(_TASK)
        made.move(3, 0)
        made.alu("+", 3, _STATUS)
        made.move(1, 8)
        made.alu("+", 1, 32)
        made.set(2, 4)
        made.call(PROBE_READ)
        made.peek(8, _HEAD.size, _SIZE, 6, 0)
        made.move(1, 8)
        made.alu("+", 1, _HEAD.size + _SIZE)
        made.set(2, _COMMAND_SIZE)
        made.call(_COMMAND)


def _submit(made: Program, how: int = 0) -> None:
    made.move(1, 8)
    made.set(2, how)
    made.call(_SUBMIT)


def _copy(made: Program, which: int) -> None:
    """Copy what one pointer points at."""
    done, text = "copied%d" % which, "text%d" % which
    made.store_number(8, _PLAIN + 8 * which, -1)
    made.load(1, FRAME, -24 + 2 * which, 1)
    made.jump_if(1, "==", 0, done)
    _argument(made, -32)
    made.load(1, FRAME, -24 + 2 * which + 1, 1)
    made.jump_if(1, "==", 0, text)
    _argument(made, -40)
    made.load(2, FRAME, -40, 4)
    made.jump_if(2, "<=", BINARY, "fits%d" % which)
    made.set(2, BINARY)
    made.label("fits%d" % which)
    made.move(7, 2)
    made.move(1, 8)
    made.alu("+", 1, _PLAIN + _COPIES.size + SHORT * which)
    made.load(3, FRAME, -32)
    made.call(_READ_USER)
    made.jump_if(0, "!=", 0, done)
    made.store(8, _PLAIN + 8 * which, 7)
    made.jump(done)
    made.label(text)
    made.move(1, 8)
    made.alu("+", 1, _PLAIN + _COPIES.size + SHORT * which)
    made.set(2, SHORT)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.store(8, _PLAIN + 8 * which, 0)
    made.label(done)


def _whole(made: Program, maps: _Maps) -> None:
    """Copy a long text once more."""
    made.load(1, FRAME, -24, 1)
    made.jump_if(1, "==", 0, "end")
    made.load(2, FRAME, -23, 1)
    made.jump_if(2, "!=", 0, "end")
    _argument(made, -32)
    made.set(7, 0)
    made.set(9, 0)
    _reserve(made, maps, maps.refused, _WHOLE, "end", registers=False)
    made.move(1, 8)
    made.alu("+", 1, _HEAD.size)
    made.set(2, LONG)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.store(8, 24, 0)


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
        self._flags = {number: (_PLACES[place] + 1) << 8 for number, place in asked.opens.items()}
        for number, path in asked.moves.items():
            self._flags[number] = (_NO_TEXT if path is None else _PLACES[path] + 1) << 16
        self._left_out: Dict[int, bool] = {}
        self._masks: List[str] = []
        self._lost = 0
        try:
            self._maps = self._made()
            put = self._bpf.put
            put(self._maps.groups, bytes(4), struct.pack("=I", folder))
            for number in range(CALLS):
                self._flag(number, _ENTERS)
            for errors, value in ((asked.always, _ALWAYS), (asked.some, _SOME)):
                for error in errors:
                    put(self._maps.errors, struct.pack("=I", _ERRORS - error), struct.pack("=I", value))
            for error, numbers in asked.some.items():
                for number in numbers:
                    put(self._maps.some, struct.pack("=II", _ERRORS - error, number), bytes(4))
            self._pointers = asked.pointers
            for number, pointers in asked.pointers.items():
                words = [
                    word
                    for each in pointers[:2]
                    for word in (_PLACES[each.place] + 1, 0 if each.size is None else _PLACES[each.size] + 1)
                ]
                put(self._maps.pointers, struct.pack("=I", number), bytes(words).ljust(4, b"\0"))
            self._entered = _Ring(self._maps.entered, ENTERED_RING)
            self._refused = _Ring(self._maps.refused, REFUSED_RING)
            for code, name in ((entering(self._maps), b"sys_enter"), (leaving(self._maps), b"sys_exit")):
                self._opened.append(self._bpf.raw_tracepoint(code, name))
        except BaseException:
            self.close()
            raise

    def _made(self) -> _Maps:
        sizes = (
            (_GROUPS, 4, 4, 1),
            *((ARRAY, 4, 4, size) for size in (CALLS, _ERRORS)),
            (HASH, 8, 4, 1 << 15),
            (ARRAY, 4, 4, CALLS),
            (HASH, _ALIKE.size, 8, ALIKE_MAX),
            (HASH, _MASK_TEXT, 8, 64),
            (ARRAY, 4, 8, 1),
            (_RINGBUF, 0, 0, ENTERED_RING),
            (_RINGBUF, 0, 0, REFUSED_RING),
        )
        for size in sizes:
            self._opened.append(self._bpf.map(*size))
        groups, flags, errors, some, pointers, alike, masks, lost, entered, refused = self._opened
        return _Maps(groups, flags, errors, some, pointers, alike, masks, lost, entered, refused, self._namespace)

    def waker(self) -> int:
        """A descriptor to poll."""
        return self._maps.refused

    def leave_out(self, numbers: Iterable[int]) -> None:
        """Tell entries of all calls but these."""
        wanted = {number for number in numbers if number < CALLS}
        for number in wanted.symmetric_difference(self._left_out):
            self._flag(number, 0 if number in wanted else _ENTERS)
        self._left_out = dict.fromkeys(wanted, True)

    def masks(self, paths: Iterable[str]) -> bool:
        """Tell opens by these paths; whether all of them fit."""
        fits = True
        for path in paths:
            text = path.encode("utf-8", "surrogateescape")
            if path not in self._masks:
                if len(text) >= _MASK_TEXT or len(self._masks) >= 64:
                    fits = False
                    continue
                key = text.ljust(_MASK_TEXT, b"\0")
                self._bpf.put(self._maps.masks, key, struct.pack("=Q", len(self._masks)))
                self._masks.append(path)
        return fits

    def drain(self) -> List[Record]:
        """The records since the last call, each ring's in order: `enter`, `leave`, `masked-open`, `moved`."""
        found: List[Record] = []
        found += [_entry(data) for data in self._entered.take()]
        for data in self._refused.take():
            at, tid, pid, _, result, _ = _HEAD.unpack_from(data)
            if len(data) == _WHOLE:
                if found and found[-1].tid == tid and found[-1].copied is not None and 0 < result <= LONG:
                    address = next(iter(found[-1].copied.found), 0)
                    found[-1].copied.found[address] = data[_HEAD.size : _HEAD.size + result]
            elif len(data) == _MASKED:
                path = self._masks[result] if result < len(self._masks) else ""
                found.append(Record(at, MASKED, pid, tid, path.encode("utf-8", "surrogateescape"), b"", (), 0, 0))
            elif len(data) == _OUTSIDE:
                found.append(_entry(data))
            elif len(data) == _MOVED:
                text = data[_HEAD.size : _HEAD.size + result] if 0 < result < SHORT else b""
                found.append(Record(at, MOVED, pid, tid, text.rstrip(b"\0"), b"", (), 0, 0))
            else:
                found.append(self._refusal(data))
        return found

    def _refusal(self, data: bytes) -> Record:
        at, tid, pid, number, _, status = _HEAD.unpack_from(data)
        values = _REGISTERS.unpack_from(data, _HEAD.size)
        narrow = tuple(values[each] for each in _NARROW)
        bits = 32 if values[_CS] == _NARROW_CS else 64
        registers = tuple(values[each] for each in _WIDE) if bits == 64 else narrow
        copied: Dict[int, Optional[bytes]] = {}
        if len(data) == _POINTED and bits == 64 and not status & _COMPAT:
            counts = _COPIES.unpack_from(data, _PLAIN)
            for which, pointer in enumerate(self._pointers.get(number, ())[:2]):
                start = _PLAIN + _COPIES.size + which * SHORT
                text = data[start : start + counts[which]] if 0 <= counts[which] <= SHORT else None
                copied[registers[pointer.place]] = text
        raw = data[8:32]
        command = data[_HEAD.size + _SIZE : _PLAIN].split(b"\0")[0].decode("utf-8", "surrogateescape")
        common = data[_HEAD.size + _ARGUMENTS : _HEAD.size + _ARGUMENTS + _ARGUMENTS_SIZE]
        return Record(
            at,
            "leave",
            pid,
            tid,
            raw,
            b"",
            registers,
            bits,
            values[10],
            narrow=narrow,
            copied=Copied(copied, common, command),
        )

    def lost(self) -> int:
        """How many records did not fit since the last call."""
        data = self._bpf.get(self._maps.lost, bytes(4), 8)
        (whole,) = struct.unpack("=Q", data or bytes(8))
        since, self._lost = whole - self._lost, whole
        return int(since)

    def alike(self, record: Record, number: int, answer: int) -> Optional[bytes]:
        """What later refusals have in common with this one, by which the kernel counts them; None: nothing known."""
        if record.bits != 64 or not isinstance(record.copied, Copied):
            return None
        pointers = self._pointers.get(number, ())
        if not pointers:
            text = record.copied.common
        else:
            found = record.copied.found.get(record.registers[pointers[0].place])
            if found is None:
                return None
            text = found[:16] if pointers[0].size is not None else found[: _ARGUMENTS_SIZE - 1]
        return _ALIKE.pack(record.tid, number & 0xFFFF, answer & 0xFFFF, text)

    def count(self, alike: bytes) -> None:
        """Have the kernel count such refusals from now on, in place of telling them."""
        self._bpf.put(self._maps.alike, alike, bytes(8))

    def counted(self, alike: bytes) -> Optional[int]:
        """How many there were since `count`; None: they are told again."""
        data = self._bpf.get(self._maps.alike, alike, 8)
        return None if data is None else int(struct.unpack("=Q", data)[0])

    def tell(self, alike: bytes) -> None:
        """Have such refusals told again."""
        with contextlib.suppress(OSError):
            self._bpf.take_out(self._maps.alike, alike)

    def close(self) -> None:
        """Detach the programs."""
        for ring in (getattr(self, "_entered", None), getattr(self, "_refused", None)):
            if ring is not None:
                ring.close()
        for each in self._opened[::-1]:
            os.close(each)
        self._opened = []

    def _flag(self, number: int, enters: int) -> None:
        value = struct.pack("=I", enters | self._flags.get(number, 0))
        self._bpf.put(self._maps.flags, struct.pack("=I", number), value)


def _entry(data: bytes) -> Record:
    at, tid, pid, _, _, status = _HEAD.unpack_from(data)
    values = _REGISTERS.unpack_from(data, _HEAD.size)
    picked = [values[each] for each in (_NARROW if status & _COMPAT else _WIDE)]
    return Record(at, "enter", pid, tid, data[8:24] + struct.pack("=6Q", *picked), b"", (), 0, 0)
