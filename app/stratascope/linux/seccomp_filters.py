"""What a process's seccomp filters answer to every call of one entry point, with the arguments left open.

All call numbers go through a filter together. A comparison of the number splits them; a comparison of an argument
follows both branches and records the constraint. A filter of a thousand instructions takes about one pass, however many
calls there are; running it once per call would take ten times as long.

All filters share one budget, so a process that installs twenty filters that are hard to follow costs no more than one
with a single filter. Decided against a time limit, which would make a busy machine see less.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from stratascope.bounded_cache import remembered
from stratascope.linux import bpf
from stratascope.linux.bpf import Program
from stratascope.linux.seccomp import (
    LOW_BITS,
    MOST_OUTCOMES,
    NOT_FOLLOWED,
    UNDECIDED,
    Action,
    Answers,
    Constraint,
    Op,
    Outcome,
    Outcomes,
    Work,
    action_of,
    kept,
    negated,
    possible,
    size,
    tidied,
    together,
    without_conditions,
)
from stratascope.linux.syscalls import Abi, numbers


@remembered(40000)
def answers(filters: tuple[bytes, ...], abi: Abi) -> Answers:
    """The answers of these filters together, cached. Raises DecodeError.

    Oldest first: what an engine installed before the container started is known, whatever the container adds.
    """
    work = Work()
    merged: dict[str, Outcomes] = {}
    oldest: dict[str, Outcomes] | None = None
    for program in [bpf.decode(raw) for raw in filters]:
        if work.spent:  # further filters can only be stricter
            merged = _merged(dict.fromkeys(merged, NOT_FOLLOWED), merged, work)
            break
        of_one = _one_filter(program, abi, work)
        if merged and oldest is None:
            oldest = merged
        merged = _merged(of_one, merged, work) if merged else of_one
    return _shared(kept(abi, merged, work, oldest))


def _merged(newer: dict[str, Outcomes], older: dict[str, Outcomes], work: Work) -> dict[str, Outcomes]:
    """Merge per call; hundreds of calls have the same answers, so each pair is only merged once."""
    alike: dict[tuple[int, int], Outcomes] = {}
    found = {}
    for name, one in newer.items():
        two = older[name]
        pair = id(one), id(two)  # both sides keep these objects alive, so ids stay unique
        known = alike.get(pair)
        if known is None:
            known = alike[pair] = together(one, two, work)
        found[name] = known
    work.affords(len(alike))
    return found


@remembered(40000)
def _shared(found: Answers) -> Answers:
    """Return one object for equal answers: the bytes differ between starts of one profile, the answers do not."""
    return found


def _one_filter(program: Program, abi: Abi, work: Work) -> dict[str, Outcomes]:
    table = numbers(abi)
    by_number = run(program, abi, [number | abi.number_bit for number in table.values()], work)
    unconditional: dict[Action, Outcomes] = {}
    alike: dict[tuple[int, ...], Outcomes] = {}
    merged = {}
    for name, number in table.items():
        outcomes = by_number[number | abi.number_bit]
        if len(outcomes) == 1:
            action = outcomes[0].action
            merged[name] = unconditional.setdefault(action, (Outcome(action),))
            continue
        key = tuple(map(id, outcomes))
        known = alike.get(key)
        if known is None:
            whole = len(outcomes) <= MOST_OUTCOMES and work.affords(size(outcomes))
            known = alike[key] = tidied(outcomes if whole else without_conditions(outcomes))
        merged[name] = known
    return merged


class _Word(NamedTuple):
    """Half of an argument, shifted and masked: ((argument >> shift) & mask)."""

    arg: int
    shift: int
    mask: int


class _Other:
    """An untracked value: computed from arguments, or the instruction pointer."""


class _Number:
    """The call's number: any of those on this path."""


_OTHER = _Other()
_NUMBER = _Number()
_Value = int | _Word | _Other | _Number
_DOUBT = (Constraint(0, 0, Op.OTHER, 0),)


class _State(NamedTuple):
    """A point in the filter: registers, memory, the calls that reach it, and the constraints on their arguments."""

    place: int
    a: _Value
    x: _Value
    memory: tuple[_Value, ...]
    calls: Sequence[int]
    constraints: tuple[Constraint, ...]


Found = dict[int, list[Outcome]]
_NO_MEMORY: tuple[_Value, ...] = (0,) * bpf.MEMORY_WORDS
_TESTS = frozenset(code | by for code in (bpf.JEQ, bpf.JGT, bpf.JGE, bpf.JSET) for by in (0, bpf.BY_X))
_MOVES = frozenset(
    (bpf.LD_IMM, bpf.LDX_IMM, bpf.LD_LEN, bpf.LDX_LEN, bpf.LD_MEM, bpf.LDX_MEM, bpf.TAX, bpf.TXA, bpf.ST, bpf.STX)
)


def run(program: Program, abi: Abi, calls: Sequence[int], work: Work | None = None) -> Found:
    """Map each number (as in seccomp_data.nr) to all its outcomes, for a program from `bpf.decode`.

    A call with too many paths to follow has UNDECIDED among its outcomes.
    """
    explorer = _Explorer(program, abi, calls, work or Work())
    explorer.follow_all()
    return explorer.found


class _Explorer:
    """Follows one filter. `stack` holds the paths still to be followed."""

    def __init__(self, program: Program, abi: Abi, calls: Sequence[int], work: Work) -> None:
        start = sorted(calls)
        self.found: Found = {number: [] for number in start}
        self._program = program
        self._abi = abi
        self._stack = [_State(0, 0, 0, _NO_MEMORY, start, ())]
        self._work = work

    def follow_all(self) -> None:
        """Follow every path to its end, or until the budget is spent."""
        while self._stack:
            if self._work.left <= 0:
                self._work.left = -1
                for state in self._stack:
                    self._answer(state.calls, UNDECIDED, _DOUBT)
                return
            self._follow(self._stack.pop())

    def _answer(self, calls: Sequence[int], action: Action, constraints: tuple[Constraint, ...]) -> None:
        outcome = Outcome(action, constraints)
        self._work.left -= len(calls) >> 2
        for number in calls:
            self.found[number].append(outcome)

    def _follow(self, state: _State) -> None:
        """Follow a path until it splits or the filter answers. Jumps only go forward, so this ends."""
        place, a, x, memory, calls, constraints = state
        program = self._program
        work = self._work
        while True:
            code, true, false, k = program[place]
            work.left -= 1
            if code in _TESTS:
                operand = x if code & bpf.BY_X else k
                if isinstance(operand, int) and isinstance(a, _Number):
                    work.left -= len(calls) >> (1 if code & ~bpf.BY_X == bpf.JSET else 6)
                    yes, no = _part(code & ~bpf.BY_X, calls, operand)
                    if yes and no:
                        self._stack.append(_State(place + 1 + true, a, x, memory, yes, constraints))
                        calls = no
                    place += 1 + (false if no else true)
                elif isinstance(operand, int) and isinstance(a, int):
                    place += 1 + (true if _test(code & ~bpf.BY_X, a, operand) else false)
                elif isinstance(operand, _Number) or isinstance(a, _Number):
                    self._one_by_one(_State(place, a, x, memory, calls, constraints))
                    return
                else:
                    self._fork(_State(place, a, x, memory, calls, constraints), operand)
                    return
                continue
            if code == bpf.RET_K:
                self._answer(calls, action_of(k), constraints)
                return
            if code == bpf.LD_ABS:
                a = self._loaded(k)
            elif code == bpf.JA:
                place += k
            elif code == bpf.RET_A:
                if isinstance(a, _Number):
                    self._one_by_one(_State(place, a, x, memory, calls, constraints))
                elif isinstance(a, int):
                    self._answer(calls, action_of(a), constraints)
                else:
                    self._answer(calls, UNDECIDED, (*constraints, *_DOUBT))
                return
            elif code in _MOVES:
                a, x, memory = _moved(code, k, a, x, memory)
            else:
                operand = x if code & bpf.BY_X else k
                if isinstance(a, _Number) or (isinstance(operand, _Number) and code != bpf.NEG):
                    self._one_by_one(_State(place, a, x, memory, calls, constraints))
                    return
                if code & ~bpf.BY_X == bpf.DIV and not (isinstance(operand, int) and operand):
                    # a division by 0 ends the filter with the answer 0: bpf_convert_filter, net/core/filter.c
                    self._answer(calls, action_of(0), constraints if operand == 0 else (*constraints, *_DOUBT))
                    if operand == 0:
                        return
                a = _computed(code & ~bpf.BY_X, a, operand)
            place += 1

    def _loaded(self, offset: int) -> _Value:
        """Load a word of struct seccomp_data: nr, arch, instruction pointer, six 64-bit arguments."""
        if offset == 0:
            return _NUMBER
        if offset == 4:
            return self._abi.audit_arch
        if offset < 16:
            return _OTHER
        arg, high = divmod(offset - 16, 8)
        if high and not self._abi.wide:
            return 0  # 32-bit registers, zero-extended
        return _Word(arg, 32 if high else 0, LOW_BITS)

    def _one_by_one(self, state: _State) -> None:
        """Follow each call separately from here on, where the filter computes with the number itself."""
        self._work.left -= 2 * len(state.calls)
        for number in state.calls:
            a, x, *memory = (
                number if isinstance(each, _Number) else each for each in (state.a, state.x, *state.memory)
            )
            self._stack.append(_State(state.place, a, x, tuple(memory), (number,), state.constraints))

    def _fork(self, state: _State, operand: _Value) -> None:
        """Follow both branches of a test on an unknown value, unless one contradicts the known constraints."""
        code, true, false, _ = self._program[state.place]
        # checking whether they are compatible costs more than following
        self._work.left -= 6 + 2 * len(state.constraints)
        asked = _constraint(code & ~bpf.BY_X, state.a, operand)
        for constraint, skip in ((asked, true), (negated(asked), false)):
            known = state.constraints
            constraints = known if constraint in known else (*known, constraint)
            if possible(constraints):
                self._stack.append(state._replace(place=state.place + 1 + skip, constraints=constraints))


def _part(code: int, calls: Sequence[int], operand: int) -> tuple[Sequence[int], Sequence[int]]:
    """Split the numbers (in order) into those that pass the test and the rest."""
    if code == bpf.JSET:
        return [each for each in calls if each & operand], [each for each in calls if not each & operand]
    if code == bpf.JEQ:
        at = bisect_left(calls, operand)
        if at == len(calls) or calls[at] != operand:
            return (), calls
        return calls[at : at + 1], (*calls[:at], *calls[at + 1 :])
    at = bisect_right(calls, operand) if code == bpf.JGT else bisect_left(calls, operand)
    return calls[at:], calls[:at]


def _test(code: int, a: int, operand: int) -> bool:
    match code:
        case bpf.JEQ:
            return a == operand
        case bpf.JGT:
            return a > operand
        case bpf.JGE:
            return a >= operand
        case _:
            return a & operand != 0


_OPS = {bpf.JEQ: Op.EQ, bpf.JGT: Op.GT, bpf.JGE: Op.GE}


def _constraint(code: int, a: _Value, operand: _Value) -> Constraint:
    if not isinstance(a, _Word) or not isinstance(operand, int):
        return _DOUBT[0]
    if code == bpf.JSET:
        return Constraint(a.arg, (a.mask & operand) << a.shift, Op.NE, 0)
    return Constraint(a.arg, a.mask << a.shift, _OPS[code], operand << a.shift)


def _moved(
    code: int, k: int, a: _Value, x: _Value, memory: tuple[_Value, ...]
) -> tuple[_Value, _Value, tuple[_Value, ...]]:
    match code:
        case bpf.LD_IMM:
            a = k
        case bpf.LDX_IMM:
            x = k
        case bpf.LD_LEN:
            a = bpf.DATA_SIZE
        case bpf.LDX_LEN:
            x = bpf.DATA_SIZE
        case bpf.LD_MEM:
            a = memory[k]
        case bpf.LDX_MEM:
            x = memory[k]
        case bpf.TAX:
            x = a
        case bpf.TXA:
            a = x
        case _:
            memory = (*memory[:k], a if code == bpf.ST else x, *memory[k + 1 :])
    return a, x, memory


def _computed(code: int, a: _Value, operand: _Value) -> _Value:
    """Unsigned 32-bit arithmetic; of an unknown value only a mask is tracked."""
    if code == bpf.AND and 0 in (a, operand):
        return 0
    if isinstance(a, _Word) and isinstance(operand, int) and code == bpf.AND:
        return a._replace(mask=a.mask & operand) if a.mask & operand else 0
    if not isinstance(a, int) or not (isinstance(operand, int) or code == bpf.NEG):
        return _OTHER
    if code == bpf.NEG:
        return -a & LOW_BITS
    assert isinstance(operand, int)
    if code in (bpf.LSH, bpf.RSH):
        # the kernel's 32-bit shift by a register uses its lowest five bits, as the CPU does
        operand &= 31
    return _ARITHMETIC[code](a, operand) & LOW_BITS


_ARITHMETIC: dict[int, Callable[[int, int], int]] = {
    bpf.ADD: operator.add,
    bpf.SUB: operator.sub,
    bpf.MUL: operator.mul,
    bpf.DIV: operator.floordiv,
    bpf.OR: operator.or_,
    bpf.AND: operator.and_,
    bpf.XOR: operator.xor,
    bpf.LSH: operator.lshift,
    bpf.RSH: operator.rshift,
}
