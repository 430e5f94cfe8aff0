"""Filters' answers to system calls, and the argument values they depend on. One form for all sources.

Filters read from the kernel (`bpf`) and profile files (`seccomp_profile`) both become `Answers`. Each call has one or
more outcomes with mutually exclusive constraints, so which answers remain for given arguments follows from which
outcomes are still possible. Decided against a solver: constraints of real filters compare with numbers, and anything
undecided here only makes the result less precise (an outcome too many), never wrongly stopped.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cached_property

from stratascope.linux.seccomp import UNDECIDED, Action, strictest
from stratascope.linux.syscalls import Abi
from stratascope.value import Value

ALL_BITS = 0xFFFFFFFFFFFFFFFF
LOW_BITS = 0xFFFFFFFF
MOST_OUTCOMES = 512  # per call under several filters; beyond that, conditions are not followed
MOST_WORK = 400_000  # for all of a process's filters by one entry point; engines' defaults take some 2,500
MOST_KEPT = 20_000  # comparisons in all calls' answers of one entry point; engines' defaults have two dozen


class Work:
    """The remaining budget for one process's filters, or one profile.

    A unit is about a microsecond: an instruction followed, a comparison weighed. Counted rather than timed, so that the
    same filters get the same answers on every machine.
    """

    def __init__(self) -> None:
        self.left = MOST_WORK

    @property
    def spent(self) -> bool:
        """Whether something was skipped for lack of budget."""
        return self.left < 0

    def affords(self, cost: int) -> bool:
        """Take `cost` from the budget. Once there was not enough, this stays False."""
        self.left -= cost if self.left >= 0 else 0
        return self.left >= 0


class Op(StrEnum):
    """A comparison of unsigned numbers."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    OTHER = "?"  # a computation on arguments that is not tracked


class Constraint(Value, order=True):
    """(argument `arg` & `mask`) `op` `value`; arguments count from 0, `mask` and `value` have 64 bits."""

    arg: int
    mask: int
    op: Op
    value: int

    def holds(self, number: int) -> bool:
        """Whether it holds for that value of the argument."""
        return _COMPARE[self.op](number & self.mask, self.value)


def _always(one: int, two: int) -> bool:
    return True


_COMPARE: dict[Op, Callable[[int, int], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
    Op.OTHER: _always,
}
NEGATED = {
    Op.EQ: Op.NE,
    Op.NE: Op.EQ,
    Op.LT: Op.GE,
    Op.GE: Op.LT,
    Op.GT: Op.LE,
    Op.LE: Op.GT,
    Op.OTHER: Op.OTHER,
}


class Outcome(Value):
    """One answer, and the constraints on arguments that all must hold; without constraints it is unconditional."""

    action: Action
    constraints: tuple[Constraint, ...] = ()


NOT_FOLLOWED = (Outcome(UNDECIDED),)


class Given(Value):
    """What is known of an argument: its bits in `mask` equal those of `value`."""

    value: int
    mask: int = ALL_BITS


Outcomes = tuple[Outcome, ...]


class Answers(Value, cache_hash=True, dict=True):
    """The answers to every call of one entry point, ordered by name.

    `cut`: the budget was spent, so some answers are less precise, or undecided.
    """

    abi: Abi
    calls: tuple[tuple[str, Outcomes], ...]
    cut: bool = False

    @cached_property
    def _of(self) -> dict[str, Outcomes]:
        return dict(self.calls)

    def of(self, name: str) -> Outcomes | None:
        """All outcomes of a call; None if this entry point has no such call."""
        return self._of.get(name)

    def actions(self, name: str, given: Mapping[int, Given]) -> frozenset[Action] | None:
        """The answers that remain for the given arguments; None if there is no such call."""
        outcomes = self.of(name)
        if outcomes is None:
            return None
        return frozenset(outcome.action for outcome in outcomes if possible(outcome.constraints, given))


def possible(constraints: Iterable[Constraint], given: Mapping[int, Given] | None = None) -> bool:
    """Whether any arguments satisfy the constraints, by a quick check; True if in doubt."""
    known = dict(given or {})
    later = []
    for each in constraints:
        if each.op is not Op.EQ:
            later.append(each)
            continue
        if each.value & ~each.mask:
            return False
        before = known.get(each.arg)
        if before is None:
            known[each.arg] = Given(each.value, each.mask)
        elif (before.value ^ each.value) & before.mask & each.mask:
            return False
        else:
            both = before.mask | each.mask
            known[each.arg] = Given((before.value & before.mask) | each.value, both)
    ranges: dict[tuple[int, int], tuple[int, int]] = {}
    unequal = []
    for each in later:
        fixed = known.get(each.arg)
        if fixed is not None and each.mask & ~fixed.mask == 0:
            if not each.holds(fixed.value):
                return False
        elif each.op is Op.NE:
            unequal.append(each)
        elif each.op is not Op.OTHER:
            low, high = ranges.get((each.arg, each.mask), (0, each.mask))
            low, high = _narrowed(low, high, each)
            if low > high:
                return False
            ranges[(each.arg, each.mask)] = low, high
    return not any(ranges.get((each.arg, each.mask)) == (each.value, each.value) for each in unequal)


def _narrowed(low: int, high: int, each: Constraint) -> tuple[int, int]:
    match each.op:
        case Op.LT:
            return low, min(high, each.value - 1)
        case Op.LE:
            return low, min(high, each.value)
        case Op.GT:
            return max(low, each.value + 1), high
        case _:
            return max(low, each.value), high


def tidied(outcomes: Iterable[Outcome]) -> Outcomes:
    """A canonical form: equal answers lose their conditions, halves of a number are joined, all sorted."""
    found = tuple(outcomes)
    if len({outcome.action for outcome in found}) == 1:
        return (Outcome(found[0].action),)
    joined = {Outcome(outcome.action, _joined(outcome.constraints)) for outcome in found}
    return tuple(sorted(joined, key=lambda each: (str(each.action), each.constraints)))


def _joined(constraints: tuple[Constraint, ...]) -> tuple[Constraint, ...]:
    """Join equalities of one argument; drop what they imply."""
    equal: dict[int, Constraint] = {}
    others = []
    for each in constraints:
        if each.op is Op.EQ:
            before = equal.get(each.arg)
            mask, value = (before.mask, before.value) if before else (0, 0)
            equal[each.arg] = Constraint(each.arg, mask | each.mask, Op.EQ, value | each.value)
        else:
            others.append(each)
    kept = {each for each in others if each.arg not in equal or each.mask & ~equal[each.arg].mask}
    return tuple(sorted({*kept, *equal.values()}))


def together(newer: Outcomes, older: Outcomes, work: Work | None = None) -> Outcomes:
    """A call's outcomes under two filters (or sets of filters) together."""
    work = work or Work()
    if len(newer) == 1 and len(older) == 1:
        return (Outcome(strictest(newer[0].action, older[0].action)),)
    if len(newer) * len(older) > MOST_OUTCOMES:
        return _any_of(newer, older, work)
    # each condition is checked against all of the other filter; without conditions this costs almost nothing
    if min(len(newer), len(older)) > 1 and not work.affords(len(newer) * size(older) + len(older) * size(newer)):
        return _any_of(newer, older, work)
    found = []
    for one in newer:
        for two in older:
            constraints = (*one.constraints, *two.constraints)
            if possible(constraints):
                found.append(Outcome(strictest(one.action, two.action), constraints))
    return tidied(found)


def _any_of(newer: Outcomes, older: Outcomes, work: Work) -> Outcomes:
    """Drop the conditions on the newer filter's answers. What an older one (the engine's) stops stays stopped."""
    answers = without_conditions(newer)
    if len(answers) * len(older) > MOST_OUTCOMES or not work.affords(len(answers) * size(older)):
        answers = roughly(newer)
    return tidied(
        Outcome(strictest(one.action, two.action), (*two.constraints, *one.constraints))
        for one in answers
        for two in older
    )


def without_conditions(outcomes: Iterable[Outcome]) -> Outcomes:
    """The answers without their conditions, if there are too many to keep: any of them may occur."""
    doubt = (Constraint(0, 0, Op.OTHER, 0),)
    return tuple(Outcome(action, doubt) for action in dict.fromkeys(each.action for each in outcomes))


def roughly(outcomes: Outcomes) -> Outcomes:
    """A single answer, for lack of room: the call passes always, never, or UNDECIDED."""
    through = {each.action.lets_through for each in outcomes}
    return (Outcome(min([each.action for each in outcomes], key=str) if len(through) == 1 else UNDECIDED),)


def kept(abi: Abi, calls: Mapping[str, Outcomes], work: Work, oldest: Mapping[str, Outcomes] | None = None) -> Answers:
    """The answers to all calls within the limit; beyond it, only what the oldest filter stops."""
    found: dict[str, Outcomes] = {}
    room, shorter = MOST_KEPT, MOST_KEPT
    for name, outcomes in calls.items():
        room -= size(outcomes) if len(outcomes) > 1 else 0
        if room >= 0 or len(outcomes) == 1:
            found[name] = outcomes
            continue
        first = outcomes if oldest is None else oldest[name]
        shorter -= size(first)
        known = oldest is not None and shorter >= 0
        found[name] = together(NOT_FOLLOWED, first, work) if known else roughly(outcomes)
    return Answers(abi, tuple(found.items()), work.spent or room < 0)


def size(outcomes: Iterable[Outcome]) -> int:
    """The cost of weighing these: answers and their conditions."""
    return sum([1 + len(each.constraints) for each in outcomes])
