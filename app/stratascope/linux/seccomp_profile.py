"""seccomp profiles as JSON: Docker's and Podman's format, and `linux.seccomp` of an OCI config.json. Read and written.

Docker's has conditions on capabilities, kernel and machine; the OCI form has them resolved already. The same code reads
both. Anything malformed is a DecodeError; an unknown field, call or machine is only a warning, since engines ignore
those as well. `seccomp_resolve` resolves a profile.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Mapping
from typing import Any

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import Action, ActionKind
from stratascope.linux.seccomp_answer import ALL_BITS, LOW_BITS, Constraint, Op, Outcome, Outcomes
from stratascope.linux.syscalls import Abi
from stratascope.value import Value

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
    if constraint.mask in (ALL_BITS, LOW_BITS):
        return {"index": constraint.arg, "value": constraint.value, "op": _OPERATORS[constraint.op]}
    # valueTwo is the expected value of the masked argument (seccomp_rule_add(3))
    return {"index": constraint.arg, "value": constraint.mask, "valueTwo": constraint.value, "op": "SCMP_CMP_MASKED_EQ"}
