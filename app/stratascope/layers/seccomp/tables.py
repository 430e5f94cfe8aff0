"""A filter's answers as verdicts, in words, as tables, as counts, and compared with the engine's default.

`more` is the core of the layer's verdict: which calls pass here that the default stops. If both depend on arguments, it
tries the values that either mentions, and their neighbours. In words ("denied with CLONE_NEWUSER") arguments are named
as in the man pages, values as in the C headers; if a condition is too long for one line, it is only said that there is
one.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from itertools import product

from stratascope.bounded_cache import remembered
from stratascope.core.layer import CallState, CallTable, CallVerdict
from stratascope.core.message import Message, msg
from stratascope.layers.seccomp.call_groups import warning
from stratascope.layers.seccomp.filter_source import FilterSource
from stratascope.linux.seccomp import (
    ALL_BITS,
    LOW_BITS,
    Action,
    ActionKind,
    Answers,
    Constraint,
    Given,
    Op,
    Outcomes,
    Work,
    possible,
    size,
)
from stratascope.linux.syscalls import ARGUMENT_FLAGS, Abi, argument_word, numbers
from stratascope.value import Value

_DEPENDS = msg("depends on its arguments")
_LONGEST = 6  # comparisons per line

_ARGUMENTS = {
    "socket": ("family", "type", "protocol"),
    "socketpair": ("family", "type", "protocol"),
    "socketcall": ("call",),
    "clone": ("flags",),
    "unshare": ("flags",),
    "setns": ("fd", "nstype"),
    "personality": ("persona",),
    "ioctl": ("fd", "op"),
    "prctl": ("op",),
    "keyctl": ("op",),
    "bpf": ("cmd",),
    "ptrace": ("op",),
    "fcntl": ("fd", "op"),
    "mount": ("source", "target", "type", "flags"),
}


@remembered()  # hundreds of calls share a few outcomes
def verdict_of(outcomes: Outcomes) -> CallVerdict:
    """What happens to the call, over all arguments."""
    through = {outcome.action.lets_through for outcome in outcomes}
    if through == {True}:
        return CallVerdict.ALLOWED
    if through == {False}:
        return CallVerdict.DENIED
    return CallVerdict.DEPENDS if True in through else CallVerdict.UNKNOWN


def action_words(outcomes: Outcomes) -> str:
    """The answers by their names in seccomp(2): `ALLOW`, `ALLOW or ERRNO(1)`."""
    return " or ".join(sorted({str(outcome.action) for outcome in outcomes}))


def errno_name(action: Action) -> str:
    """The errno a program gets: `EPERM`; ENOSYS also for TRACE without a tracer."""
    if action.kind is ActionKind.TRACE:
        return "ENOSYS"
    return errno.errorcode.get(action.number, str(action.number))


def condition_of(name: str, outcomes: Outcomes) -> Message | None:
    """What the verdict depends on; None if on nothing."""
    if verdict_of(outcomes) is not CallVerdict.DEPENDS:
        return None
    passing = tuple(outcome for outcome in outcomes if outcome.action.lets_through)
    stopped = tuple(outcome for outcome in outcomes if not outcome.action.lets_through)
    sides = [(outcomes, denied) for outcomes, denied in ((stopped, True), (passing, False)) if _plain(outcomes)]
    if not sides:
        return _DEPENDS
    # prefer a list of values, then the shorter side
    side, denied = min(sides, key=lambda each: (not _listed(each[0]), _length(each[0])))
    return _words(name, side, denied=denied)


def _length(outcomes: Outcomes) -> int:
    return sum(len(outcome.constraints) for outcome in outcomes)


def _plain(outcomes: Outcomes) -> bool:
    followed = all(each.op is not Op.OTHER for outcome in outcomes for each in outcome.constraints)
    return followed and 0 < _length(outcomes) <= _LONGEST


def _words(name: str, outcomes: Outcomes, *, denied: bool) -> Message:
    single = [outcome.constraints[0] for outcome in outcomes if len(outcome.constraints) == 1]
    if len(single) == len(outcomes):
        if _listed(outcomes):
            values = ", ".join(argument_word(name, each.arg, each.value) for each in single)
            if denied:
                return msg("denied with {values}", values=values)
            return msg("allowed only with {values}", values=values)
        flags = _flags(name, single[0]) if len(single) == 1 else None
        if flags is not None:
            if denied == (single[0].op is Op.NE):
                return msg("denied with {values}", values=flags)
            return msg("allowed only with {values}", values=flags)
    terms = " || ".join(" && ".join(_term(name, each) for each in outcome.constraints) for outcome in outcomes)
    return msg("denied if {terms}", terms=terms) if denied else msg("allowed only if {terms}", terms=terms)


def _listed(outcomes: Outcomes) -> bool:
    """Whether it is a list of values for one argument."""
    if any(len(outcome.constraints) != 1 for outcome in outcomes):
        return False
    single = [outcome.constraints[0] for outcome in outcomes]
    return all(each.op is Op.EQ and _whole(each) for each in single) and len({each.arg for each in single}) == 1


def _whole(each: Constraint) -> bool:
    return each.mask in (ALL_BITS, LOW_BITS)


def _flags(name: str, each: Constraint) -> str | None:
    """The flags of a bit test: any of them set, or none."""
    if each.value or each.op not in (Op.EQ, Op.NE) or _whole(each):
        return None
    known = ARGUMENT_FLAGS.get((name, each.arg), {})
    words = [word for bit, word in sorted(known.items()) if each.mask & bit]
    left = each.mask & ~sum(known)
    return ", ".join([*words, hex(left)] if left else words)


def _term(name: str, each: Constraint) -> str:
    names = _ARGUMENTS.get(name, ())
    argument = names[each.arg] if each.arg < len(names) else f"arg{each.arg}"
    if _whole(each):
        return f"{argument} {each.op.value} {argument_word(name, each.arg, each.value)}"
    return f"({argument} & {each.mask:#x}) {each.op.value} {each.value:#x}"


_MOST_TRIES = 400


class CallCounts(Value):
    """Counts of call verdicts by one entry point. `denied_names`: those denied whatever the arguments."""

    allowed: int
    denied: int
    depends: int
    unknown: int
    denied_names: tuple[str, ...]


class AttackSurface(Value):
    """How much of the kernel is reachable by one entry point. Shown in addition to the depth, and no part of it.

    `passing` counts calls that pass with at least some arguments. `more_than_default`: names that pass here but not
    under the engine's default for the same container; None if that is unknown.
    """

    abi: str
    calls: int
    passing: int
    more_than_default: tuple[str, ...] | None
    dangerous: tuple[str, ...]


@remembered(60000)
def call_table(origin: FilterSource, abi: Abi) -> CallTable:
    """Every call, for display. Raises DecodeError."""
    answers = origin.answers(abi)
    return CallTable(abi.value, origin.kind, origin.title, _states(answers))


@remembered(60000)
def _states(answers: Answers) -> tuple[CallState, ...]:
    table = numbers(answers.abi)
    return tuple(
        CallState(name, table[name], verdict_of(outcomes), action_words(outcomes), condition_of(name, outcomes))
        for name, outcomes in answers.calls
    )


@remembered()
def counts(answers: Answers) -> CallCounts:
    """Count the calls per verdict."""
    found: dict[CallVerdict, list[str]] = {verdict: [] for verdict in CallVerdict}
    for name, outcomes in answers.calls:
        found[verdict_of(outcomes)].append(name)
    return CallCounts(
        len(found[CallVerdict.ALLOWED]),
        len(found[CallVerdict.DENIED]),
        len(found[CallVerdict.DEPENDS]),
        len(found[CallVerdict.UNKNOWN]),
        tuple(found[CallVerdict.DENIED]),
    )


def passing(answers: Answers) -> tuple[str, ...]:
    """Names of calls that pass with at least some arguments."""
    return tuple([name for name, outcomes in answers.calls if _may_pass(outcomes)])


@remembered()
def _may_pass(outcomes: Outcomes) -> bool:
    return any(each.action.lets_through for each in outcomes)


@remembered(4000)
def surface(answers: Answers, default: Answers | None) -> AttackSurface:
    """The attack surface by one entry point, compared with the engine's default if that is known."""
    names = passing(answers)
    return AttackSurface(
        answers.abi.value,
        len(answers.calls),
        len(names),
        None if default is None else more(answers, default),
        tuple(name for name in names if warning(name) is not None),
    )


def more(here: Answers, default: Answers) -> tuple[str, ...]:
    """Names of calls that pass here with some arguments for which the default stops them."""
    return _compared(here, default)[0]


def unclear(here: Answers, default: Answers) -> bool:
    """Whether there may be more of them that it takes too long to find."""
    return _compared(here, default)[1]


def unknown_by_default(here: Answers, default: Answers) -> tuple[str, ...]:
    """Names of calls that pass here and for which the default's answer is unknown."""
    return tuple(
        name
        for (name, outcomes), (_, usual) in zip(here.calls, default.calls, strict=True)
        if verdict_of(usual) is CallVerdict.UNKNOWN and _may_pass(outcomes)
    )


@remembered(4000)
def _compared(here: Answers, default: Answers) -> tuple[tuple[str, ...], bool]:
    found, doubt = [], False
    work = Work()
    for (name, outcomes), (_, usual) in zip(here.calls, default.calls, strict=True):
        undecided = here.cut and any(each.action.lets_through is None for each in outcomes)
        if outcomes == usual or not (undecided or _may_pass(outcomes)):
            continue
        if verdict_of(usual) is CallVerdict.ALLOWED:
            continue
        cost = size(outcomes) + size(usual)
        for given in _samples(outcomes, usual) if work.affords(4 * cost) else ():
            if not work.affords(cost):
                break
            if _passes(outcomes, given) and _stopped(usual, given):
                found.append(name)
                break
            if undecided and not doubt:
                doubt = not _stopped(outcomes, given) and _stopped(usual, given)
    return tuple(found), doubt or work.spent


def _passes(outcomes: Outcomes, given: dict[int, Given]) -> bool:
    return any(each.action.lets_through for each in outcomes if possible(each.constraints, given))


def _stopped(outcomes: Outcomes, given: dict[int, Given]) -> bool:
    """Certainly stopped; undecided does not count."""
    return all(each.action.lets_through is False for each in outcomes if possible(each.constraints, given))


def _samples(*sides: Outcomes) -> Iterable[dict[int, Given]]:
    """Values to try for the compared arguments: those mentioned, their neighbours, and each single bit of a mask."""
    values: dict[int, set[int]] = {}
    for outcomes in sides:
        for outcome in outcomes:
            for each in outcome.constraints:
                tried = values.setdefault(each.arg, {0, ALL_BITS})
                tried |= {each.value, each.value + 1 & ALL_BITS, each.value - 1 & ALL_BITS}
                if each.mask.bit_count() < 32:
                    tried |= {1 << bit for bit in range(64) if each.mask >> bit & 1}
    places = sorted(values)
    for count, chosen in enumerate(product(*(sorted(values[place]) for place in places))):
        if count == _MOST_TRIES:
            return
        yield {place: Given(value) for place, value in zip(places, chosen, strict=True)}
