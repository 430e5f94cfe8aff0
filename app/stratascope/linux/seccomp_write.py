"""Answers to system calls as a profile's JSON, that Docker, Podman and Kubernetes read: what `seccomp_profile` reads.

What no rule names is refused with EPERM, so only what passes, or is refused with another errno, is written.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from typing import Any

from stratascope.linux.seccomp import ActionKind
from stratascope.linux.seccomp_answer import ALL_BITS, LOW_BITS, Constraint, Op, Outcome, Outcomes
from stratascope.linux.syscalls import Abi

_OPERATORS = {
    Op.EQ: "SCMP_CMP_EQ",
    Op.NE: "SCMP_CMP_NE",
    Op.LT: "SCMP_CMP_LT",
    Op.LE: "SCMP_CMP_LE",
    Op.GT: "SCMP_CMP_GT",
    Op.GE: "SCMP_CMP_GE",
}
_ARCHITECTURES = {
    Abi.X86_64: "SCMP_ARCH_X86_64",
    Abi.I386: "SCMP_ARCH_X86",
    Abi.X32: "SCMP_ARCH_X32",
    Abi.AARCH64: "SCMP_ARCH_AARCH64",
}


def profile_text(calls: Mapping[str, Outcomes], abis: tuple[Abi, ...]) -> str:
    """The JSON. `abis`: the entry points that may be used at all; by any other one a process is killed."""
    same: dict[Outcomes, list[str]] = {}
    for name in sorted(calls):
        same.setdefault(calls[name], []).append(name)
    rules: list[dict[str, Any]] = []
    for outcomes, names in sorted(same.items(), key=lambda each: each[1]):
        for outcome in outcomes:
            if outcome.action.kind is ActionKind.ERRNO and outcome.action.number == errno.EPERM:
                continue  # what no rule lets through is refused so
            rules.append(_rule(names, outcome))
    return pretty(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": errno.EPERM,
            "architectures": [_ARCHITECTURES[abi] for abi in abis],
            "syscalls": rules,
        }
    )


def pretty(profile: Any) -> str:
    """As a person would read it."""
    return json.dumps(profile, indent=2) + "\n"


def _rule(names: list[str], outcome: Outcome) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": names, "action": "SCMP_ACT_ALLOW"}
    if outcome.action.kind is ActionKind.ERRNO:
        rule |= {"action": "SCMP_ACT_ERRNO", "errnoRet": outcome.action.number}
    if outcome.constraints:
        rule["args"] = [_argument(each) for each in outcome.constraints]
    return rule


def _argument(constraint: Constraint) -> dict[str, Any]:
    if constraint.mask in (ALL_BITS, LOW_BITS):
        return {"index": constraint.arg, "value": constraint.value, "op": _OPERATORS[constraint.op]}
    # valueTwo is what must be left of the argument (seccomp_rule_add(3))
    return {"index": constraint.arg, "value": constraint.mask, "valueTwo": constraint.value, "op": "SCMP_CMP_MASKED_EQ"}
