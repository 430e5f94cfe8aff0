"""A call's outcomes as a verdict, and in words: "denied with CLONE_NEWUSER".

Arguments are named as in the man pages, values as in the C headers. If a condition is too long for one line, it is only
said that there is one.
"""

from __future__ import annotations

import errno

from stratascope.bounded_cache import remembered
from stratascope.core.message import Message, msg
from stratascope.core.syscall_table import CallVerdict
from stratascope.linux.seccomp import Action, ActionKind
from stratascope.linux.seccomp_answer import ALL_BITS, LOW_BITS, Constraint, Op, Outcomes
from stratascope.linux.syscalls import ARGUMENT_FLAGS, argument_word

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
