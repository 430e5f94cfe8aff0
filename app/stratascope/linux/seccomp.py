"""seccomp(2): a process's mode, as in /proc/PID/status, and the answers that filters give to system calls.

Filters read from the kernel (`seccomp_filters`) and profile files (`seccomp_profile`) both become `Answers`. Each call
has one or more outcomes with mutually exclusive constraints, so which answers remain for given arguments follows from
which outcomes are still possible. Decided against a solver: constraints of real filters compare with numbers, and
anything undecided here only makes the result less precise (an outcome too many), never wrongly stopped.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cached_property

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.linux.syscalls import Abi
from stratascope.value import Value


class SeccompMode(StrEnum):
    """The `Seccomp:` line, by name."""

    DISABLED = "disabled"
    STRICT = "strict"  # only read, write, _exit and sigreturn
    FILTER = "filter"


# SECCOMP_MODE_* in include/uapi/linux/seccomp.h
_MODES = (SeccompMode.DISABLED, SeccompMode.STRICT, SeccompMode.FILTER)


def seccomp_mode(number: int) -> SeccompMode:
    """The mode's name. Raises DecodeError for a number that is not in seccomp(2).

    A thread being killed by a filter has mode 3 (SECCOMP_MODE_DEAD, since Linux 5.16: kernel/seccomp.c). It makes no
    more calls, so it counts as FILTER.
    """
    if number == 3:
        return SeccompMode.FILTER
    if not 0 <= number < len(_MODES):
        raise DecodeError(f"no such seccomp mode: {number}")
    return _MODES[number]


class ActionKind(StrEnum):
    """A filter's answers, strictest first: the kernel's precedence among several filters; seccomp(2)."""

    KILL_PROCESS = "KILL_PROCESS"
    KILL_THREAD = "KILL_THREAD"
    TRAP = "TRAP"
    ERRNO = "ERRNO"
    USER_NOTIF = "USER_NOTIF"
    # Not a kernel action: the answer depends on computed arguments, or takes too long to follow. It may be one of those
    # above, which let nothing pass that another filter stops; combined with one of those below, nothing is certain.
    UNDECIDED = "UNDECIDED"
    TRACE = "TRACE"
    LOG = "LOG"
    ALLOW = "ALLOW"


# SECCOMP_RET_* in include/uapi/linux/seccomp.h
_RETURNS = {
    0x80000000: ActionKind.KILL_PROCESS,
    0x00000000: ActionKind.KILL_THREAD,
    0x00030000: ActionKind.TRAP,
    0x00050000: ActionKind.ERRNO,
    0x7FC00000: ActionKind.USER_NOTIF,
    0x7FF00000: ActionKind.TRACE,
    0x7FFC0000: ActionKind.LOG,
    0x7FFF0000: ActionKind.ALLOW,
}
_STRICTNESS = {kind: place for place, kind in enumerate(ActionKind)}
_MAX_ERRNO = 4095  # include/linux/err.h; the kernel caps errno there


class Action(Value):
    """One answer of a filter. `number`: the errno for ERRNO, 0 for all others."""

    kind: ActionKind
    number: int = 0

    def __str__(self) -> str:
        return f"ERRNO({self.number})" if self.kind is ActionKind.ERRNO else self.kind.value

    @property
    def lets_through(self) -> bool | None:
        """Whether the kernel carries out the call; None if another process decides, or if it is unknown.

        TRACE without a tracer fails with ENOSYS: kernel/seccomp.c.
        """
        if self.kind in (ActionKind.USER_NOTIF, ActionKind.UNDECIDED):
            return None
        return self.kind in (ActionKind.ALLOW, ActionKind.LOG)


ALLOW = Action(ActionKind.ALLOW)
UNDECIDED = Action(ActionKind.UNDECIDED)


@remembered()
def action_of(value: int) -> Action:
    """Decode the 32 bits that a filter returns. An action unknown to the kernel kills (kernel/seccomp.c)."""
    kind = _RETURNS.get(value & 0xFFFF0000, ActionKind.KILL_PROCESS)
    return Action(kind, min(value & 0xFFFF, _MAX_ERRNO) if kind is ActionKind.ERRNO else 0)


def strictest(newer: Action, older: Action) -> Action:
    """Of two filters' answers the one that counts; if equally strict, the newer filter's."""
    return older if _STRICTNESS[older.kind] < _STRICTNESS[newer.kind] else newer


ALL_BITS = 0xFFFFFFFFFFFFFFFF
LOW_BITS = 0xFFFFFFFF
MOST_OUTCOMES = 512  # per call under several filters; beyond that, conditions are not followed
MOST_PAIRS = 4096  # of the outcomes of two filters: of most pairs both can't be
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


def negated(each: Constraint) -> Constraint:
    """What holds where that does not; of one bit again an equality."""
    if each.op in (Op.EQ, Op.NE) and each.mask.bit_count() == 1 and not each.value & ~each.mask:
        return Constraint(each.arg, each.mask, Op.EQ, each.value if each.op is Op.NE else each.value ^ each.mask)
    return Constraint(each.arg, each.mask, NEGATED[each.op], each.value)


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
            low, high = ranges.get((each.arg, each.mask)) or _bounds(each.mask, fixed)
            low, high = _narrowed(low, high, each)
            if low > high:
                return False
            if low == high and fixed is not None and (low ^ fixed.value) & fixed.mask & each.mask:
                return False  # the one value that is left has other bits
            ranges[(each.arg, each.mask)] = low, high
    return not any(ranges.get((each.arg, each.mask)) == (each.value, each.value) for each in unequal)


def _bounds(mask: int, fixed: Given | None) -> tuple[int, int]:
    """The least and the greatest of an argument's bits in `mask`, some of which may be known."""
    if fixed is None:
        return 0, mask
    known = fixed.value & fixed.mask & mask
    return known, known | (mask & ~fixed.mask)


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
    """A canonical form: equal answers lose their conditions, also one in which only two differ; halves of a number are
    joined, all sorted.
    """
    found = tuple(outcomes)
    if len({outcome.action for outcome in found}) == 1:
        return (Outcome(found[0].action),)
    joined = _merged({Outcome(outcome.action, _joined(outcome.constraints)) for outcome in found})
    return tuple(sorted(joined, key=lambda each: (str(each.action), each.constraints)))


def _merged(outcomes: set[Outcome]) -> set[Outcome]:
    """Join answers that are the same whether one condition holds or not."""
    left = list(outcomes)
    while left:
        one = left.pop()
        for place, each in enumerate(one.constraints if one in outcomes else ()):
            rest = (*one.constraints[:place], *one.constraints[place + 1 :])
            two = Outcome(one.action, tuple(sorted((*rest, negated(each)))))
            if two != one and two in outcomes:
                outcomes -= {one, two}
                outcomes.add(Outcome(one.action, rest))
                left.append(Outcome(one.action, rest))
                break
    return outcomes


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
    kept = {each for each in others if each.arg not in equal or not _implied(each, equal[each.arg])}
    return tuple(sorted({*kept, *equal.values()}))


def _implied(each: Constraint, equal: Constraint) -> bool:
    """Whether it holds wherever the equality does, if both can hold at all."""
    if not each.mask & ~equal.mask:
        return True
    return each.op is Op.NE and bool((each.value ^ equal.value) & each.mask & equal.mask)


def together(newer: Outcomes, older: Outcomes, work: Work | None = None) -> Outcomes:
    """A call's outcomes under two filters (or sets of filters) together."""
    work = work or Work()
    if len(newer) == 1 and len(older) == 1:
        return (Outcome(strictest(newer[0].action, older[0].action)),)
    if newer == older:
        return newer
    if len(newer) * len(older) > MOST_PAIRS:
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
    return tidied(found) if len(found) <= MOST_OUTCOMES else _any_of(newer, older, work)


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
