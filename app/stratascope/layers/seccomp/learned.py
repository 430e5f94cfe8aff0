"""A filter made from the calls a container was seen making.

What passes: the observed calls, harmless ones (unless *tight*), what the runtime itself calls once the filter is in
force, and the older form of each newer call, which programs fall back to on ENOSYS. Everything else is refused with the
default's errno, or with EPERM: programs distinguish "not permitted" from "not there", and PAM fails on an unexpected
errno. `clone3` always gets ENOSYS, since its flags are in memory where no filter can look; programs then use `clone`,
whose flags it can see. Entry points other than the native one are only open if they were used.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

from stratascope.core.observation.harmless import harmless
from stratascope.core.observation.observation import Observation
from stratascope.layers.seccomp.filter_source import FilterSource, MeasuredDefault, ProfileFilter, native
from stratascope.linux.seccomp import ALLOW, Action, ActionKind
from stratascope.linux.seccomp_answer import ALL_BITS, Constraint, Op, Outcome, Outcomes, tidied, together
from stratascope.linux.seccomp_profile import profile_text
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import replace

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
# What the C library tries next on ENOSYS
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
        # as the default does, if that refuses it whatever the arguments
        return refused if refused and len(refused) == len(base) == 1 else (_EPERM,)
    if refused and len(refused) == len(base):
        if not wider:
            return refused if len(base) == 1 else (_EPERM,)
        base = _PASSES
    match name:
        case "clone":
            return together(_without_namespaces(seen, abi, name), base)
        case "unshare":
            return together(_without_namespaces(seen, abi, name), base)
        case "socket":
            return together(_only(0, _families(seen, abi, tight=tight)), base)
        case "personality":
            return together(_only(0, _values(seen, abi, name, 0)), base)
    return base


def _as_written(outcomes: Outcomes) -> Outcomes:
    return tidied(Outcome(_written(outcome.action), outcome.constraints) for outcome in outcomes)


def _written(action: Action) -> Action:
    """An action that a profile can express: it passes, or is refused with an errno."""
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


def _only(place: int, values: Iterable[int]) -> Outcomes:
    """Let these values of an argument pass; all if there are none, since an unreported argument is not narrowed."""
    found = tuple(values)
    if not found:
        return _PASSES
    rest = tuple(Constraint(place, ALL_BITS, Op.NE, value) for value in found)
    passes = tuple(Outcome(ALLOW, (Constraint(place, ALL_BITS, Op.EQ, value),)) for value in found)
    return tidied((*passes, Outcome(_EPERM.action, rest)))


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
