"""What JSON says of findings beside themselves: fingerprint, whether it is new, who accepts it. Pure."""

from __future__ import annotations

from typing import Any

from stratascope.core.accepted.accepted import Acceptance, Accepted, Standing
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation.beside.baseline import Baseline, since
from stratascope.presentation.beside.fingerprints import fingerprints, identity
from stratascope.value import Value

Extras = list[dict[str, Any]]


class Beside(Value):
    """Who accepts findings, a report before, and the name of the machine; each only where there is one."""

    acceptance: Acceptance | None = None
    baseline: Baseline | None = None
    machine: str = ""


def exceptions_object(snapshot: Snapshot, acceptance: Acceptance | None) -> dict[str, Any]:
    """What the exceptions come to, where there are any."""
    if acceptance is None:
        return {}
    standings = [acceptance.of(each.code, state.container) for state in snapshot.containers for each in state.findings]
    found = [each.expired for each in standings if each is not None]
    unused = [entry_object(each) for each in acceptance.unused(snapshot.containers)]
    return {"exceptions": {"accepted": found.count(False), "expired": found.count(True), "unused": unused}}


def container_extras(state: ContainerState, kind: str, beside: Beside) -> dict[str, Any]:
    """Its machine, by what it is known again where that is not its name, and what it was before."""
    found: dict[str, Any] = {}
    if beside.machine:
        found["machine"] = beside.machine
    if (known_as := identity(state.container)) != state.container.name:
        found["identity"] = known_as
    if beside.baseline is not None:
        before = beside.baseline.of(state.container, kind, beside.machine)
        found["before"] = None if before is None else {"exposure": before.exposure}
    return found


def finding_extras(state: ContainerState, kind: str, beside: Beside) -> Extras:
    """Of each finding its fingerprint, whether it is new, and who accepts it."""
    found: Extras = []
    before = None if beside.baseline is None else beside.baseline.of(state.container, kind, beside.machine)
    for finding, mark in zip(state.findings, fingerprints(state.findings, kind, state.container), strict=True):
        told: dict[str, Any] = {"fingerprint": mark}
        if beside.baseline is not None:
            told["since"] = since(before, finding, mark)
        standing = None if beside.acceptance is None else beside.acceptance.of(finding.code, state.container)
        if standing is not None:
            told |= standing_object(standing)
        found.append(told)
    return found


def standing_object(standing: Standing) -> dict[str, Any]:
    """Who accepts it, or did until the exception expired."""
    entry = standing.entry
    told = {"reason": entry.reason, "owner": entry.owner, "until": entry.until.isoformat()}
    return {"expired" if standing.expired else "accepted": told}


def entry_object(entry: Accepted) -> dict[str, Any]:
    """An exception as it stands in its file."""
    names = ("finding", "container", "engine", "image", "group", "reason", "owner")
    return {**{name: getattr(entry, name) for name in names}, "until": entry.until.isoformat(), "line": entry.line}
