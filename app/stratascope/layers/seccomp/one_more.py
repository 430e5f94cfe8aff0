"""The filter that a container has today plus some calls: `+keyctl`, `+socket:40`, `+ioctl::0x5413`.

Only arguments that select what a call does and that a filter can see (not those in memory) are given: a family,
namespace flags, an operation. An empty argument may have any value. An errno other than EPERM in today's filter stays;
calls it kills for are refused with EPERM instead.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

from stratascope.core.container import ProfileKind
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import MORE, ToggleError
from stratascope.core.relaunch.want import PassedCall
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.filter_source import FilterSource, KernelFilters, MeasuredDefault, ProfileFilter
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import ALLOW, Action, ActionKind
from stratascope.linux.seccomp_answer import ALL_BITS, NEGATED, Constraint, Op, Outcome, Outcomes, possible
from stratascope.linux.seccomp_profile import profile_text
from stratascope.linux.syscalls import Abi, abis_of, numbers
from stratascope.value import Value, replace

# CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET, TIME; for clone the last is in the exit signal
_NAMESPACES = 0x7E020080
_GIVEN = {  # which argument of a call is given, and which of its bits
    "clone": (0, 0x7E020000),
    "ioctl": (1, ALL_BITS),
    "keyctl": (0, ALL_BITS),
    "personality": (0, ALL_BITS),
    "prctl": (0, ALL_BITS),
    "setns": (1, ALL_BITS),
    "socket": (0, ALL_BITS),
    "socketpair": (0, ALL_BITS),
    "unshare": (0, _NAMESPACES),
}
_MOST_ARGUMENTS = 6


class Call(Value):
    """A call by name and values of its arguments, in order; None: any."""

    name: str
    values: tuple[int | None, ...] = ()

    @property
    def text(self) -> str:
        """As typed."""
        return ":".join((self.name, *("" if value is None else _number(value) for value in self.values)))


def _number(value: int) -> str:
    return str(value) if value < 1 << 12 else hex(value)


def wanted(want: PassedCall) -> Call:
    """The call, with the arguments that are given."""
    place, mask = _GIVEN.get(want.name, (_MOST_ARGUMENTS, 0))
    if len(want.values) <= place:
        return Call(want.name)
    value = want.values[place] & mask
    return Call(want.name, (*(None for _ in range(place)), value))


def parsed(value: str) -> tuple[Call, ...]:
    """Parse `+A,B:1`. Raises ToggleError."""
    return tuple(_parsed(word.strip()) for word in value.removeprefix(MORE).split(",") if word.strip())


def _parsed(word: str) -> Call:
    name, *arguments = word.split(":")
    if not any(name in numbers(abi) for abi in Abi):
        raise ToggleError(msg("There is no system call {name}.", name=name))
    try:
        values = tuple(int(argument, 0) if argument else None for argument in arguments)
    except ValueError:
        values = (-1,)
    if len(values) > _MOST_ARGUMENTS or any(value is not None and not 0 <= value <= ALL_BITS for value in values):
        raise ToggleError(msg("Give a call and argument values such as socket:40, not {value}.", value=word))
    return Call(name, values)


def words_of(calls: tuple[Call, ...]) -> Message:
    """The calls let through, for people."""
    return msg("Let these calls through: {calls}", calls=", ".join(call.text for call in calls))


def today(facts: SeccompFacts, capabilities: frozenset[str]) -> FilterSource | None:
    """Its current filter, adapted to these capabilities; None: unknown, or no filter."""
    default = facts.default
    if facts.profile is ProfileKind.DEFAULT:
        if isinstance(default, MeasuredDefault) and (default.whole or not isinstance(facts.origin, KernelFilters)):
            return replace(default, capabilities=capabilities)
        if isinstance(default, ProfileFilter) and not default.oci:
            return replace(default, capabilities=capabilities)
    return facts.origin if facts.profile in (ProfileKind.DEFAULT, ProfileKind.CUSTOM) else None


def widened(source: FilterSource, calls: tuple[Call, ...], machine: str) -> str:
    """The profile's JSON. Raises DecodeError if the filter has undecided answers."""
    abis = tuple(abi for abi in abis_of(machine or "x86_64") if _used(source, abi))
    found: dict[str, Outcomes] = {}
    for abi in reversed(abis):  # the native one last: it decides names that several have
        answers = dict(source.answers(abi).calls)
        for name in numbers(abi):
            found[name] = tuple(map(_written, answers.get(name, (Outcome(Action(ActionKind.ERRNO, errno.EPERM)),))))
    for call in calls:
        if call.name in found:
            found[call.name] = _with(found[call.name], call)
    return profile_text({name: _simple(outcomes) for name, outcomes in found.items()}, abis)


def _used(source: FilterSource, abi: Abi) -> bool:
    return any(each.action.lets_through is not False for _, outcomes in source.answers(abi).calls for each in outcomes)


def _written(outcome: Outcome) -> Outcome:
    through = outcome.action.lets_through
    if through is None:
        raise DecodeError("the filter leaves something to be decided")
    if through:
        return replace(outcome, action=ALLOW)
    return outcome if outcome.action.kind is ActionKind.ERRNO else replace(outcome, action=_EPERM)


_EPERM = Action(ActionKind.ERRNO, errno.EPERM)


def _with(outcomes: Outcomes, call: Call) -> Outcomes:
    """Let this pass as well. Refusals that overlap with it are dropped, since any matching rule would apply."""
    constraints = tuple(
        Constraint(place, _GIVEN.get(call.name, (0, 0))[1] if _GIVEN.get(call.name, (-1, 0))[0] == place else ALL_BITS,
                   Op.EQ, value)
        for place, value in enumerate(call.values) if value is not None
    )  # fmt: skip
    if not constraints:
        return (Outcome(ALLOW),)
    left = tuple(
        each for each in outcomes if each.action.lets_through or not possible((*each.constraints, *constraints))
    )
    return (*left, Outcome(ALLOW, constraints))


def _simple(outcomes: Outcomes) -> Outcomes:
    return tuple(replace(each, constraints=_implying(each.constraints)) for each in outcomes)


def _implying(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """Drop constraints implied by others: a rule has room for one comparison per argument."""
    kept = list(dict.fromkeys(constraints))
    for each in tuple(kept):
        negated = replace(each, op=NEGATED[each.op])
        if any(other is not each and not possible((other, negated)) for other in kept):
            kept.remove(each)
    return tuple(kept)
