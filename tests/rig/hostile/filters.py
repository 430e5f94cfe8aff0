"""Seccomp filters that the kernel accepts and that are hard to evaluate: a process could install such ones.

Each is a whole filter as bytes, of about `size` instructions.
"""

from __future__ import annotations

from stratascope.linux import bpf

ALLOW, EPERM = 0x7FFF0000, 0x00050001
_MOST = 4096  # BPF_MAXINSNS


def code(*instructions: tuple[int, ...]) -> bytes:
    """`(code, k)` or `(code, true, false, k)` each."""
    return b"".join(
        bpf.FORMAT.pack(each[0], *((0, 0, each[1]) if len(each) == 2 else each[1:])) for each in instructions
    )


def word(arg: int, high: int = 0) -> tuple[int, int]:
    """Loads the lower or upper half of an argument."""
    return bpf.LD_ABS, 16 + 8 * arg + 4 * high


def _ended(*instructions: tuple[int, ...]) -> bytes:
    """Complete a filter so that it allows on every path: no test affects the answer, which the evaluator must find."""
    return code(*instructions[: _MOST - 3], (bpf.LD_IMM, ALLOW), (bpf.RET_K, ALLOW))


def bits(size: int = 600) -> bytes:
    """Tests of different bits, each of which doubles the number of paths; both branches continue at the same place."""
    tests = [(word(place // 32 % 6, place // 192 % 2), (bpf.JSET, 0, 0, 1 << place % 32)) for place in range(size // 2)]
    return _ended(*(each for pair in tests for each in pair))


def equalities(size: int = 600) -> bytes:
    """Comparisons of alternating arguments with different numbers."""
    tests = [(word(place % 6), (bpf.JEQ, 0, 0, place)) for place in range(size // 2)]
    return _ended(*(each for pair in tests for each in pair))


def ranges(size: int = 600) -> bytes:
    """Comparisons that narrow ranges, so that each condition must be checked against all before it."""
    tests = [(word(place % 6), (bpf.JGT, 0, 0, place * 7919 & 0xFFFFFF)) for place in range(size // 2)]
    return _ended(*(each for pair in tests for each in pair))


def answers_apart(size: int = 600) -> bytes:
    """Numbers compared with one argument, each with its own answer: as many outcomes as tests."""
    tests = [((bpf.JEQ, 0, 1, place), (bpf.RET_K, 0x00050000 + place % 4000)) for place in range(size // 2)]
    return _ended(word(0), *(each for pair in tests for each in pair))


def answers_of_six(size: int = 600) -> bytes:
    """The same over all six arguments, so that conditions of several filters combine in many ways."""
    tests = [
        (word(place % 6, place // 6 % 2), (bpf.JEQ, 0, 1, place), (bpf.RET_K, 0x00050000 + place % 4000))
        for place in range(size // 3)
    ]
    return _ended(*(each for three in tests for each in three))


def answers_by_upper_halves(size: int = 600) -> bytes:
    """The same for upper halves only, which are zero or a pointer's, so that no call of a real process is refused."""
    tests = [
        (word(place % 6, 1), (bpf.JEQ, 0, 1, 0x10000000 + place), (bpf.RET_K, 0x00050000 + place % 4000))
        for place in range(size // 3)
    ]
    return _ended(*(each for three in tests for each in three))


def computed(size: int = 600) -> bytes:
    """Arithmetic on arguments, whose results are unpredictable."""
    tests = [
        (word(place % 6), (bpf.ADD, place + 1), (bpf.XOR, 0x5A5A), (bpf.JEQ, 0, 0, place)) for place in range(size // 4)
    ]
    return _ended(*(each for four in tests for each in four))


def memory(size: int = 600) -> bytes:
    """Every word of memory is written before each test."""
    tests = [
        (word(place % 6), (bpf.ST, place % 16), (bpf.LDX_MEM, place % 16), (bpf.JSET, 0, 0, 1 << place % 32))
        for place in range(size // 4)
    ]
    return _ended(*(each for four in tests for each in four))


def numbers(size: int = 600) -> bytes:
    """Arithmetic on the call's number, so that each call has its own path; then paths double for each."""
    head = ((bpf.LD_ABS, 0), (bpf.ADD, 1), (bpf.TAX, 0))
    tests = [(word(place % 6), (bpf.JSET, 0, 0, 1 << place % 32)) for place in range(size // 2)]
    return _ended(*head, *(each for pair in tests for each in pair))


def numbers_tested(size: int = 600) -> bytes:
    """Repeated tests of bits of the number: each splits the set of calls."""
    tests = [(bpf.JSET, 0, 0, 1 << place % 10) for place in range(size)]
    return _ended((bpf.LD_ABS, 0), *tests)


def tree(size: int = 600) -> bytes:
    """Alternating tests of number and arguments: each path has fewer calls, and its own conditions."""
    tests = [
        ((bpf.LD_ABS, 0), (bpf.JSET, 0, 0, 1 << place % 10), word(place % 6), (bpf.JSET, 0, 0, 1 << place % 32))
        for place in range(size // 4)
    ]
    return _ended(*(each for four in tests for each in four))


def straight(size: int = 4090) -> bytes:
    """No test at all, at the kernel's maximum length."""
    return _ended(*((bpf.LD_IMM, 1) for _ in range(size)))


SHAPES = {
    make.__name__: make
    for make in (
        bits, equalities, ranges, answers_apart, answers_of_six, answers_by_upper_halves,
        computed, memory, numbers, numbers_tested, tree,
        straight,
    )
}  # fmt: skip
