"""seccomp profiles as JSON: Docker's and Podman's format, and `linux.seccomp` of an OCI config.json. Read, written, and
resolved into the answers to every call.

Docker's has conditions on capabilities, kernel and machine; the OCI form has them resolved already. The same code reads
both. Anything malformed is a DecodeError; an unknown field, call or machine is only a warning, since engines ignore
those as well.

Resolving follows what runc and crun make of a profile with libseccomp: a rule without arguments beats those with, the
first of several without wins, a rule whose action is the default is dropped, and an entry point that the profile does
not name is killed. Where rules with different actions overlap, libseccomp's answer depends on how it arranges them, so
ours is UNDECIDED. Decided against running libseccomp: the window must work without it.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import (
    ALL_BITS,
    LOW_BITS,
    MOST_OUTCOMES,
    UNDECIDED,
    Action,
    ActionKind,
    Answers,
    Constraint,
    Op,
    Outcome,
    Outcomes,
    Work,
    kept,
    negated,
    possible,
    tidied,
    without_conditions,
)
from stratascope.linux.syscalls import Abi, known_names, numbers
from stratascope.value import Value, replace

MAX_LENGTH = 4 << 20  # characters of a profile; Docker's own has 14,000

_ACTIONS = {
    "SCMP_ACT_KILL": ActionKind.KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": ActionKind.KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": ActionKind.KILL_PROCESS,
    "SCMP_ACT_TRAP": ActionKind.TRAP,
    "SCMP_ACT_ERRNO": ActionKind.ERRNO,
    "SCMP_ACT_NOTIFY": ActionKind.USER_NOTIF,
    "SCMP_ACT_TRACE": ActionKind.TRACE,
    "SCMP_ACT_LOG": ActionKind.LOG,
    "SCMP_ACT_ALLOW": ActionKind.ALLOW,
}
_OPS = {
    "SCMP_CMP_EQ": Op.EQ,
    "SCMP_CMP_NE": Op.NE,
    "SCMP_CMP_LT": Op.LT,
    "SCMP_CMP_LE": Op.LE,
    "SCMP_CMP_GT": Op.GT,
    "SCMP_CMP_GE": Op.GE,
}
_OPERATORS = {op: word for word, op in _OPS.items()}
_ARCHITECTURES = {
    Abi.X86_64: "SCMP_ARCH_X86_64",
    Abi.I386: "SCMP_ARCH_X86",
    Abi.X32: "SCMP_ARCH_X32",
    Abi.AARCH64: "SCMP_ARCH_AARCH64",
}
_TOP = frozenset(
    (
        *("defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "syscalls"),
        *("flags", "listenerPath", "listenerMetadata"),
    )
)
_RULE = frozenset(("names", "name", "action", "errnoRet", "errno", "args", "includes", "excludes", "comment"))
_ARG = frozenset(("index", "value", "valueTwo", "op"))
_CONDITION = frozenset(("caps", "arches", "minKernel"))
_MAP = frozenset(("architecture", "subArchitectures"))
_MACHINE_WORDS = """
NATIVE X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC
PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB
"""
_MACHINES = frozenset(f"SCMP_ARCH_{word}" for word in _MACHINE_WORDS.split())


class Condition(Value):
    """When a rule applies (`includes`) or doesn't (`excludes`). Machine names are Go's: amd64, arm64."""

    capabilities: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    kernel: tuple[int, int] | None = None  # this release or newer


class Rule(Value):
    """An action for calls by name. All `constraints` must hold, unless two are on one argument: then any of them."""

    names: tuple[str, ...]
    action: Action
    constraints: tuple[Constraint, ...] = ()
    includes: Condition = Condition()
    excludes: Condition = Condition()


class Profile(Value):
    """A whole profile. `machines`: the top-level ones (libseccomp's names); `sub_machines` per machine."""

    default: Action
    rules: tuple[Rule, ...]
    machines: tuple[str, ...] = ()
    sub_machines: tuple[tuple[str, tuple[str, ...]], ...] = ()
    warnings: tuple[str, ...] = ()


@remembered(100000)
def parse_profile(text: str) -> Profile:
    """Decode a profile. Raises DecodeError; unknown parts are listed in `warnings`, in English."""
    return _profile(_loaded(text))


@remembered(100000)
def parse_oci_config(text: str) -> Profile | None:
    """The profile in an OCI config.json; None if the container has none. Raises DecodeError."""
    linux = _object(_loaded(text), "config.json").get("linux")
    seccomp = None if linux is None else _object(linux, "linux").get("seccomp")
    return None if seccomp is None else _profile(seccomp)


def _loaded(text: str) -> Any:
    if len(text) > MAX_LENGTH:
        raise DecodeError(f"profile: {len(text)} characters, at most {MAX_LENGTH} are read")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"profile: not JSON: {str(error)[:100]}") from None


def _profile(value: Any) -> Profile:
    whole = _object(value, "profile")
    warnings: list[str] = _unknown(whole, _TOP, "profile")
    default = _action(
        whole.get("defaultAction"), whole.get("defaultErrnoRet"), whole.get("defaultErrno"), "defaultAction", warnings
    )
    machines = _texts(whole.get("architectures"), "architectures")
    subs = tuple(_machine(each, place, warnings) for place, each in enumerate(_list(whole.get("archMap"), "archMap")))
    if machines and subs:
        raise DecodeError("profile: both architectures and archMap")
    named = {*machines, *(name for machine, others in subs for name in (machine, *others))}
    warnings += [f"architectures: {name[:60]!r} is not known" for name in sorted(named - _MACHINES)]
    rules = tuple(
        _rule(each, f"syscalls[{place}]", warnings)
        for place, each in enumerate(_list(whole.get("syscalls"), "syscalls"))
    )
    return Profile(default, rules, machines, subs, tuple(warnings))


def _machine(value: Any, place: int, warnings: list[str]) -> tuple[str, tuple[str, ...]]:
    where = f"archMap[{place}]"
    found = _object(value, where)
    warnings += _unknown(found, _MAP, where)
    machine = found.get("architecture")
    if not isinstance(machine, str):
        raise DecodeError(f"profile: {where}.architecture is no text")
    return machine, _texts(found.get("subArchitectures"), f"{where}.subArchitectures")


def _rule(value: Any, where: str, warnings: list[str]) -> Rule:
    found = _object(value, where)
    warnings += _unknown(found, _RULE, where)
    names = _texts(found.get("names"), f"{where}.names")
    single = found.get("name")
    if single is not None and not isinstance(single, str):
        raise DecodeError(f"profile: {where}.name is no text")
    if single and names:
        raise DecodeError(f"profile: {where} has both name and names")
    if single:
        names = (single,)
    if not names:
        raise DecodeError(f"profile: {where} names no call")
    return Rule(
        names,
        _action(found.get("action"), found.get("errnoRet"), found.get("errno"), f"{where}.action", warnings),
        tuple(
            _constraint(each, f"{where}.args[{place}]", warnings)
            for place, each in enumerate(_list(found.get("args"), f"{where}.args"))
        ),
        _condition(found.get("includes"), f"{where}.includes", warnings),
        _condition(found.get("excludes"), f"{where}.excludes", warnings),
    )


def _action(name: Any, number: Any, word: Any, where: str, warnings: list[str]) -> Action:
    kind = _ACTIONS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise DecodeError(f"profile: {where} is none of libseccomp's actions: {str(name)[:60]!r}")
    if number is not None:
        number = _number(number, f"{where}: the errno", 0xFFFF)
    if word is not None and not isinstance(word, str):
        raise DecodeError(f"profile: {where}: the errno's name is no text")
    if kind is not ActionKind.ERRNO:
        return Action(kind)
    if word:  # containers/common: the name takes precedence over the number
        if (named := getattr(errno, word, None)) is None or not isinstance(named, int):
            if not word.isascii() or not word.isdigit() or len(word) > 5:
                raise DecodeError(f"profile: {where}: no such errno: {word[:60]!r}")
            named = int(word)
        number = named
    return Action(kind, errno.EPERM if number is None else min(number, 4095))


def _constraint(value: Any, where: str, warnings: list[str]) -> Constraint:
    found = _object(value, where)
    warnings += _unknown(found, _ARG, where)
    index = _number(found.get("index", 0), f"{where}.index", 5)
    first = _number(found.get("value", 0), f"{where}.value", ALL_BITS)
    second = _number(found.get("valueTwo", 0), f"{where}.valueTwo", ALL_BITS)
    name = found.get("op")
    if name == "SCMP_CMP_MASKED_EQ":
        return Constraint(index, first, Op.EQ, second & first)
    op = _OPS.get(name) if isinstance(name, str) else None
    if op is None:
        raise DecodeError(f"profile: {where}.op is none of libseccomp's comparisons: {str(name)[:60]!r}")
    return Constraint(index, ALL_BITS, op, first)


def _condition(value: Any, where: str, warnings: list[str]) -> Condition:
    if value is None:
        return Condition()
    found = _object(value, where)
    warnings += _unknown(found, _CONDITION, where)
    kernel = found.get("minKernel")
    if kernel is not None and not isinstance(kernel, str):
        raise DecodeError(f"profile: {where}.minKernel is no text")
    return Condition(
        _texts(found.get("caps"), f"{where}.caps"),
        _texts(found.get("arches"), f"{where}.arches"),
        release(kernel, f"{where}.minKernel") if kernel else None,
    )


def release(text: str, where: str = "kernel") -> tuple[int, int]:
    """`4.8`, `6.18.44-arch1` -> (4, 8), (6, 18). Raises DecodeError."""
    parts = text.split("-", 1)[0].split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts[:2]):
        raise DecodeError(f"profile: {where} is no release: {text[:60]!r}")
    return int(parts[0]), int(parts[1])


def _unknown(found: Mapping[str, Any], fields: frozenset[str], where: str) -> list[str]:
    return [f"{where}: the field {name[:60]!r} is not known" for name in found if name not in fields]


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DecodeError(f"profile: {where} is no object")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DecodeError(f"profile: {where} is no list")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    found = _list(value, where)
    if not all(isinstance(each, str) for each in found):
        raise DecodeError(f"profile: {where} has what is no text")
    return tuple(found)


def _number(value: Any, where: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise DecodeError(f"profile: {where} is no number from 0 to {most}: {str(value)[:60]!r}")
    return value


def allowed_names(text: str) -> frozenset[str]:
    """The calls that a profile lets through, at least with some arguments. Raises DecodeError."""
    return frozenset(
        name for rule in parse_profile(text).rules if rule.action.lets_through is not False for name in rule.names
    )


def profile_text(calls: Mapping[str, Outcomes], abis: tuple[Abi, ...]) -> str:
    """Write answers as a profile's JSON. `abis`: the entry points allowed at all; any other kills the process.

    The default is EPERM, so rules are only written for what passes or fails with another errno. Outcomes that no rule
    can express get the default too.
    """
    same: dict[Outcomes, list[str]] = {}
    for name in sorted(calls):
        same.setdefault(calls[name], []).append(name)
    rules: list[dict[str, Any]] = []
    for outcomes, names in sorted(same.items(), key=lambda each: each[1]):
        for outcome in outcomes:
            if outcome.action.kind is ActionKind.ERRNO and outcome.action.number == errno.EPERM:
                continue  # the default
            if not _can_be_written(outcome.constraints):
                continue
            rules.append(_written_rule(names, outcome))
    return pretty(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": errno.EPERM,
            "architectures": [_ARCHITECTURES[abi] for abi in abis],
            "syscalls": rules,
        }
    )


def pretty(profile: Any) -> str:
    """Indented JSON."""
    return json.dumps(profile, indent=2) + "\n"


def _can_be_written(constraints: Iterable[Constraint]) -> bool:
    """Whether a rule can express these. Not several conditions on one argument: runc and crun make each a rule of its
    own, any of which is enough (libseccomp allows one comparison per argument). Masked bits can only be compared for
    equality.
    """
    found = tuple(constraints)
    if len({each.arg for each in found}) < len(found):
        return False
    return all(each.op is Op.EQ or (each.mask == ALL_BITS and each.op in _OPERATORS) for each in found)


def _written_rule(names: list[str], outcome: Outcome) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": names, "action": "SCMP_ACT_ALLOW"}
    if outcome.action.kind is ActionKind.ERRNO:
        rule |= {"action": "SCMP_ACT_ERRNO", "errnoRet": outcome.action.number}
    if outcome.constraints:
        rule["args"] = [_written_argument(each) for each in outcome.constraints]
    return rule


def _written_argument(constraint: Constraint) -> dict[str, Any]:
    if constraint.mask == ALL_BITS:
        return {"index": constraint.arg, "value": constraint.value, "op": _OPERATORS[constraint.op]}
    # valueTwo is the expected value of the masked argument (seccomp_rule_add(3))
    return {"index": constraint.arg, "value": constraint.mask, "valueTwo": constraint.value, "op": "SCMP_CMP_MASKED_EQ"}


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


# Of Linux 6.8 and later, which libseccomp 2.5 does not know: runc and crun leave out what is said of such a name, and
# nothing tells which libseccomp they have. A rule that stops one may so be no rule at all
_TOO_NEW = frozenset(
    ("file_getattr", "file_setattr", "getxattrat", "listmount", "listxattrat", "lsm_get_self_attr", "lsm_list_modules",
     "lsm_set_self_attr", "mseal", "open_tree_attr", "removexattrat", "setxattrat", "statmount")
)  # fmt: skip


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
    """As `resolve`, for these calls only."""
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
        if rules and name in _TOO_NEW and profile.default.lets_through:
            outcomes = (Outcome(UNDECIDED),)
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
    further: list[frozenset[Action]] = [frozenset()]  # the answers of all rules from a place on
    for action, _ in reversed(parts):
        further.append(further[-1] if action in further[-1] else further[-1] | {action})
    further.reverse()
    # Split the argument space rule by rule. A rule matches where all its constraints hold; the rest is one region per
    # constraint that fails while those before it hold, so that regions never overlap.
    found: list[Outcome] = []
    regions: list[tuple[int, tuple[Constraint, ...], frozenset[Action]]] = [(0, (), frozenset())]
    while regions:
        place, region, actions = regions.pop()
        if place == len(parts) or (len(actions) == 1 and further[place] <= actions):
            action = default if not actions else next(iter(actions)) if len(actions) == 1 else UNDECIDED
            found.append(Outcome(action, region))
            continue
        action, constraints = parts[place]
        if len(found) > MOST_OUTCOMES or not work.affords((2 + len(region)) * (1 + len(constraints))):
            return without_conditions(Outcome(each) for each in (default, *(action for action, _ in parts)))
        before = region
        for each in constraints:
            if possible((*before, negated(each))):
                regions.append((place + 1, (*before, negated(each)), actions))
            before = (*before, each)
        if possible(before):
            regions.append((place + 1, before, actions | {action}))
    return tidied(found)


def _for(abi: Abi, each: Constraint) -> Constraint:
    """On a 32-bit entry point, and also on x32 (src/arch-x32.c of libseccomp), only the low half is compared."""
    if abi in (Abi.X86_64, Abi.AARCH64):
        return each
    return Constraint(each.arg, each.mask & LOW_BITS, each.op, each.value & LOW_BITS)
