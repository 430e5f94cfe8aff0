"""Annotates a report's findings: fingerprints, what is new since an earlier report, and who accepts them. Pure.

A fingerprint identifies a result by the engine's kind, the container's name and the rule, never by PIDs, ids, inodes or
times, so that it stays the same after a restart or on another day. A finding of an earlier report without fingerprints
is matched by its text. A threat is new if it was stopped and no longer is, or was unknown and is open now. Everything
about a container that was not in the earlier report is new.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from stratascope.core.accepted import Acceptance, Accepted, Standing, in_force
from stratascope.core.container import Container, Engine, EngineKind
from stratascope.core.layer import Finding
from stratascope.core.message import Message, MessageError, colon, msg, plural
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.depth import ThreatState
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import may_run
from stratascope.value import Value, replace

ROOTLESS = "-rootless"
SANDBOX = "sandbox"
_SERVICE = "com.docker.swarm.service.name"
_PROC = re.compile(r"^/proc/[0-9]+")


def kinds_of(engines: Iterable[Engine]) -> dict[str, str]:
    """The kind of each engine by its id. Rootless is a kind of its own: both may have a container of the same name.
    What stands for the engine of sandboxes is none of a snapshot's.
    """
    found = {each.id: each.kind.value + ROOTLESS if each.rootless else each.kind.value for each in engines}
    return {EngineKind.SANDBOXES.value: SANDBOX, **found}


def identity(container: Container) -> str:
    """What identifies a container across restarts: its name. A Swarm task's name contains a new id each time, so it is
    identified by its service and its number.
    """
    service = dict(container.labels).get(_SERVICE, "")
    if service and container.name.startswith(f"{service}."):
        return ".".join(container.name.split(".")[:-1]) or container.name
    return container.name


def fingerprint(kind: str, name: str, code: str, words: str = "") -> str:
    """The fingerprint of a result: 32 hexadecimal digits."""
    import hashlib  # the text report does not need it

    return hashlib.sha256(json.dumps([kind, name, code, words]).encode()).hexdigest()[:32]


def fingerprints(findings: Iterable[Finding], kind: str, container: Container) -> list[str]:
    """The fingerprint of each finding of a container; paths in the text distinguish several of one rule."""
    found: list[str] = []
    name = identity(container)
    for finding in findings:
        words, number = words_of(finding), 1
        mark = fingerprint(kind, name, finding.code, words)
        while mark in found:
            number += 1
            mark = fingerprint(kind, name, finding.code, f"{words}\n{number}")
        found.append(mark)
    return found


def words_of(finding: Finding) -> str:
    """The paths in a finding, which distinguish it from others of the same rule."""
    return "\n".join(_paths(finding.text))


def _paths(text: Message) -> Iterator[str]:
    """The paths in a message; those of a process without its PID."""
    for _, value in text.args:
        if isinstance(value, Message):
            yield from _paths(value)
        elif isinstance(value, str) and value.startswith("/"):
            yield _PROC.sub("/proc/PID", value)


_BAD = {Outcome.STOPPED: 0, Outcome.UNKNOWN: 1, Outcome.OPEN: 2}
NEW, WORSE = "new", "worse"


class Before(Value):
    """One container in the earlier report: severities of findings by fingerprint or text, and outcomes of threats."""

    exposure: float | None
    findings: dict[str, Severity]
    threats: dict[str, Outcome]


class BaselineError(MessageError):
    """The file is no report to compare with; `message` says what to do."""


class Baseline:
    """The containers of an earlier report."""

    def __init__(self, containers: dict[tuple[str, str, str], Before]) -> None:
        self._containers = containers  # by machine, kind of engine, and name

    def of(self, container: Container, kind: str, machine: str = "") -> Before | None:
        """That container in the earlier report; None if it was not there."""
        name = identity(container)
        return self._containers.get((machine, kind, name)) or self._containers.get(("", kind, name))

    def narrowed(self, snapshot: Snapshot, machine: str = "", *, every_threat: bool = False) -> Snapshot:
        """The containers that are new or worse, with only their new or worse findings and threats. `every_threat`: keep
        all threats, for formats that show them as a whole.
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
        """Containers that are more exposed than in the earlier report, had no known exposure, or were not in it."""
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
    """NEW or worse, or "" if the earlier report had the finding with at least the same severity."""
    if before is None:
        return NEW
    was = before.findings.get(mark) or before.findings.get(translate(finding.text))
    if was is None:
        return NEW
    return WORSE if finding.severity.rank < was.rank else ""


def threat_since(before: Before | None, state: ThreatState) -> str:
    """NEW, or "" if the threat is stopped or not new."""
    if state.outcome is Outcome.STOPPED:
        return ""
    if before is None:
        return NEW
    was = before.threats.get(state.threat.id, Outcome.STOPPED)
    return NEW if _BAD[state.outcome] > _BAD[was] else ""


def read_baseline(data: bytes, name: str) -> Baseline:
    """Parse the JSON of `report --json`, or of `check`. Raises BaselineError."""
    try:
        document = json.loads(data)
        engines = {str(each["id"]): _kind(each) for each in document["engines"]}
        found: dict[tuple[str, str, str], Before] = {}
        for each in document["containers"]:
            kind = _kind_of(each, engines)
            for machine in each.get("machines") or [each.get("machine", "")]:
                found[str(machine), kind, str(each.get("identity", each["name"]))] = _before(each)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = msg("{file} is not a JSON report: use a file written by `report --json` ({why}).", file=name,
                  why=f"{type(error).__name__}: {error}")  # fmt: skip
        raise BaselineError(why) from error
    return Baseline(found)


def _kind_of(container: dict[str, Any], engines: dict[str, str]) -> str:
    """As `kinds_of` has it. A container of several machines has its engine's kind itself; a sandbox has no engine."""
    engine = container["engine"]
    return SANDBOX if engine is None else str(engines.get(engine) or container.get("kind") or engine)


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


Extras = list[dict[str, Any]]


class Annotations(Value):
    """Exceptions, the earlier report and the machine's name, each if given."""

    acceptance: Acceptance | None = None
    baseline: Baseline | None = None
    machine: str = ""

    def before(self, container: Container, kind: str) -> Before | None:
        """That container in the earlier report; None if it is not in it, or there is no report."""
        return None if self.baseline is None else self.baseline.of(container, kind, self.machine)

    def narrowed(self, snapshot: Snapshot, *, every_threat: bool = False) -> Snapshot:
        """Only what is new or worse, if there is an earlier report."""
        if self.baseline is None:
            return snapshot
        return self.baseline.narrowed(snapshot, self.machine, every_threat=every_threat)

    def risen(self, snapshot: Snapshot) -> tuple[ContainerState, ...]:
        """The containers that are more exposed than in the earlier report; without one, all."""
        return snapshot.containers if self.baseline is None else self.baseline.risen(snapshot, self.machine)


def exceptions_object(snapshot: Snapshot, acceptance: Acceptance | None) -> dict[str, Any]:
    """The effect of the exceptions, for JSON; empty without any."""
    if acceptance is None:
        return {}
    standings = [acceptance.of(each.code, state.container) for state in snapshot.containers for each in state.findings]
    found = [each.expired for each in standings if each is not None]
    unused = [entry_object(each) for each in acceptance.unused(snapshot.containers)]
    return {"exceptions": {"accepted": found.count(False), "expired": found.count(True), "unused": unused}}


def container_extras(state: ContainerState, kind: str, annotations: Annotations) -> dict[str, Any]:
    """A container's further JSON fields: machine, identity if that is not its name, and earlier exposure."""
    found: dict[str, Any] = {}
    if annotations.machine:
        found["machine"] = annotations.machine
    if (known_as := identity(state.container)) != state.container.name:
        found["identity"] = known_as
    if annotations.baseline is not None:
        before = annotations.before(state.container, kind)
        found["before"] = None if before is None else {"exposure": before.exposure}
    return found


def finding_extras(state: ContainerState, kind: str, annotations: Annotations) -> Extras:
    """Each finding's further JSON fields: its fingerprint, whether it is new, and who accepts it."""
    found: Extras = []
    before = annotations.before(state.container, kind)
    for finding, mark in zip(state.findings, fingerprints(state.findings, kind, state.container), strict=True):
        told: dict[str, Any] = {"fingerprint": mark}
        if annotations.baseline is not None:
            told["since"] = since(before, finding, mark)
        standing = None if annotations.acceptance is None else annotations.acceptance.of(finding.code, state.container)
        if standing is not None:
            told |= standing_object(standing)
        found.append(told)
    return found


def standing_object(standing: Standing) -> dict[str, Any]:
    """Who accepts it, or accepted it until the exception expired."""
    entry = standing.entry
    told = {"reason": entry.reason, "owner": entry.owner, "until": entry.until.isoformat()}
    return {"expired" if standing.expired else "accepted": told}


def entry_object(entry: Accepted) -> dict[str, Any]:
    """An exception as in its file."""
    names = ("finding", "container", "engine", "image", "group", "reason", "owner")
    return {**{name: getattr(entry, name) for name in names}, "until": entry.until.isoformat(), "line": entry.line}


def without_accepted(snapshot: Snapshot, acceptance: Acceptance | None) -> Snapshot:
    """The snapshot without findings that are accepted today."""
    if acceptance is None:
        return snapshot
    return replace(snapshot, containers=tuple(_without(state, acceptance) for state in snapshot.containers))


def _without(state: ContainerState, acceptance: Acceptance) -> ContainerState:
    kept = tuple(each for each in state.findings if not in_force(acceptance.of(each.code, state.container)))
    return state if len(kept) == len(state.findings) else replace(state, findings=kept)


def accepted_lines(snapshot: Snapshot, acceptance: Acceptance | None) -> Iterator[Message]:
    """Headings and lines for what is accepted, what has expired, and exceptions that match nothing."""
    if acceptance is None:
        return
    found: dict[bool, list[Message]] = {False: [], True: []}
    for state in snapshot.containers:
        for finding in state.findings:
            standing = acceptance.of(finding.code, state.container)
            if standing is not None:
                where = msg("{code} of {name}", code=finding.code, name=state.container.name)
                line = colon(where, accepted_words(standing))
                found[standing.expired].append(line)
    accepted, expired = found[False], found[True]
    if accepted:
        yield plural("{count} finding is accepted", "{count} findings are accepted", len(accepted))
        yield from accepted
    if expired:
        yield plural("{count} finding counts again, because its exception has expired",
                     "{count} findings count again, because their exceptions have expired", len(expired))  # fmt: skip
        yield from expired
    for entry in acceptance.unused(snapshot.containers):
        yield msg("The exception {which} matches nothing that was found.", which=exception_words(entry))


def accepted_words(standing: Standing) -> Message:
    """Who accepts it, until when and why; or that this has ended."""
    entry = standing.entry
    until = entry.until.isoformat()
    if standing.expired:
        return msg("Accepted by {owner} until {day}, which has passed, so it counts again: {reason}", owner=entry.owner,
                   day=until, reason=entry.reason)  # fmt: skip
    return msg("Accepted by {owner} until {day}: {reason}", owner=entry.owner, day=until, reason=entry.reason)


def exception_words(entry: Accepted) -> str:
    """An exception by what it is for: "seccomp.off (web, docker)"."""
    where = ", ".join(value for value in (entry.container, entry.engine, entry.image, entry.group) if value != "*")
    return f"{entry.finding} ({where or '*'})"
