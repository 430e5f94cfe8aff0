"""Classic BPF as used by seccomp: decodes a filter as the kernel holds it, with the kernel's own checks.

A filter is 8 bytes per instruction, little endian: u16 code, u8 jt, u8 jf, u32 k. What is rejected here, the kernel
rejects as well: bpf_check_classic (net/core/filter.c) and seccomp_check_filter (kernel/seccomp.c). `bpf_run` runs the
decoded filter.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError

MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS
MAX_OF_ALL = 32768  # MAX_INSNS_PER_PATH, kernel/seccomp.c: all filters of a process, each counted as 4 longer
MEMORY_WORDS = 16  # BPF_MEMWORDS
DATA_SIZE = 64  # sizeof(struct seccomp_data)

# include/uapi/linux/bpf_common.h and filter.h: class | size or operation | mode or source
LD_ABS, LD_LEN, LDX_LEN = 0x20, 0x80, 0x81
LD_IMM, LDX_IMM, LD_MEM, LDX_MEM, ST, STX = 0x00, 0x01, 0x60, 0x61, 0x02, 0x03
RET_K, RET_A, TAX, TXA = 0x06, 0x16, 0x07, 0x87
JA, JEQ, JGT, JGE, JSET = 0x05, 0x15, 0x25, 0x35, 0x45  # with K; with X add 0x08
ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, XOR = 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0xA4
BY_X = 0x08

_ALU = (ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, XOR)
_JUMPS = (JEQ, JGT, JGE, JSET)
_ALLOWED = frozenset(
    (
        *(LD_ABS, LD_LEN, LDX_LEN, LD_IMM, LDX_IMM, LD_MEM, LDX_MEM, ST, STX, RET_K, RET_A, TAX, TXA, JA, NEG),
        *_ALU,
        *(code | BY_X for code in _ALU),
        *_JUMPS,
        *(code | BY_X for code in _JUMPS),
    )
)
_CONDITIONAL = frozenset((*_JUMPS, *(code | BY_X for code in _JUMPS)))
_MEMORY = frozenset((LD_MEM, LDX_MEM, ST, STX))
FORMAT = struct.Struct("<HBBI")


class Instruction(NamedTuple):
    """One instruction. `true` and `false`: how many to skip; `k`: its constant."""

    code: int
    true: int
    false: int
    k: int


Program = tuple[Instruction, ...]


def parse_hex(text: str) -> bytes:
    """Decode a filter from hexadecimal digits; whitespace is ignored. Raises DecodeError."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise DecodeError("filter: not hexadecimal digits, two for each byte") from None


@remembered(60000)
def decode(raw: bytes) -> Program:
    """Decode a filter's instructions. Raises DecodeError, which gives the instruction's index from 0."""
    if not raw or len(raw) % 8:
        raise DecodeError(f"filter: {len(raw)} bytes are no whole number of instructions of 8 bytes")
    count = len(raw) // 8
    if count > MAX_INSTRUCTIONS:
        raise DecodeError(f"filter: {count} instructions, the kernel takes {MAX_INSTRUCTIONS}")
    program = tuple(map(Instruction._make, FORMAT.iter_unpack(raw)))
    for place, instruction in enumerate(program):
        _check(place, instruction, count)
    if program[-1].code not in (RET_K, RET_A):
        raise DecodeError("filter: the last instruction is not a return")
    _check_memory(program)
    return program


def _check(place: int, instruction: Instruction, count: int) -> None:
    code, true, false, k = instruction
    if code not in _ALLOWED:
        raise DecodeError(f"filter: instruction {place}: seccomp has no code {code:#06x}")
    left = count - place - 1
    if code == JA and k >= left:
        raise DecodeError(f"filter: instruction {place}: jumps by {k}, past the end")
    if code in _CONDITIONAL and max(true, false) >= left:
        raise DecodeError(f"filter: instruction {place}: jumps by {max(true, false)}, past the end")
    if code == LD_ABS and (k >= DATA_SIZE or k & 3):
        raise DecodeError(f"filter: instruction {place}: loads from {k}, which is no word of seccomp_data")
    if code in _MEMORY and k >= MEMORY_WORDS:
        raise DecodeError(f"filter: instruction {place}: memory word {k}, there are {MEMORY_WORDS}")
    if code == DIV and k == 0:
        raise DecodeError(f"filter: instruction {place}: divides by 0")
    if code in (LSH, RSH) and k >= 32:
        raise DecodeError(f"filter: instruction {place}: shifts 32 bits by {k}")


def _check_memory(program: Program) -> None:
    """Reject reads of memory words not written on every path to them: check_load_and_stores, net/core/filter.c."""
    every = (1 << MEMORY_WORDS) - 1
    arriving = [every] * len(program)
    written = 0
    for place, (code, true, false, k) in enumerate(program):
        written &= arriving[place]
        if code in (ST, STX):
            written |= 1 << k
        elif code in (LD_MEM, LDX_MEM):
            if not written >> k & 1:
                raise DecodeError(f"filter: instruction {place}: reads memory word {k} before it is written")
        elif code == JA:
            arriving[place + 1 + k] &= written
            written = every  # the next instruction is only reached by jumps, which narrow this down
        elif code in _CONDITIONAL:
            arriving[place + 1 + true] &= written
            arriving[place + 1 + false] &= written
            written = every
