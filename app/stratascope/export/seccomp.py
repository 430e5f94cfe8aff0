"""The seccomp profile as a file that Docker, Podman and Kubernetes take.

A custom profile as it is; the engine's default from its own file where it has one. Docker's has none, so it is written
from the filter that was measured (linux/seccomp_docker.py), for the capabilities that are wanted.
"""

from __future__ import annotations

import json
from typing import Any

from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.message import msg
from stratascope.core.relaunch.run_options import RunOptions
from stratascope.export.shared import ExportError
from stratascope.linux.seccomp import ActionKind
from stratascope.linux.seccomp_answer import ALL_BITS, LOW_BITS, Constraint, Op, Outcome, Outcomes
from stratascope.linux.seccomp_docker import docker_default
from stratascope.linux.syscalls import Abi

_OPEN = {"defaultAction": "SCMP_ACT_ALLOW"}
_OPERATORS = {
    Op.EQ: "SCMP_CMP_EQ",
    Op.NE: "SCMP_CMP_NE",
    Op.LT: "SCMP_CMP_LT",
    Op.LE: "SCMP_CMP_LE",
    Op.GT: "SCMP_CMP_GT",
    Op.GE: "SCMP_CMP_GE",
}
_ARCHITECTURES = {
    Abi.X86_64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    Abi.AARCH64: ["SCMP_ARCH_AARCH64"],
}
_ENTRIES = {Abi.X86_64: (Abi.X86_64, Abi.I386), Abi.AARCH64: (Abi.AARCH64,)}
_EPERM = 1


def render(options: RunOptions, text: str, abi: Abi = Abi.X86_64) -> str:
    """The JSON. `text` is that of the profile's file, where the caller read one. Raises ExportError."""
    given = options.seccomp if options.seccomp.lstrip().startswith("{") else text
    kind = options.asked.seccomp
    if kind is ProfileKind.UNCONFINED or (options.privileged and kind is not ProfileKind.CUSTOM):
        return _pretty(_OPEN)
    if given:
        try:
            value = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise ExportError(msg("The seccomp profile is no JSON: {words}", words=str(error))) from error
        if not isinstance(value, dict):
            raise ExportError(msg("The seccomp profile is no JSON object."))
        return _pretty(value)
    if kind is ProfileKind.CUSTOM:
        raise ExportError(msg("The seccomp profile {path} can't be read.", path=options.seccomp))
    if options.kind is not EngineKind.DOCKER:
        raise ExportError(msg("The engine's default seccomp profile can't be read."))
    if options.asked.capabilities is None:
        raise ExportError(msg("The engine does not say which capabilities it gives, and its profile depends on them."))
    return _pretty(_docker(frozenset(options.asked.capabilities), abi))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _docker(held: frozenset[str], abi: Abi) -> dict[str, Any]:
    """The measured filter as rules: calls of the same answer together."""
    # The older entry points have names that the first lacks; rules hold for all of them
    calls = {name: each for other in reversed(_ENTRIES[abi]) for name, each in docker_default(held, other).calls}
    same: dict[Outcomes, list[str]] = {}
    for name in sorted(calls):
        same.setdefault(calls[name], []).append(name)
    rules: list[dict[str, Any]] = []
    for outcomes, names in sorted(same.items(), key=lambda each: each[1]):
        for outcome in outcomes:
            if outcome.action.kind is ActionKind.ERRNO and outcome.action.number == _EPERM:
                continue  # what no rule lets through is refused so
            rules.append(_rule(names, outcome))
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": _ARCHITECTURES[abi],
        "syscalls": rules,
    }


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
