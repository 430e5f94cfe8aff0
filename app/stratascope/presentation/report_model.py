"""A report in the form for other tools: containers with their findings and open serious threats, as plain text.

Containers that are alike on several machines occur once, with the machines' names. `results` is for tools that track
single results: each fingerprint once, worst first, up to a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from stratascope.core.accepted import Standing, in_force, threat_code
from stratascope.core.container import Status
from stratascope.core.message import colon, msg, plural
from stratascope.core.reach.row import Reached, ReachRow
from stratascope.core.sanitize import plain
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.snapshot import ContainerState, Snapshot, rank
from stratascope.core.threats.depth import ThreatState, exposure_verified
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.i18n.translate import translate
from stratascope.presentation.annotations import (
    ROOTLESS,
    Annotations,
    Before,
    accepted_words,
    exception_words,
    fingerprint,
    fingerprints,
    identity,
    kinds_of,
    since,
    standing_object,
    threat_since,
)
from stratascope.presentation.takeover import danger, may_run, unseen_engines
from stratascope.presentation.terms import timestamp
from stratascope.value import Value, replace

_NAME, _TEXT, _PATH = 200, 1000, 400  # characters
_AT = re.compile(r"(?P<file>.+):(?P<line>[1-9][0-9]{0,8})").fullmatch


class Item(Value):
    """One finding or open serious threat of one container. `file`, `line`: what asks for it, for a checked text.

    `since`: "new" or "worse", compared with an earlier report; empty without one.
    """

    code: str  # the rule: a finding's code, or `threat.ID`
    layer: str
    severity: Severity
    title: str
    text: str
    advice: str
    source: str
    refs: tuple[str, ...]
    fingerprint: str
    threat: bool = False
    file: str = ""
    line: int = 0
    standing: Standing | None = None
    since: str = ""

    @property
    def counts(self) -> bool:
        """Whether nobody accepts it today."""
        return not in_force(self.standing)

    @property
    def severe(self) -> tuple[bool, int, str]:
        """Sort key: worst first, accepted ones last."""
        return not self.counts, self.severity.rank, self.code


class Subject(Value):
    """One container, or those that are alike on several machines."""

    machines: tuple[str, ...]  # empty: this machine
    engine: str
    kind: str
    name: str
    image: str
    status: str
    known: bool  # False: it runs or may run, and could not be read
    exposure: float | None
    at_best: float | None
    verified: float | None
    verdicts: tuple[tuple[str, str], ...]
    threats: tuple[tuple[str, str, str], ...]  # id, outcome and severity of all that is not stopped
    items: tuple[Item, ...]

    @property
    def worst(self) -> tuple[bool, float, str]:
        """Sort key: most exposed first, those without an exposure last."""
        return self.exposure is None, -(self.exposure or 0.0), self.name


class Machine(Value):
    """One machine of a report; `name` empty: this one."""

    name: str
    kernel: str
    taken_at: float
    engines: tuple[tuple[str, str, str], ...]  # id, kind, state
    containers: int
    exposure: float | None  # that of its worst container
    unseen: tuple[str, ...] = ()  # engines whose containers could not be read


class Report(Value):
    """A whole report. `subjects`: the most exposed first."""

    version: str
    machines: tuple[Machine, ...]
    subjects: tuple[Subject, ...]
    unused: tuple[str, ...] = ()  # exceptions that match nothing, in words
    expired: int = 0
    compared: bool = False  # only what is new or worse than in an earlier report

    @property
    def fleet(self) -> bool:
        return len(self.machines) > 1

    @property
    def taken_at(self) -> float:
        """When the latest machine was read, in seconds since the epoch."""
        return max((machine.taken_at for machine in self.machines), default=0.0)


def report_of(snapshot: Snapshot, version: str, annotations: Annotations | None = None) -> Report:
    """The report of a snapshot."""
    annotations = annotations or Annotations()
    acceptance, machine = annotations.acceptance, annotations.machine
    subjects = sorted(subjects_of(snapshot, annotations), key=lambda each: each.worst)
    expired = sum(item.standing is not None and item.standing.expired for each in subjects for item in each.items)
    unused = (
        ()
        if acceptance is None
        else tuple(plain(exception_words(each), _NAME) for each in acceptance.unused(snapshot.containers))
    )
    return Report(version, (machine_of(snapshot, machine),), tuple(subjects), unused, expired,
                annotations.baseline is not None)  # fmt: skip


def counting(subjects: Iterable[Subject], severity: Severity) -> tuple[tuple[str, int], ...]:
    """Names of subjects with unaccepted findings or threats of at least that severity, and their numbers."""
    found = (
        (each.name, sum(item.counts and item.severity.rank <= severity.rank for item in each.items))
        for each in subjects
    )
    return tuple((name, count) for name, count in found if count)


def machine_of(snapshot: Snapshot, name: str) -> Machine:
    """A snapshot's machine in a line."""
    worst, kinds = min(snapshot.containers, key=rank, default=None), kinds_of(snapshot.engines)
    exposure = None if worst is None or worst.matrix is None else worst.matrix.exposure.worst
    engines = tuple((plain(each.id, _NAME), kinds[each.id], each.state.value) for each in snapshot.engines)
    unseen = tuple(plain(each, _NAME) for each in unseen_engines(snapshot))
    return Machine(plain(name, _NAME), plain(" ".join(snapshot.kernels), _NAME), snapshot.taken_at, engines,
                   len(snapshot.containers), exposure, unseen)  # fmt: skip


def subjects_of(snapshot: Snapshot, annotations: Annotations) -> Iterator[Subject]:
    """Each container of a snapshot."""
    kinds = kinds_of(snapshot.engines)
    for state in snapshot.containers:
        yield subject_of(state, kinds.get(state.container.engine, state.container.engine), annotations)


def subject_of(state: ContainerState, kind: str, annotations: Annotations) -> Subject:
    """One container of an engine of that kind."""
    container, matrix, machine, acceptance = state.container, state.matrix, annotations.machine, annotations.acceptance
    before = annotations.before(container, kind)
    compared = annotations.baseline is not None
    items = [*_findings(state, kind, before, compared), *_threats(state, kind, before, compared)]
    if container.status is Status.PREDICTED:
        items = _placed(items)
    if acceptance is not None:
        items = [replace(each, standing=acceptance.of(each.code, container)) for each in items]
    items.sort(key=lambda each: each.severe)
    return Subject(
        machines=(plain(machine, _NAME),) if machine else (),
        engine=plain(container.engine, _NAME),
        kind=kind,
        name=plain(container.name, _NAME),
        image=plain(container.image, _NAME),
        status=container.status.value,
        known=matrix is not None or not may_run(state),
        exposure=None if matrix is None else matrix.exposure.worst,
        at_best=None if matrix is None else matrix.exposure.best,
        verified=None if matrix is None else exposure_verified(matrix),
        verdicts=tuple((layer.id, layer.assessment.verdict.value) for layer in state.layers),
        threats=() if matrix is None else tuple(
            (each.threat.id, each.outcome.value, each.threat.severity.value)
            for each in matrix.threats if each.outcome is not Outcome.STOPPED
        ),
        items=tuple(items),
    )  # fmt: skip


def _findings(state: ContainerState, kind: str, before: Before | None, compared: bool) -> Iterator[Item]:
    marks = fingerprints(state.findings, kind, state.container)
    for finding, mark in zip(state.findings, marks, strict=True):
        file, line = _place(finding.source) if state.container.status is Status.PREDICTED else ("", 0)
        yield Item(
            code=finding.code,
            layer=finding.layer,
            severity=finding.severity,
            title=finding.code,
            text=plain(translate(finding.text), _TEXT),
            advice=plain(translate(finding.advice), _TEXT),
            source=plain(finding.source, _PATH),
            refs=finding.refs,
            fingerprint=mark,
            file=file,
            line=line,
            since=since(before, finding, mark) if compared else "",
        )


def _placed(items: list[Item]) -> list[Item]:
    """Give each item a file: a threat without a line of its own is placed at the file's first line."""
    file = next((each.file for each in items if each.file), "")
    return [each if each.file or not file else replace(each, file=file, line=1) for each in items]


def _place(source: str) -> tuple[str, int]:
    found = _AT(source)
    return (found["file"], int(found["line"])) if found else ("", 0)


def _threats(of: ContainerState, kind: str, before: Before | None, compared: bool) -> Iterator[Item]:
    if of.matrix is None:
        return
    for state in of.matrix.threats:
        if state.outcome is Outcome.OPEN and state.threat.severity in SERIOUS:
            mark = fingerprint(kind, identity(of.container), threat_code(state.threat.id))
            item = _threat(state, mark, of)
            yield replace(item, since=threat_since(before, state)) if compared else item


def _threat(state: ThreatState, mark: str, of: ContainerState) -> Item:
    threat, predicted = state.threat, of.container.status is Status.PREDICTED
    through = [each.ruling.source for each in state.weakest.rulings if each.ruling.stance is Stance.LETS_THROUGH]
    places = [place for source in through if predicted and (place := _place(source))[0]]
    file, line = places[0] if places else ("", 0)
    return Item(
        code=threat_code(threat.id),
        layer=threat.first,
        severity=threat.severity,
        title=translate(threat.title),
        text=plain(translate(colon(threat.title, danger(state, of))), _TEXT),
        advice=plain(translate(threat.advice), _TEXT),
        source="",
        refs=threat.refs,
        fingerprint=mark,
        threat=True,
        file=file,
        line=line,
    )


def accepted_text(standing: Standing) -> str:
    """Who accepts it, until when and why; or that this has ended."""
    return plain(translate(accepted_words(standing)), _TEXT)


_NAMED = 3  # machines listed by name; the others are counted


def of_reach(found: Reached, name: str, kind: str, engine: str, version: str, taken_at: float) -> Report:
    """What a container or sandbox gets at, as a report of it alone: an item a row that is open. `kind`: of its engine,
    or what it is.
    """
    items = tuple(_reach_item(row, name, kind) for row in found.open)
    of_one = Subject((), engine, kind, plain(name, _NAME), "", "running", True, None, None, None, (), (), items)
    return Report(version, (Machine("", "", taken_at, (), 1, None),), (of_one,))


def _reach_item(row: ReachRow, name: str, kind: str) -> Item:
    thing, code = row.thing, f"reach.{row.thing.id}"
    advice = "" if row.remedy is None else plain(translate(msg("To close it: {what}", what=row.remedy.text)), _TEXT)
    can = plain(translate(thing.can), _TEXT)
    text = f"{can} {plain(row.where, _PATH)}".strip()
    marked = fingerprint(kind, name, code)
    return Item(code, thing.group.value, thing.severity, can, text, advice, row.source, (), marked)


class Result(Value):
    """One item of a container, or of the containers with that name on several machines."""

    item: Item
    subject: Subject
    machines: tuple[str, ...]

    @property
    def severe(self) -> tuple[bool, int, tuple[bool, float, str], str]:
        """Sort key: worst first, accepted ones last."""
        accepted, rank, code = self.item.severe
        return accepted, rank, self.subject.worst, code

    @property
    def message(self) -> str:
        """The text, the container, the advice and who accepts it; links in untrusted text are defused."""
        item, where = self.item, self.subject.name
        if self.machines:
            where = f"{where} ({_machines(self.machines)})"
        parts = [f"{where}: {item.text}", item.advice]
        if item.standing is not None:
            parts.append(accepted_text(item.standing))
        return unlinked(" ".join(part for part in parts if part))

    @property
    def location(self) -> str:
        """The file that asks for it, as a URI reference (RFC 3986); else a pseudo path for the container."""
        if self.item.file:
            path = quote(self.item.file, errors="surrogateescape")
            return f"file://{path}" if path.startswith("/") else path
        return "/".join(quote(part, safe="") for part in ("containers", self.subject.engine, self.subject.name))

    @property
    def path(self) -> str:
        """The location as a plain path."""
        return plain(self.item.file) or f"containers/{self.subject.engine}/{self.subject.name}"


def results(report: Report, most: int) -> tuple[list[Result], int]:
    """At most `most` results, and the number of less serious ones left out."""
    found: dict[str, Result] = {}
    for subject in report.subjects:
        for item in subject.items:
            kept = found.get(item.fingerprint)
            new = Result(item, subject, subject.machines)
            if kept is not None:
                both = tuple(dict.fromkeys((*kept.machines, *new.machines)))
                new = replace(min(kept, new, key=lambda each: each.severe), machines=both)
            found[item.fingerprint] = new
    ordered = sorted(found.values(), key=lambda each: each.severe)
    return ordered[:most], max(0, len(ordered) - most)


def left_out(count: int, most: int) -> str:
    """A sentence about the results left out."""
    return translate(plural("The {most} worst results are listed; {count} less serious one is left out.",
                            "The {most} worst results are listed; {count} less serious ones are left out.",
                            count, most=most))  # fmt: skip


def unlinked(text: str) -> str:
    """Break what Markdown and SARIF would read as a link or a picture."""
    return text.replace("](", "] (")


def ranked(severity: Severity, words: tuple[str, str, str, str]) -> str:
    """A tool's word for a severity. `words`: for critical, high, medium and low."""
    return words[severity.rank]


def _machines(names: tuple[str, ...]) -> str:
    named = ", ".join(names[:_NAMED])
    rest = len(names) - _NAMED
    if rest <= 0:
        return named
    return translate(plural("{names} and {count} more machine", "{names} and {count} more machines", rest,
                            names=named))  # fmt: skip


def notes(report: Report) -> list[str]:
    """Limits of the results: what was not read, and exceptions that match nothing."""
    found = []
    for machine in report.machines:
        if machine.unseen:
            engines = ", ".join(machine.unseen)
            text = msg("{machine}: {engines} not seen", machine=machine.name, engines=engines)
            found.append(translate(text if machine.name else msg("{engines} not seen", engines=engines)))
    for subject in report.subjects:
        if not subject.known:
            found.append(translate(msg("Nothing is known about {name}, which is running.", name=subject.name)))
    found += [
        translate(msg("The exception {which} matches nothing that was found.", which=each)) for each in report.unused
    ]
    return found


def engine_objects(machine: Machine) -> list[dict[str, Any]]:
    """The engines of a machine, for JSON."""
    return [
        {"id": name, "kind": kind.removesuffix(ROOTLESS), "rootless": kind.endswith(ROOTLESS), "state": state}
        for name, kind, state in machine.engines
    ]


def machine_object(machine: Machine) -> dict[str, Any]:
    """A machine, for JSON."""
    return {
        "machine": machine.name,
        "taken_at": timestamp(machine.taken_at),
        "kernel": machine.kernel,
        "engines": engine_objects(machine),
        "containers": machine.containers,
        "exposure": machine.exposure,
        "unseen": list(machine.unseen),
    }


def item_object(item: Item) -> dict[str, Any]:
    """A finding or an open threat, for JSON."""
    found: dict[str, Any] = {
        "code": item.code,
        "layer": item.layer,
        "severity": item.severity.value,
        "text": item.text,
        "advice": item.advice,
        "source": item.source,
        "refs": list(item.refs),
        "fingerprint": item.fingerprint,
    }
    if item.file:
        found |= {"file": item.file, "line": item.line}
    if item.since:
        found["since"] = item.since
    if item.standing is not None:
        found |= standing_object(item.standing)
    return found
