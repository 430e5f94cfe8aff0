"""The BPF programs that tell calls, capability checks and executions of one group, and the records that they write.

Attached to the kernel's own types of the two tracepoints (BPF_TRACE_RAW_TP): a call's registers are read where they
are, which costs no call of a helper. That is what counts here: with what protects against SRSO each return takes some
9 ns, and reading a text of the process's memory 85, where a refused call takes 150.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Optional, Tuple

from stratascope.collector.bpf.assembler import FRAME, MAP_LOOKUP, PROBE_READ, PROBE_READ_STRING, Program

CALLS = 1024  # numbers in a table
SHORT, LONG = 256, 4096  # bytes of a text; a longer one is copied once more
BINARY = 128  # struct sockaddr_storage
MASK_TEXT = 64
ERRORS = 4096
ALWAYS, SOME = 1, 2
ENTERS, MASKS, READS, WRITES, ADDRESS = 1, 2, 4, 8, 16  # bits of a call: what is told of it, and as what it counts
# include/uapi/linux/bpf.h
_TIME, _IDS, _COMMAND, _TASK, _UNDER_GROUP, _READ_USER, _READ_TEXT = 5, 14, 16, 35, 37, 112, 114
_IDS_INSIDE, _RESERVE, _SUBMIT = 120, 131, 132
_STACK, _THIS_TASK, _TASK_REGISTERS = 67, 158, 175
_NO_WAKEUP = 1  # BPF_RB_NO_WAKEUP
_STATUS, COMPAT = 16, 2  # struct thread_info, at the start of a task; TS_COMPAT: a call by the 32-bit entry
# struct pt_regs (arch/x86/include/uapi/asm/ptrace.h): its size, the call's number, its six arguments, by offset
SIZE, _NUMBER, PLACES = 168, 120, (112, 104, 96, 56, 72, 64)
ARGUMENTS, ARGUMENTS_SIZE = 56, 64  # r10, r9, r8, ax, cx, dx, si, di
HEAD = struct.Struct("=QIIqqQ")  # time, tid, pid, number, result, thread_info's status
COMMAND_SIZE = 16  # TASK_COMM_LEN; of refused calls only
PLAIN = HEAD.size + SIZE + COMMAND_SIZE
COPIES = struct.Struct("=qq")  # how many bytes were copied
OUTSIDE = PLAIN + 8  # an entry of a process whose group is another one, which has to be moved at once
POINTED = PLAIN + COPIES.size + 2 * SHORT
WHOLE = HEAD.size + LONG  # number: which of the two; result: how many bytes
MASKED_SIZE = HEAD.size  # result: which path
MOVED_SIZE = HEAD.size + SHORT + 8  # result: how many bytes of text; -1 for none
NAMED = PLAIN + SHORT  # a text or an address, with the registers; result: how many bytes
FRAMES_SIZE, NAME = 512, 1024
# a capability check: its namespace, the registers, who, the addresses on the stack, whose length is the status
CHECK = HEAD.size + 8 + SIZE + COMMAND_SIZE + FRAMES_SIZE
EXECUTED = HEAD.size + SIZE + COMMAND_SIZE + NAME
NO_TEXT = 255
CHECKS = 2048  # capabilities as numbers, in classes
CLASS = struct.Struct("=IHH")  # thread, number, error
ALIKE = struct.Struct("=IHHQ")  # the same, and a sum of the text
COUNTED = struct.Struct("=Q64s")  # how many; the beginning of a text, or all arguments
_KEY, _TEXT = -56, -128  # where in the frame they are made
_WEIGHTS = (0x2545F491, 0x5BD1E995, 0x1B873593, 0x4CF5AD43, 0x2127599B, 0x38495AB5, 0x7FEB352D, 0x46CA6B15)
CROWDED = 3  # the byte of a number's flags


class Maps(NamedTuple):
    namespace: Optional[Tuple[int, int]]
    groups: int
    flags: int
    errors: int
    some: int
    pointers: int
    alike: int
    crowds: int
    masks: int
    mounts: int
    lost: int
    entered: int
    refused: int


def entering(maps: Maps) -> bytes:
    """The program at sys_enter: registers, number."""
    made = Program()
    made.load(6, 1, 0)
    made.load(7, 1, 8)
    made.jump_if(7, ">=", CALLS, "listed")  # of another ABI, or cancelled
    _look_up(made, maps.flags, 7)
    made.jump_if(0, "==", 0, "end")
    made.load(1, 0, 0, 4)
    made.alu("&", 1, ENTERS)
    made.jump_if(1, "==", 0, "end")
    made.label("listed")
    _in_group(made, maps)
    made.set(9, 0)
    if maps.namespace is not None:
        made.load(1, FRAME, -152)
        made.jump_if(1, "!=", 0, "outside")
    _reserve(made, maps, maps.entered, PLAIN, "end")
    _submit(made, _NO_WAKEUP)
    made.jump("end")
    if maps.namespace is not None:
        made.label("outside")
        _reserve(made, maps, maps.refused, OUTSIDE, "end")
        _submit(made)
    made.label("end")
    made.exit(0)
    return made.code()


def leaving(maps: Maps) -> bytes:
    """The program at sys_exit: registers, result."""
    made = Program()
    made.load(6, 1, 0)
    made.load(9, 1, 8)
    made.load(7, 6, _NUMBER)
    made.move(1, 9)
    made.alu("+", 1, ERRORS)  # an error is -4095 to -1
    made.jump_if(1, "<", ERRORS, "error")
    _mask(made, maps)
    made.label("error")
    made.store(FRAME, -16, 1, 4)
    made.map(1, maps.errors)
    _key(made, -16)
    made.jump_if(0, "==", 0, "end")
    made.load(8, 0, 0, 4)
    made.jump_if(8, "==", 0, "end")
    _in_group(made, maps)
    made.jump_if(8, "==", ALWAYS, "refused")
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
    _reserve(made, maps, maps.refused, PLAIN, "end")
    made.jump("tell")
    made.label("pointed")
    _reserve(made, maps, maps.refused, POINTED, "end")
    for which in (0, 1):
        _copy(made, which)
    made.load(9, 8, PLAIN)
    _submit(made)
    made.jump_if(9, "!=", SHORT, "end")
    _whole(made, maps)  # of the first alone
    made.label("tell")
    _submit(made)
    made.label("end")
    made.exit(0)
    return made.code()


def checking(maps: Maps) -> bytes:
    """The program at cap_capable: credentials, namespace, the mounter's namespace, capability, answer."""
    made = Program()
    made.move(6, 1)
    made.load(7, 6, 24)
    made.load(9, 6, 32)
    _in_group(made, maps)
    made.call(_IDS)
    made.store(FRAME, _KEY, 0, 4)
    made.move(1, 7)
    made.alu("+", 1, CHECKS)
    made.store(FRAME, _KEY + 4, 1, 2)
    made.store(FRAME, _KEY + 6, 9, 2)
    _crowded(made, maps)
    _reserve(made, maps, maps.entered, CHECK, "end", registers=False)
    made.load(1, 6, 8)
    made.store(8, HEAD.size, 1)
    _whose(made, HEAD.size + 8)
    made.move(1, 6)
    made.move(2, 8)
    made.alu("+", 2, CHECK - FRAMES_SIZE)
    made.set(3, FRAMES_SIZE)
    made.set(4, 0)
    made.call(_STACK)
    made.store(8, 32, 0)
    _submit(made, _NO_WAKEUP)
    made.label("end")
    made.exit(0)
    return made.code()


def executing(maps: Maps, filename: int) -> bytes:
    """The program at sched_process_exec: task, its number before, struct linux_binprm; where that has the name."""
    made = Program()
    made.load(6, 1, 16)
    made.set(7, 0)
    made.set(9, 0)
    _in_group(made, maps)
    _reserve(made, maps, maps.refused, EXECUTED, "end", registers=False)
    _whose(made, HEAD.size)
    made.load(3, 6, filename)
    made.move(1, 8)
    made.alu("+", 1, EXECUTED - NAME)
    made.set(2, NAME)
    made.call(PROBE_READ_STRING)
    made.store(8, 24, 0)
    _submit(made)
    made.label("end")
    made.exit(0)
    return made.code()


def _whose(made: Program, place: int) -> None:
    """The registers of this thread as it entered the kernel, and its name."""
    made.call(_THIS_TASK)
    made.move(1, 0)
    made.call(_TASK_REGISTERS)
    made.move(3, 0)
    made.move(1, 8)
    made.alu("+", 1, place)
    made.set(2, SIZE)
    made.call(PROBE_READ)
    made.move(1, 8)
    made.alu("+", 1, place + SIZE)
    made.set(2, COMMAND_SIZE)
    made.call(_COMMAND)


def _look_up(made: Program, table: int, register: int) -> None:
    made.store(FRAME, -16, register, 4)
    made.map(1, table)
    _key(made, -16)


def _key(made: Program, place: int) -> None:
    made.move(2, FRAME)
    made.alu("+", 2, place)
    made.call(MAP_LOOKUP)


def _in_group(made: Program, maps: Maps) -> None:
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
    done = "argument%d" % len(made)
    made.set(3, 0)
    for offset in PLACES:
        other = "other%d" % len(made)
        made.jump_if(1, "!=", offset + 1, other)
        made.load(3, 6, offset)
        made.jump(done)
        made.label(other)
    made.label(done)
    made.store(FRAME, at, 3)


def _mask(made: Program, maps: Maps) -> None:
    """A success: told if a file was opened by the path of one that is masked, if a path is at or below one that is
    watched, and if it is a connection to a socket.
    """
    made.jump_if(7, ">=", CALLS, "end")
    _look_up(made, maps.flags, 7)
    made.jump_if(0, "==", 0, "end")
    made.load(8, 0, 0, 1)
    made.load(1, 0, 2, 1)
    made.jump_if(1, "!=", 0, "moved")
    made.load(1, 0, 1, 1)
    made.jump_if(1, "==", 0, "end")
    made.store(FRAME, -24, 1)
    _in_group(made, maps)
    made.load(1, FRAME, -24)
    _argument(made, -32)
    made.move(1, 8)
    made.alu("&", 1, ADDRESS)
    made.jump_if(1, "!=", 0, "connected")
    _room(made, MASK_TEXT)
    made.move(1, FRAME)
    made.alu("+", 1, _TEXT)
    made.set(2, MASK_TEXT)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.load(1, FRAME, _TEXT, 1)
    made.jump_if(1, "!=", ord("/"), "end")
    made.move(1, 8)
    made.alu("&", 1, MASKS)
    made.jump_if(1, "==", 0, "named")
    made.map(1, maps.masks)
    _key(made, _TEXT)
    made.jump_if(0, "==", 0, "named")
    made.load(9, 0, 0)
    _reserve(made, maps, maps.refused, MASKED_SIZE, "end", registers=False)
    made.jump("tell")
    _named(made, maps)
    _connected(made, maps)
    _moved(made, maps)


def _named(made: Program, maps: Maps) -> None:
    """A path, of which the longest that it begins with says which kinds of calls are told."""
    made.label("named")
    made.store_number(FRAME, _TEXT - 4, 8 * MASK_TEXT, 4)
    made.map(1, maps.mounts)
    _key(made, _TEXT - 4)
    made.jump_if(0, "==", 0, "end")
    made.load(1, 0, 0, 4)
    made.alu("&", 8, READS | WRITES)
    made.jump_if(8, "==", READS, "reads")
    made.alu("&", 1, WRITES)
    made.jump_if(1, "==", 0, "end")
    made.jump("wanted")
    made.label("reads")
    made.alu("&", 1, READS)
    made.jump_if(1, "==", 0, "end")
    made.label("wanted")
    made.set(9, 0)
    _reserve(made, maps, maps.refused, NAMED, "end")
    made.move(1, 8)
    made.alu("+", 1, PLAIN)
    made.set(2, SHORT)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.store(8, 24, 0)
    _submit(made, _NO_WAKEUP)
    made.jump("end")


def _connected(made: Program, maps: Maps) -> None:
    """The address of a socket of the machine (AF_UNIX)."""
    made.label("connected")
    made.store_number(FRAME, _TEXT, 0)
    made.move(1, FRAME)
    made.alu("+", 1, _TEXT)
    made.set(2, 2)
    made.load(3, FRAME, -32)
    made.call(_READ_USER)
    made.jump_if(0, "!=", 0, "end")
    made.load(1, FRAME, _TEXT, 2)
    made.jump_if(1, "!=", 1, "end")
    made.load(1, 6, PLACES[2], 4)
    made.store(FRAME, -40, 1)
    made.set(9, 0)
    _reserve(made, maps, maps.refused, NAMED, "end")
    made.load(2, FRAME, -40)
    made.jump_if(2, "<=", BINARY, "short")
    made.set(2, BINARY)
    made.label("short")
    made.move(7, 2)
    made.move(1, 8)
    made.alu("+", 1, PLAIN)
    made.load(3, FRAME, -32)
    made.call(_READ_USER)
    made.jump_if(0, "!=", 0, "unread")
    made.store(8, 24, 7)
    made.label("unread")
    _submit(made, _NO_WAKEUP)
    made.jump("end")


def _moved(made: Program, maps: Maps) -> None:
    """A success, after which relative paths begin elsewhere."""
    made.label("moved")
    made.store(FRAME, -24, 1)
    _in_group(made, maps)
    made.set(9, -1)
    _reserve(made, maps, maps.refused, MOVED_SIZE, "end", registers=False)
    made.load(1, FRAME, -24)
    made.jump_if(1, "==", NO_TEXT, "told")
    _argument(made, -32)
    made.move(1, 8)
    made.alu("+", 1, HEAD.size)
    made.set(2, SHORT)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.store(8, 24, 0)
    made.label("told")
    _submit(made, _NO_WAKEUP)
    made.jump("end")


def _room(made: Program, size: int) -> None:
    for place in range(0, size, 8):
        made.store_number(FRAME, _TEXT + place, 0)


def _alike(made: Program, maps: Maps) -> None:
    """Count a refusal that came often before, leave out one of those that come in too many forms, and end."""
    made.call(_IDS)
    made.store(FRAME, _KEY, 0, 4)
    made.store(FRAME, _KEY + 4, 7, 2)
    made.store(FRAME, _KEY + 6, 9, 2)
    made.jump_if(7, ">=", CALLS, "few")
    _look_up(made, maps.flags, 7)
    made.jump_if(0, "==", 0, "few")
    made.load(1, 0, CROWDED, 1)
    made.jump_if(1, "==", 0, "few")
    _crowded(made, maps)
    made.label("few")
    made.load(1, FRAME, -24, 1)
    made.jump_if(1, "==", 0, "arguments")
    _room(made, ARGUMENTS_SIZE)
    _argument(made, -32)
    made.move(1, FRAME)
    made.alu("+", 1, _TEXT)
    made.load(2, FRAME, -23, 1)
    made.jump_if(2, "!=", 0, "address")
    made.set(2, ARGUMENTS_SIZE)
    made.call(_READ_TEXT)
    made.jump("compared")
    made.label("address")
    made.set(2, 16)
    made.call(_READ_USER)
    made.jump("compared")
    made.label("arguments")
    for place in range(0, ARGUMENTS_SIZE, 8):
        made.load(1, 6, ARGUMENTS + place)
        made.store(FRAME, _TEXT + place, 1)
    made.label("compared")
    made.set(2, 0)
    for place, weight in enumerate(_WEIGHTS):
        made.load(1, FRAME, _TEXT + 8 * place)
        made.alu("*", 1, weight)
        made.add(2, 1)
    made.store(FRAME, _KEY + CLASS.size, 2)
    made.map(1, maps.alike)
    _key(made, _KEY)
    made.jump_if(0, "==", 0, "new")
    for place in range(0, ARGUMENTS_SIZE, 8):
        made.load(1, 0, 8 + place)
        made.load(2, FRAME, _TEXT + place)
        made.jump_if(1, "!=", "r2", "new")
    made.set(1, 1)
    made.count(0, 0, 1)
    made.jump("end")
    made.label("new")


def _crowded(made: Program, maps: Maps) -> None:
    """End if the class is left out, of this thread or of all."""
    made.map(1, maps.crowds)
    _key(made, _KEY)
    made.jump_if(0, "!=", 0, "end")
    made.load(8, FRAME, _KEY, 4)
    made.store_number(FRAME, _KEY, 0, 4)
    made.map(1, maps.crowds)
    _key(made, _KEY)
    made.jump_if(0, "!=", 0, "end")
    made.store(FRAME, _KEY, 8, 4)


def counted_as(tid: int, number: int, answer: int, text: bytes) -> Tuple[bytes, bytes]:
    """The element that counts refusals of that kind: its key and its first value. `text`: at most 64 bytes."""
    text = text.ljust(ARGUMENTS_SIZE, b"\0")
    total = sum(word * _WEIGHTS[place] for place, (word,) in enumerate(struct.iter_unpack("=Q", text)))
    return ALIKE.pack(tid, number & 0xFFFF, answer & 0xFFFF, total & (1 << 64) - 1), COUNTED.pack(0, text)


def _reserve(made: Program, maps: Maps, ring: int, size: int, full: str, *, registers: bool = True) -> None:
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
        made.peek(8, HEAD.size, SIZE, 6, 0)
        made.move(1, 8)
        made.alu("+", 1, HEAD.size + SIZE)
        made.set(2, COMMAND_SIZE)
        made.call(_COMMAND)


def _submit(made: Program, how: int = 0) -> None:
    made.move(1, 8)
    made.set(2, how)
    made.call(_SUBMIT)


def _copy(made: Program, which: int) -> None:
    """Copy what one pointer points at."""
    done, text = "copied%d" % which, "text%d" % which
    made.store_number(8, PLAIN + 8 * which, -1)
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
    made.alu("+", 1, PLAIN + COPIES.size + SHORT * which)
    made.load(3, FRAME, -32)
    made.call(_READ_USER)
    made.jump_if(0, "!=", 0, done)
    made.store(8, PLAIN + 8 * which, 7)
    made.jump(done)
    made.label(text)
    made.move(1, 8)
    made.alu("+", 1, PLAIN + COPIES.size + SHORT * which)
    made.set(2, SHORT)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.store(8, PLAIN + 8 * which, 0)
    made.label(done)


def _whole(made: Program, maps: Maps) -> None:
    """Copy a long text once more."""
    made.load(1, FRAME, -24, 1)
    made.jump_if(1, "==", 0, "end")
    made.load(2, FRAME, -23, 1)
    made.jump_if(2, "!=", 0, "end")
    _argument(made, -32)
    made.set(7, 0)
    made.set(9, 0)
    _reserve(made, maps, maps.refused, WHOLE, "end", registers=False)
    made.move(1, 8)
    made.alu("+", 1, HEAD.size)
    made.set(2, LONG)
    made.load(3, FRAME, -32)
    made.call(_READ_TEXT)
    made.store(8, 24, 0)
