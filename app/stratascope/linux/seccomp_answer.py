"""What filters say to system calls: answers, and on which argument values they depend. One form for all sources.

The filters read from the kernel (`bpf`) and profile files (`seccomp_profile`) both come to `Answers`. Each call has
one or more outcomes whose constraints exclude each other, so a question with some arguments given is answered by
looking which outcomes are left. Decided against a solver: constraints of real filters are comparisons with numbers,
and what is not decided here is only answered less precisely (an outcome too many), never wrongly as stopped.
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
MOST_OUTCOMES = 512  # of one call under several filters; beyond that the conditions are not followed
MOST_WORK = 400_000  # for all filters of a process by one entry point; engines' defaults take some 2,500
MOST_KEPT = 20_000  # comparisons in the answers to all calls of one entry point; engines' defaults have two dozen


class Work:
    """What is left of the effort that one process's filters, or one profile, are worth.

    A unit is about a microsecond: an instruction followed, a comparison weighed. Counted, not timed, so that the same
    filters get the same answers on every machine.
    """

    def __init__(self) -> None:
        self.left = MOST_WORK

    @property
    def spent(self) -> bool:
        """Whether something was left out for it."""
        return self.left < 0

    def affords(self, cost: int) -> bool:
        """Takes it. Once there was not enough, there is never again."""
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
    OTHER = "?"  # something computed from arguments that is not followed


class Constraint(Value, order=True):
    """(argument `arg` & `mask`) `op` `value`; arguments count from 0, `mask` and `value` have 64 bits."""

    arg: int
    mask: int
    op: Op
    value: int

    def holds(self, number: int) -> bool:
        """Whether it does for that value of the argument."""
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
    """One answer, and all that must hold of the arguments for it; without constraints it is always this."""

    action: Action
    constraints: tuple[Constraint, ...] = ()


NOT_FOLLOWED = (Outcome(UNDECIDED),)


class Given(Value):
    """What is known of one argument: the bits of `mask` are those of `value`."""

    value: int
    mask: int = ALL_BITS


Outcomes = tuple[Outcome, ...]


class Answers(Value, cache_hash=True, dict=True):
    """The answers to every call of one entry point, ordered by name.

    `cut`: it took too long to follow all of it, so that some are less precise, or undecided.
    """

    abi: Abi
    calls: tuple[tuple[str, Outcomes], ...]
    cut: bool = False

    @cached_property
    def _of(self) -> dict[str, Outcomes]:
        return dict(self.calls)

    def of(self, name: str) -> Outcomes | None:
        """All outcomes of a call; None where this entry point has none of that name."""
        return self._of.get(name)

    def actions(self, name: str, given: Mapping[int, Given]) -> frozenset[Action] | None:
        """The answers that are left where some arguments are given; None where there is no such call."""
        outcomes = self.of(name)
        if outcomes is None:
            return None
        return frozenset(outcome.action for outcome in outcomes if possible(outcome.constraints, given))


def possible(constraints: Iterable[Constraint], given: Mapping[int, Given] | None = None) -> bool:
    """Whether arguments can be such, as far as that is easily seen; True in doubt."""
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
    """The same in a form of its own: equal answers without condition, halves of a number joined, sorted."""
    found = tuple(outcomes)
    if len({outcome.action for outcome in found}) == 1:
        return (Outcome(found[0].action),)
    joined = {Outcome(outcome.action, _joined(outcome.constraints)) for outcome in found}
    return tuple(sorted(joined, key=lambda each: (str(each.action), each.constraints)))


def _joined(constraints: tuple[Constraint, ...]) -> tuple[Constraint, ...]:
    """Equalities of one argument become one; what they imply is left out."""
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
    """What a call meets under two filters (or sets of filters) at once."""
    work = work or Work()
    if len(newer) == 1 and len(older) == 1:
        return (Outcome(strictest(newer[0].action, older[0].action)),)
    if len(newer) * len(older) > MOST_OUTCOMES:
        return _any_of(newer, older, work)
    # each condition is weighed against all of the other filter; one without conditions costs nothing to speak of
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
    """Of the newer filter which answers there are, not when: what an older one, the engine's, stops stays stopped."""
    answers = without_conditions(newer)
    if len(answers) * len(older) > MOST_OUTCOMES or not work.affords(len(answers) * size(older)):
        answers = roughly(newer)
    return tidied(
        Outcome(strictest(one.action, two.action), (*two.constraints, *one.constraints))
        for one in answers
        for two in older
    )


def without_conditions(outcomes: Iterable[Outcome]) -> Outcomes:
    """The answers only, where the conditions are too many to keep: any of them may come."""
    doubt = (Constraint(0, 0, Op.OTHER, 0),)
    return tuple(Outcome(action, doubt) for action in dict.fromkeys(each.action for each in outcomes))


def roughly(outcomes: Outcomes) -> Outcomes:
    """One answer, where there is no room for several: whether the call passes always, never, or nobody knows."""
    through = {each.action.lets_through for each in outcomes}
    return (Outcome(min([each.action for each in outcomes], key=str) if len(through) == 1 else UNDECIDED),)


def kept(abi: Abi, calls: Mapping[str, Outcomes], work: Work, oldest: Mapping[str, Outcomes] | None = None) -> Answers:
    """The answers to all calls, as far as there is room for them; where there is none, what the oldest filter stops."""
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
    """How much there is to weigh: answers and their conditions."""
    return sum([1 + len(each.constraints) for each in outcomes])
