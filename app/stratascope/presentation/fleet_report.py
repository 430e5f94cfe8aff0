"""Reports many machines as one: gathers them one by one, ranks what is worst, and writes the JSON.

Of each machine only what the report needs is kept. Containers that are alike (in names, images, findings and threats;
PIDs, ids and inodes don't count) are kept once. The JSON uses the field names of the report's contract, plus `machine`
and `machines` for each container, and lists only threats that are open or unknown.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from stratascope.core.layer import Verdict
from stratascope.core.message import Message, msg, plural
from stratascope.core.overview import fleet
from stratascope.core.overview.fleet import OpenThreat
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.catalogue import threats_by_id
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.annotations import Annotations, exception_words, kinds_of, words_of
from stratascope.presentation.json_report import SCHEMA
from stratascope.presentation.report_model import (
    Item,
    Machine,
    Report,
    Subject,
    accepted_text,
    engine_objects,
    item_object,
    machine_object,
    machine_of,
    notes,
    subject_of,
)
from stratascope.presentation.terminal import Style, clip, pad, width_of, wrap
from stratascope.presentation.terms import moment, timestamp
from stratascope.presentation.text_report import severe
from stratascope.value import replace

_MATRICES = 256  # matrices cached, so that like machines are processed once


class Gathered:
    """Collects machines: `add` each one, then call `report`."""

    def __init__(self, annotations: Annotations) -> None:
        self._annotations = annotations
        self._machines: list[Machine] = []
        self._subjects: dict[Hashable, tuple[Subject, list[str]]] = {}
        self._unused = None if annotations.acceptance is None else dict.fromkeys(annotations.acceptance.entries)
        self._open: dict[int, tuple[Matrix, Hashable]] = {}  # by id(); the object is kept so that its id is not reused

    def add(self, snapshot: Snapshot, name: str) -> None:
        """Add a machine; with an earlier report, only what is new or worse since."""
        self._machines.append(machine_of(snapshot, name))
        if self._unused and self._annotations.acceptance is not None:
            self._unused = dict.fromkeys(replace(self._annotations.acceptance, entries=tuple(self._unused))
                                         .unused(snapshot.containers))  # fmt: skip
        annotations = replace(self._annotations, machine=name)
        snapshot = annotations.narrowed(snapshot)
        kinds = kinds_of(snapshot.engines)
        for state in snapshot.containers:
            kind = kinds.get(state.container.engine, state.container.engine)
            key = self._key(state, kind)
            if annotations.acceptance is not None or annotations.baseline is not None:  # alike in these too
                subject = subject_of(state, kind, annotations)
                key = (key, tuple((each.standing, each.since) for each in subject.items))
                kept = self._subjects.setdefault(key, (subject, []))
            else:
                found = self._subjects.get(key)
                kept = found or self._subjects.setdefault(key, (subject_of(state, kind, annotations), []))
            kept[1].append(self._machines[-1].name)

    def report(self, version: str) -> Report:
        """The report on all machines added, most exposed containers first."""
        subjects = [replace(subject, machines=tuple(names)) for subject, names in self._subjects.values()]
        expired = sum(
            max(1, len(each.machines)) * sum(item.standing is not None and item.standing.expired for item in each.items)
            for each in subjects
        )
        machines = sorted(self._machines, key=lambda each: (-(each.exposure or 0.0), each.name))
        return Report(
            version,
            tuple(machines),
            tuple(sorted(subjects, key=lambda each: each.worst)),
            tuple(map(exception_words, self._unused or ())),
            expired,
            self._annotations.baseline is not None,
        )

    def _key(self, state: ContainerState, kind: str) -> Hashable:
        container, matrix = state.container, state.matrix
        return (
            container.engine,
            kind,
            container.name,
            container.image,
            container.status,
            tuple([layer.assessment.verdict for layer in state.layers]),
            tuple([(each.code, each.severity, words_of(each)) for each in state.findings]),
            None if matrix is None else self._of(matrix),
        )

    def _of(self, matrix: Matrix) -> Hashable:
        kept = self._open.get(id(matrix))
        if kept is None:
            found = tuple([(each.threat.id, each.outcome) for each in matrix.threats
                           if each.outcome is not Outcome.STOPPED])  # fmt: skip
            while len(self._open) >= _MATRICES:
                del self._open[next(iter(self._open))]
            kept = self._open[id(matrix)] = (matrix, (matrix.exposure, found))
        return kept[1]


def open_threats(report: Report) -> tuple[OpenThreat, ...]:
    """Sorted by severity, then by how often they are open."""
    known = threats_by_id()
    return fleet.open_threats(
        ([known[name] for name, outcome, _ in subject.threats if outcome == Outcome.OPEN], count_of(subject),
         subject.machines)
        for subject in report.subjects
    )  # fmt: skip


def count_of(subject: Subject) -> int:
    """How many containers it represents."""
    return max(1, len(subject.machines))


def head(report: Report) -> Message:
    """The numbers of containers, machines and kinds."""
    total = sum(machine.containers for machine in report.machines)
    return msg(
        "{containers} on {machines}, {kinds}",
        containers=plural("{count} container", "{count} containers", total),
        machines=plural("{count} machine", "{count} machines", len(report.machines)),
        kinds=plural("of {count} kind", "of {count} kinds", len(report.subjects)),
    )


def where(machines: Sequence[str], named: int = 3) -> Message:
    """A list of machines: a few by name, the others counted."""
    names = ", ".join(machines[:named])
    rest = len(machines) - named
    if rest <= 0:
        return msg("on {names}", names=names)
    return plural("on {names} and {count} more machine", "on {names} and {count} more machines", rest, names=names)


def open_in(found: OpenThreat) -> Message:
    """How often a threat is open."""
    return msg(
        "{title}: open in {containers} on {machines}",
        title=found.threat.title,
        containers=plural("{count} container", "{count} containers", found.containers),
        machines=plural("{count} machine", "{count} machines", found.machines),
    )


def pieces(report: Report) -> Iterator[str]:
    """The JSON document in pieces, one line per machine and container."""
    head = {"schema": SCHEMA, "taken_at": timestamp(report.taken_at), "fleet": True, "notes": notes(report)}
    yield json.dumps(head)[:-1]
    yield from _list("machines", [machine_object(each) for each in report.machines])
    engines = [{**engine, "machine": each.name} for each in report.machines for engine in engine_objects(each)]
    yield from _list("engines", engines)
    yield from _list("containers", [_container(each) for each in report.subjects])
    yield "}\n"


def _list(name: str, found: list[dict[str, Any]]) -> Iterator[str]:
    yield f', "{name}": [\n'
    last = len(found) - 1
    for place, each in enumerate(found):
        yield json.dumps(each) + (",\n" if place < last else "\n")
    yield "]"


def _container(subject: Subject) -> dict[str, Any]:
    return {
        "machine": subject.machines[0] if subject.machines else "",
        "machines": list(subject.machines),
        "engine": subject.engine,
        "kind": subject.kind,
        "name": subject.name,
        "image": subject.image,
        "status": subject.status,
        "exposure": subject.exposure,
        "exposure_at_best": subject.at_best,
        "exposure_verified": subject.verified,
        "layers": {layer: {"verdict": verdict} for layer, verdict in subject.verdicts},
        "threats": {name: {"outcome": outcome, "severity": severity} for name, outcome, severity in subject.threats},
        "findings": [item_object(item) for item in subject.items if not item.threat],
    }


MACHINES, SUBJECTS, THREATS = 30, 200, 20  # lines; the others are counted
_INDENT = " " * 8


def text_report(report: Report, style: Style) -> str:
    """The whole report."""
    return "\n".join(_lines(report, style)) + "\n"


def _lines(report: Report, style: Style) -> Iterator[str]:
    yield style.paint(
        translate(msg("Stratascope: {what}, read {when}", what=head(report), when=moment(report.taken_at))), "1"
    )
    threats = [each for each in open_threats(report) if each.threat.severity in SERIOUS]
    if threats:
        yield ""
        yield style.paint(translate(msg("Open threats")), "4")
        for each in threats[:THREATS]:
            yield from severe(each.threat.severity, translate(open_in(each)), style, _INDENT)
        yield from _rest(len(threats) - THREATS, style)
    yield ""
    yield style.paint(translate(msg("Machines")), "4")
    width = min(40, max((width_of(each.name) for each in report.machines), default=0))
    for machine in report.machines[:MACHINES]:
        yield _text_machine(machine, width, style)
    yield from _rest(len(report.machines) - MACHINES, style)
    yield ""
    yield style.paint(translate(msg("Containers")), "4")
    for subject in report.subjects[:SUBJECTS]:
        yield from _text_subject(subject, style)
    if not report.subjects:
        yield translate(msg("Nothing is new or worse.") if report.compared else msg("No containers."))
    yield from _rest(len(report.subjects) - SUBJECTS, style)
    said = notes(report)
    if said:
        yield ""
        for note in said:
            yield from wrap(note, "", style, "33")


def _rest(count: int, style: Style) -> Iterator[str]:
    if count > 0:
        yield style.paint("  " + translate(msg("and {count} more", count=count)), "2")


def _number(exposure: float | None) -> str:
    return "   -" if exposure is None else f"{exposure:4.1f}"


def _text_machine(machine: Machine, width: int, style: Style) -> str:
    count = translate(plural("{count} container", "{count} containers", machine.containers))
    name = clip(machine.name, width)
    return clip(f"  {_number(machine.exposure)}  {pad(name, width)}  {count}  Linux {machine.kernel}", style.width)


def _text_subject(subject: Subject, style: Style) -> Iterator[str]:
    drawn = "".join(style.bare_mark(Verdict(verdict)) for _, verdict in subject.verdicts)
    name = style.paint(clip(subject.name, 40), "1")
    yield f"  {_number(subject.exposure)}  {drawn}  {name}  {clip(subject.image, 40)}"
    yield from wrap(translate(where(subject.machines)), _INDENT, style, "2")
    counting = [item for item in subject.items if item.counts and item.severity in SERIOUS]
    threats = [item.title for item in counting if item.threat]
    for item in counting:
        if not item.threat:
            yield from severe(item.severity, item.text, style, _INDENT)
            if item.standing is not None:
                yield from wrap(accepted_text(item.standing), " " * 14, style, "2")
    if threats:
        yield from wrap(translate(msg("Open: {threats}", threats=listed(threats))), _INDENT, style)
    yield from _folded(subject.items, len(counting), style)


def _folded(items: tuple[Item, ...], shown: int, style: Style) -> Iterator[str]:
    accepted = sum(not item.counts for item in items)
    minor = len(items) - shown - accepted
    parts = []
    if minor:
        parts.append(translate(plural("{count} less serious finding", "{count} less serious findings", minor)))
    if accepted:
        parts.append(translate(plural("{count} finding is accepted", "{count} findings are accepted", accepted)))
    if parts:
        yield from wrap(listed(parts), _INDENT, style, "2")
