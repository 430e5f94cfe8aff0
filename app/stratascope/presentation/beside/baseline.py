"""A JSON report from before, and what is new or worse since. Pure.

A finding is known again by its fingerprint; one of a report that has none by its text. A threat is new where it was
stopped before and no longer is, or was not known and is open now. Of a container that was not there all is new.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stratascope.core.container import Container
from stratascope.core.layer import Finding
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.depth import ThreatState
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.beside.fingerprints import ROOTLESS, fingerprints, identity, kinds_of
from stratascope.presentation.takeover import may_run
from stratascope.value import Value, replace

_BAD = {Outcome.STOPPED: 0, Outcome.UNKNOWN: 1, Outcome.OPEN: 2}
NEW, WORSE = "new", "worse"


class Before(Value):
    """One container as it was: findings by fingerprint or text with their severity, threats with their outcome."""

    exposure: float | None
    findings: dict[str, Severity]
    threats: dict[str, Outcome]


class BaselineError(Exception):
    """No report that can be compared with; `message` says what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.id)
        self.message = message


class Baseline:
    """The containers of a report before."""

    def __init__(self, containers: dict[tuple[str, str, str], Before]) -> None:
        self._containers = containers  # by machine, kind of engine, and name

    def of(self, container: Container, kind: str, machine: str = "") -> Before | None:
        """That container before; None where it was not there."""
        name = identity(container)
        return self._containers.get((machine, kind, name)) or self._containers.get(("", kind, name))

    def narrowed(self, snapshot: Snapshot, machine: str = "", *, every_threat: bool = False) -> Snapshot:
        """Only the containers that are new or worse, with only the findings and threats that are; or with every threat,
        where these are told as a whole.
        """
        return replace(snapshot, containers=tuple(self._narrowed(snapshot, machine, every_threat)))

    def _narrowed(self, snapshot: Snapshot, machine: str, every_threat: bool) -> Iterator[ContainerState]:
        kinds = kinds_of(snapshot.engines)
        for state in snapshot.containers:
            kind = kinds.get(state.container.engine, state.container.engine)
            before = self.of(state.container, kind, machine)
            if before is None:
                yield state
                continue
            marks = fingerprints(state.findings, kind, state.container)
            pairs = zip(state.findings, marks, strict=True)
            findings = tuple(each for each, mark in pairs if since(before, each, mark))
            matrix = state.matrix
            threats = () if matrix is None else tuple(each for each in matrix.threats if threat_since(before, each))
            rose = matrix is not None and (before.exposure is None or matrix.exposure.worst > before.exposure)
            blind = matrix is None and before.exposure is not None and may_run(state)
            if findings or threats or rose or blind:
                narrow = matrix if matrix is None or every_threat else replace(matrix, threats=threats)
                yield replace(state, findings=findings, matrix=narrow)

    def risen(self, snapshot: Snapshot, machine: str = "") -> tuple[ContainerState, ...]:
        """The containers whose exposure is higher than it was, or was not known, or that were not there."""
        kinds = kinds_of(snapshot.engines)
        found = []
        for state in snapshot.containers:
            kind = kinds.get(state.container.engine, state.container.engine)
            before = self.of(state.container, kind, machine)
            now = None if state.matrix is None else state.matrix.exposure.worst
            if now is not None and (before is None or before.exposure is None or now > before.exposure):
                found.append(state)
        return tuple(found)


def since(before: Before | None, finding: Finding, mark: str) -> str:
    """Whether a finding is new or worse; empty: it was there, no less severe."""
    if before is None:
        return NEW
    was = before.findings.get(mark) or before.findings.get(translate(finding.text))
    if was is None:
        return NEW
    return WORSE if finding.severity.rank < was.rank else ""


def threat_since(before: Before | None, state: ThreatState) -> str:
    """The same of a threat; one that is stopped is neither."""
    if state.outcome is Outcome.STOPPED:
        return ""
    if before is None:
        return NEW
    was = before.threats.get(state.threat.id, Outcome.STOPPED)
    return NEW if _BAD[state.outcome] > _BAD[was] else ""


def read(data: bytes, name: str) -> Baseline:
    """The JSON of `report --json`, or of `check`. Raises BaselineError."""
    try:
        document = json.loads(data)
        engines = {str(each["id"]): _kind(each) for each in document["engines"]}
        found: dict[tuple[str, str, str], Before] = {}
        for each in document["containers"]:
            kind = str(each.get("kind") or engines.get(each["engine"], each["engine"]))
            for machine in each.get("machines") or [each.get("machine", "")]:
                found[str(machine), kind, str(each.get("identity", each["name"]))] = _before(each)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = msg("{file} is not a JSON report: use a file written by `report --json` ({why}).", file=name,
                  why=f"{type(error).__name__}: {error}")  # fmt: skip
        raise BaselineError(why) from error
    return Baseline(found)


def _kind(engine: dict[str, Any]) -> str:
    kind = str(engine["kind"])
    return kind + ROOTLESS if engine.get("rootless") else kind


def _before(container: dict[str, Any]) -> Before:
    exposure = container["exposure"]
    if exposure is not None and not isinstance(exposure, int | float):
        raise TypeError("exposure")
    findings: dict[str, Severity] = {}
    for each in container["findings"]:
        findings[str(each.get("fingerprint") or each["text"])] = Severity(each["severity"])
    threats = {str(name): Outcome(each["outcome"]) for name, each in container["threats"].items()}
    return Before(exposure, findings, threats)
