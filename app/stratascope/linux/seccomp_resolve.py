"""A profile's answers to every call of one entry point, for a container's capabilities, kernel and machine.

Follows what runc and crun make of a profile with libseccomp: a rule without arguments beats those with, the first of
several without wins, a rule whose action is the default is dropped, and an entry point that the profile does not name
is killed. Where rules with different actions overlap, libseccomp's answer depends on how it arranges them, so ours is
UNDECIDED. Decided against running libseccomp: the window must work without it.
"""

from __future__ import annotations

from collections.abc import Collection

from stratascope.bounded_cache import remembered
from stratascope.linux.seccomp import UNDECIDED, Action, ActionKind
from stratascope.linux.seccomp_answer import (
    LOW_BITS,
    MOST_OUTCOMES,
    NEGATED,
    Answers,
    Constraint,
    Op,
    Outcome,
    Outcomes,
    Work,
    kept,
    possible,
    tidied,
    without_conditions,
)
from stratascope.linux.seccomp_profile import Condition, Profile, Rule
from stratascope.linux.syscalls import Abi, known_names, numbers
from stratascope.value import replace

_WORDS = {Abi.X86_64: "X86_64", Abi.I386: "X86", Abi.X32: "X32", Abi.AARCH64: "AARCH64"}
_GO = {"x86_64": "amd64", "aarch64": "arm64"}
# calls of machines without a table here that are in Docker's and Podman's lists for all machines
_ELSEWHERE_NAMES = """
arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush pciconfig_iobase pciconfig_read pciconfig_write recv send
set_tls sync_file_range2 syscall
"""
_ELSEWHERE = frozenset(_ELSEWHERE_NAMES.split())
# On i386 these are also multiplexed through one call, selected by its first argument: include/uapi/linux/net.h, ipc.h.
# libseccomp adds such a rule to that call too, with the rule's constraints on the other arguments (src/arch-x86.c)
_SOCKETCALL_NAMES = """
socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt
getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg
"""
_PARTS = {name: ("socketcall", place) for place, name in enumerate(_SOCKETCALL_NAMES.split(), 1)} | {
    name: ("ipc", first + place)
    for first, names in ((1, "semop semget semctl semtimedop"), (11, "msgsnd msgrcv msgget msgctl"))
    for place, name in enumerate(names.split())
}
_PARTS |= {name: ("ipc", 21 + place) for place, name in enumerate(("shmat", "shmdt", "shmget", "shmctl"))}
_BAD_MACHINE = Action(ActionKind.KILL_THREAD)  # SCMP_ACT_KILL, libseccomp's answer on a machine that was not added


@remembered(40000)
def resolve(
    profile: Profile, capabilities: frozenset[str], kernel: tuple[int, int] | None, machine: str, abi: Abi
) -> Answers:
    """The answers by that entry point of a kernel of `machine` (uname -m). `capabilities`: the bounding set, by name.

    `kernel` None: unknown, treated as new enough.
    """
    work = Work()
    calls = resolved_calls(profile, capabilities, kernel, machine, abi, numbers(abi), work)
    return kept(abi, dict(calls), work)


def resolved_calls(
    profile: Profile,
    capabilities: frozenset[str],
    kernel: tuple[int, int] | None,
    machine: str,
    abi: Abi,
    names: Collection[str],
    work: Work | None = None,
) -> tuple[tuple[str, Outcomes], ...]:
    """The same for these calls only."""
    if abi not in entry_points(profile, machine):
        return tuple([(name, (Outcome(_BAD_MACHINE),)) for name in names])
    by_name: dict[str, list[Rule]] = {name: [] for name in names}
    for rule in profile.rules:
        if rule.action != profile.default and _applies(rule, capabilities, kernel, machine):
            for name in rule.names:
                if name in by_name:
                    by_name[name].append(rule)
                if abi is Abi.I386 and name in _PARTS:
                    whole, part = _PARTS[name]
                    if whole in by_name:
                        by_name[whole].append(_as_part(rule, part))
    work = work or Work()
    # hundreds of calls share a rule, so each set of rules is only resolved once
    known: dict[tuple[int, ...], Outcomes] = {(): (Outcome(profile.default),)}
    found = []
    for name, rules in by_name.items():
        key = tuple([id(rule) for rule in rules])
        outcomes = known.get(key)
        if outcomes is None:
            outcomes = known[key] = _outcomes(profile.default, rules, abi, work)
        found.append((name, outcomes))
    return tuple(found)


def entry_points(profile: Profile, machine: str) -> frozenset[Abi]:
    """The entry points that the profile filters; on all others every call is killed."""
    native = Abi.AARCH64 if machine in ("aarch64", "arm64") else Abi.X86_64
    own = f"SCMP_ARCH_{_WORDS[native]}"
    named = set(profile.machines)
    for name, others in profile.sub_machines:
        if name == own:
            named |= {name, *others}
    return frozenset((native, *(abi for abi in Abi if f"SCMP_ARCH_{_WORDS[abi]}" in named)))


def unknown_calls(profile: Profile, machine: str) -> tuple[str, ...]:
    """Names in rules for this machine that no entry point here has: misspelt, or newer than our tables."""
    named = {name for rule in profile.rules if _here(rule, machine) for name in rule.names}
    return tuple(sorted(named - known_names() - _ELSEWHERE))


def _as_part(rule: Rule, part: int) -> Rule:
    others = tuple(each for each in rule.constraints if each.arg != 0)
    return replace(rule, constraints=(Constraint(0, LOW_BITS, Op.EQ, part), *others))


def _here(rule: Rule, machine: str) -> bool:
    own = _GO.get(machine, machine)
    return own not in rule.excludes.machines and (not rule.includes.machines or own in rule.includes.machines)


def _applies(rule: Rule, capabilities: frozenset[str], kernel: tuple[int, int] | None, machine: str) -> bool:
    includes, excludes = rule.includes, rule.excludes
    if not _here(rule, machine) or not capabilities.isdisjoint(excludes.capabilities):
        return False
    if excludes.kernel is not None and _new_enough(excludes, kernel):
        return False
    return capabilities.issuperset(includes.capabilities) and _new_enough(includes, kernel)


def _new_enough(condition: Condition, kernel: tuple[int, int] | None) -> bool:
    return condition.kernel is None or kernel is None or kernel >= condition.kernel


def _outcomes(default: Action, rules: list[Rule], abi: Abi, work: Work) -> Outcomes:
    always = next((rule.action for rule in rules if not rule.constraints), None)
    if always is not None:
        return (Outcome(always),)
    parts: list[tuple[Action, tuple[Constraint, ...]]] = []
    for rule in rules:
        constraints = tuple(_for(abi, each) for each in rule.constraints)
        # as matchCall of runc and crun: each becomes a rule of its own
        if len({each.arg for each in constraints}) < len(constraints):
            parts += [(rule.action, (each,)) for each in constraints]
        else:
            parts.append((rule.action, constraints))
    # Split the argument space rule by rule. A rule matches where all its constraints hold; the rest is one region per
    # constraint that fails while those before it hold, so that regions never overlap.
    found: list[Outcome] = []
    regions: list[tuple[int, tuple[Constraint, ...], frozenset[Action]]] = [(0, (), frozenset())]
    while regions:
        place, region, actions = regions.pop()
        if place == len(parts):
            action = default if not actions else next(iter(actions)) if len(actions) == 1 else UNDECIDED
            found.append(Outcome(action, region))
            continue
        action, constraints = parts[place]
        if len(found) > MOST_OUTCOMES or not work.affords((2 + len(region)) * (1 + len(constraints))):
            return without_conditions(Outcome(each) for each in (default, *(action for action, _ in parts)))
        before = region
        for each in constraints:
            other = Constraint(each.arg, each.mask, NEGATED[each.op], each.value)
            if possible((*before, other)):
                regions.append((place + 1, (*before, other), actions))
            before = (*before, each)
        if possible(before):
            regions.append((place + 1, before, actions | {action}))
    return tidied(found)


def _for(abi: Abi, each: Constraint) -> Constraint:
    """On a 32-bit entry point, and also on x32 (src/arch-x32.c of libseccomp), only the low half is compared."""
    if abi in (Abi.X86_64, Abi.AARCH64):
        return each
    return Constraint(each.arg, each.mask & LOW_BITS, each.op, each.value & LOW_BITS)
