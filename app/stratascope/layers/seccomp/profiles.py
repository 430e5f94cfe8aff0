"""Generate a seccomp profile for a container: from its observed calls, or its current filter plus some calls.

Learned: allowed are the observed calls, harmless ones (unless *tight*), what the runtime itself calls once the filter
is in force, and the older form of each newer call, which programs fall back to on ENOSYS. Everything else is refused
with the default's errno, or with EPERM: programs distinguish "not permitted" from "not implemented", and PAM fails on
an unexpected errno. `clone3` always gets ENOSYS, since its flags are in memory, which filters can't read; programs then
use `clone`, whose flags they can. Entry points other than the native one are only open if they were used.

Of `ioctl` and `prctl` what is notable (a character typed into a terminal) is allowed only if it was seen; of calls that
do many things, such as `keyctl`, what was seen.

Widened: `+keyctl`, `+socket:40`, `+ioctl::0x5413`. Only arguments that select an operation and that a filter can read
are given: a family, namespace flags, an operation. An empty argument may have any value. An errno other than EPERM in
the current filter stays; calls it kills for are refused with EPERM instead.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

from stratascope.bounded_cache import remembered
from stratascope.core.container import ProfileKind
from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import (
    HARMLESS_OPTIONS,
    NEWER,
    NOTABLE_REQUESTS,
    Observation,
    UsedArguments,
    harmless,
)
from stratascope.core.relaunch.toggle import MORE, ToggleError
from stratascope.core.relaunch.want import PassedCall
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.filter_source import FilterSource, KernelFilters, MeasuredDefault, ProfileFilter, native
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import (
    ALL_BITS,
    ALLOW,
    LOW_BITS,
    Action,
    ActionKind,
    Constraint,
    Given,
    Op,
    Outcome,
    Outcomes,
    negated,
    possible,
    tidied,
    together,
)
from stratascope.linux.seccomp_profile import profile_text
from stratascope.linux.syscalls import Abi, abis_of, numbers
from stratascope.value import Value, replace

DefaultFilter = MeasuredDefault | ProfileFilter

# calls that runc 1.1 and 1.2 and crun 1.21 make between installing the filter and starting the program, also for exec
_RUNC = """
close execve exit_group fstatfs getdents64 openat write futex rt_sigreturn rt_sigaction rt_sigprocmask sigaltstack
getpid gettid tgkill sched_yield nanosleep mmap munmap madvise mprotect epoll_ctl epoll_pwait fcntl exit clone clone3
set_robust_list rseq faccessat2
"""
_RUNC_GAINING = """
capget capset chdir fstat getcwd getppid newfstatat prctl read setgid setgroups setuid set_tid_address
"""
_CRUN = "execve exit_group close close_range umask write"
_CRUN_GAINING = """
capset prctl rt_sigaction rt_sigprocmask setresgid setresuid setuid pselect6 read openat statx setgroups ioctl fchown
"""
_INIT = "setpgid rt_sigtimedwait"
# What the C library falls back to on ENOSYS
_OLDER = {
    "clone3": ("clone",),
    "fork": ("clone",),
    "vfork": ("clone",),
    "faccessat2": ("faccessat",),
    "openat2": ("openat",),
    "statx": ("newfstatat", "fstatat64"),
    "fchmodat2": ("fchmodat",),
    "epoll_pwait2": ("epoll_pwait",),
    "close_range": ("close",),
}
_NAMESPACE_FLAGS = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
_NEWTIME = 0x80  # CLONE_NEWTIME: only for unshare and clone3
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (the resolver's)
_EPERM, _ENOSYS = Outcome(Action(ActionKind.ERRNO, errno.EPERM)), Outcome(Action(ActionKind.ERRNO, errno.ENOSYS))
_PASSES: Outcomes = (Outcome(ALLOW),)
_BY_FIRST = frozenset(("clone", "personality", "socket", "unshare"))  # which their first argument tells apart
# Calls that do many things, of which only those that were seen are allowed: index of the argument that says which
_OPERATION = {"bpf": 0, "keyctl": 0, "personality": 0, "ptrace": 0, "setns": 1, "syslog": 0}


@remembered(64 << 10)  # bytes: one of an ordinary program has 20 to 50 KiB
def learned_profile(
    seen: Observation,
    default: DefaultFilter,
    capabilities: frozenset[str],
    *,
    tight: bool,
    no_new_privileges: bool,
    init: bool,
    wider: bool = False,
    today: FilterSource | None = None,
) -> str:
    """The profile's JSON, for a container with these capabilities. Raises DecodeError if the default is no valid
    profile.

    `today`: its current custom filter; what that refuses stays refused.
    """
    # `wider`: it was observed under a wider filter than the default. Otherwise nothing passes that the default refuses,
    # whatever was seen: a container may behave differently when tried
    abi = Abi.X86_64 if isinstance(default, MeasuredDefault) else native(default.machine)
    source = (
        replace(default.nearest(), capabilities=capabilities)
        if isinstance(default, MeasuredDefault)
        else ProfileFilter(default.text, default.source, capabilities, default.kernel, default.machine)
    )
    used = {call.abi for call in seen.calls}
    abis = (abi, *(other for other in (Abi.I386, Abi.X32) if other.value in used and other is not abi))
    calls: dict[str, Outcomes] = {}
    for each in reversed(abis):  # the native one last: it decides names that several have
        base = dict(source.answers(each).calls)
        had = None if today is None else dict(today.answers(each).calls)
        wanted = _wanted(seen, each, tight=tight, no_new_privileges=no_new_privileges, init=init)
        for name in numbers(each):
            calls[name] = _answer(name, base.get(name, (_EPERM,)), name in wanted, seen, each, tight=tight, wider=wider)
            if had is not None:
                calls[name] = together(calls[name], _as_written(had.get(name, (_EPERM,))))
    return profile_text(calls, abis)


def _wanted(seen: Observation, abi: Abi, *, tight: bool, no_new_privileges: bool, init: bool) -> frozenset[str]:
    names = {call.name for call in seen.calls if call.abi == abi.value}
    names |= {*_RUNC.split(), *_CRUN.split(), *(_INIT.split() if init else ())}
    if not no_new_privileges:
        names |= {*_RUNC_GAINING.split(), *_CRUN_GAINING.split()}
    if not tight:
        names |= harmless(abi.value) | {"clone", "socket"}
    for name in tuple(names):
        names.update(_OLDER.get(name, ()))
    return frozenset(names)


def _answer(
    name: str, base: Outcomes, wanted: bool, seen: Observation, abi: Abi, *, tight: bool, wider: bool
) -> Outcomes:
    """The filter's answer to one call; `base`: the engine's default's."""
    base = _as_written(base)
    refused = tidied(outcome for outcome in base if outcome.action.lets_through is False)
    if name == "clone3":
        return (_ENOSYS,)
    if not wanted:
        # the default's action, if that refuses it whatever the arguments
        if refused and len(refused) == len(base) == 1:
            return refused
        return (_ENOSYS,) if name in NEWER else (_EPERM,)
    if refused and len(refused) == len(base):
        if not wider:
            return refused if len(base) == 1 else (_EPERM,)
        base = _PASSES
    elif wider and any(stops(base, each) for each in seen.arguments if (each.abi, each.name) == (abi.value, name)):
        base = _PASSES  # then what it was seen doing decides alone
    match name:
        case "clone":
            return together(_without_namespaces(seen, abi, name), base)
        case "unshare":
            return together(_without_namespaces(seen, abi, name), base)
        case "socket":
            return together(_only(0, _families(seen, abi, tight=tight)), base)
        case "ioctl":
            requests = {value & LOW_BITS for value in _values(seen, abi, name, 0)}
            return together(_all_but(1, NOTABLE_REQUESTS - requests), base)
        case "prctl":
            return together(_only(0, HARMLESS_OPTIONS.union(_values(seen, abi, name, 0)), LOW_BITS), base)
    if name in _OPERATION:
        return together(_only(_OPERATION[name], _values(seen, abi, name, 0)), base)
    return base


def stops(outcomes: Outcomes, used: UsedArguments) -> bool:
    """Whether they stop that call, of those that filters tell apart by arguments."""
    given = {place: Given(value) for place, value in enumerate(used.values)}
    return used.name in _BY_FIRST and any(
        outcome.action.lets_through is False for outcome in outcomes if possible(outcome.constraints, given)
    )


def _as_written(outcomes: Outcomes) -> Outcomes:
    return tidied(Outcome(_written(outcome.action), outcome.constraints) for outcome in outcomes)


def _written(action: Action) -> Action:
    """The action as a profile can express it: allow, or an errno."""
    if action.lets_through is not False:
        return ALLOW
    return action if action.kind is ActionKind.ERRNO else _EPERM.action


def _values(seen: Observation, abi: Abi, name: str, place: int) -> tuple[int, ...]:
    """The observed values of that argument, over all calls; empty: not reported."""
    found = {
        each.values[place]
        for each in seen.arguments
        if each.abi == abi.value and each.name == name and len(each.values) > place
    }
    return tuple(sorted(found))


def _families(seen: Observation, abi: Abi, *, tight: bool) -> tuple[int, ...]:
    found = _values(seen, abi, "socket", 0)
    used = any(call.abi == abi.value and call.name == "socket" for call in seen.calls)
    if used and not found:
        return ()  # which ones were not reported
    return found if tight else tuple(sorted({*found, *_FAMILIES}))


def _only(place: int, values: Iterable[int], mask: int = ALL_BITS) -> Outcomes:
    """Let these values of an argument's bits pass; all if none is given: an unreported argument is not narrowed."""
    found = tuple(values)
    if not found:
        return _PASSES
    rest = tuple(Constraint(place, mask, Op.NE, value & mask) for value in found)
    passes = tuple(Outcome(ALLOW, (Constraint(place, mask, Op.EQ, value & mask),)) for value in found)
    return tidied((*passes, Outcome(_EPERM.action, rest)))


def _all_but(place: int, values: frozenset[int]) -> Outcomes:
    """Let all but these values of an argument's lower half pass, whatever the upper half is.

    Each rule is for the values that agree with one of these above a bit, and not in it: a rule has room for one
    comparison, and a filter of rules that allow none for "not this value".
    """
    if not values:
        return _PASSES
    passes = set()
    for bit in range(32):
        mask = LOW_BITS >> bit << bit
        taken = {value & mask for value in values}
        passes |= {Constraint(place, mask, Op.EQ, value ^ 1 << bit) for value in taken if value ^ 1 << bit not in taken}
    rest = tuple(negated(each) for each in passes)
    return tidied((*(Outcome(ALLOW, (each,)) for each in passes), Outcome(_EPERM.action, rest)))


def _without_namespaces(seen: Observation, abi: Abi, name: str) -> Outcomes:
    """No new namespaces except those it was seen creating."""
    flags = 0
    for call in (name, "clone3"):
        for value in _values(seen, abi, call, 0):
            flags |= value
    closed = (_NAMESPACE_FLAGS | (_NEWTIME if name == "unshare" else 0)) & ~flags
    if not closed:
        return _PASSES
    return (
        Outcome(ALLOW, (Constraint(0, closed, Op.EQ, 0),)),
        Outcome(_EPERM.action, (Constraint(0, closed, Op.NE, 0),)),
    )


# CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET, TIME; for clone the last is in the exit signal
_NAMESPACES = 0x7E020080
_GIVEN = {  # by call: index of the given argument, and the mask of its bits
    "clone": (0, 0x7E020000),
    "bpf": (0, ALL_BITS),
    "ioctl": (1, LOW_BITS),
    "keyctl": (0, ALL_BITS),
    "personality": (0, ALL_BITS),
    "prctl": (0, LOW_BITS),
    "ptrace": (0, ALL_BITS),
    "setns": (1, ALL_BITS),
    "socket": (0, ALL_BITS),
    "socketpair": (0, ALL_BITS),
    "syslog": (0, ALL_BITS),
    "unshare": (0, _NAMESPACES),
}
_MOST_ARGUMENTS = 6


class Call(Value):
    """A call by name and values of its arguments, in order; None: any."""

    name: str
    values: tuple[int | None, ...] = ()

    @property
    def text(self) -> str:
        """The call as typed in a value."""
        return ":".join((self.name, *("" if value is None else _number(value) for value in self.values)))


def _number(value: int) -> str:
    return str(value) if value < 1 << 12 else hex(value)


def wanted(want: PassedCall) -> Call:
    """The call, with the arguments that a filter can check."""
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
    """The profile's JSON: the filter plus these calls. Raises DecodeError if the filter has undecided answers."""
    abis = tuple(abi for abi in abis_of(machine or "x86_64") if _used(source, abi))
    found: dict[str, Outcomes] = {}
    for abi in reversed(abis):  # the native one last: it decides names that several have
        answers = dict(source.answers(abi).calls)
        for name in numbers(abi):
            found[name] = tuple(map(_decided, answers.get(name, (Outcome(Action(ActionKind.ERRNO, errno.EPERM)),))))
    for call in calls:
        if call.name in found:
            found[call.name] = _with(found[call.name], call)
    return profile_text({name: _simple(outcomes) for name, outcomes in found.items()}, abis)


def _used(source: FilterSource, abi: Abi) -> bool:
    return any(each.action.lets_through is not False for _, outcomes in source.answers(abi).calls for each in outcomes)


def _decided(outcome: Outcome) -> Outcome:
    through = outcome.action.lets_through
    if through is None:
        raise DecodeError("the filter leaves something to be decided")
    if through:
        return replace(outcome, action=ALLOW)
    return outcome if outcome.action.kind is ActionKind.ERRNO else replace(outcome, action=_NOT_PERMITTED)


_NOT_PERMITTED = Action(ActionKind.ERRNO, errno.EPERM)


def _with(outcomes: Outcomes, call: Call) -> Outcomes:
    """Allow this call as well. Refusals that overlap with it are dropped, since any matching rule would apply."""
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
        against = negated(each)
        if any(other is not each and not possible((other, against)) for other in kept):
            kept.remove(each)
    return tuple(kept)
