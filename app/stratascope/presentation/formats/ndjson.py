"""One JSON object a line, each whole by itself, for what ships logs (Fluent Bit, Wazuh, the OpenTelemetry collector).

`type`: machine, container, finding or note. Text is made harmless: not every reader takes a lone surrogate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stratascope.presentation.annotations import ROOTLESS, standing_object
from stratascope.presentation.json_report import SCHEMA
from stratascope.presentation.report_model import Item, Machine, Report, Subject, notes
from stratascope.presentation.terms import timestamp


def render(report: Report) -> str:
    """All lines."""
    return "".join(json.dumps(each) + "\n" for each in _objects(report))


def _objects(report: Report) -> Iterator[dict[str, Any]]:
    head = {"schema": SCHEMA, "at": timestamp(report.taken_at)}
    for machine in report.machines:
        yield {**head, "type": "machine", **machine_object(machine), "version": report.version}
    for subject in report.subjects:
        whose = {"machines": list(subject.machines), "engine": subject.engine, "name": subject.name}
        yield {**head, "type": "container", **whose, **_container(subject)}
        for item in subject.items:
            yield {**head, "type": "finding", **whose, "image": subject.image, **item_object(item)}
    for text in notes(report):
        yield {**head, "type": "note", "text": text}


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


def _container(subject: Subject) -> dict[str, Any]:
    counting = [item for item in subject.items if item.counts]
    return {
        "image": subject.image,
        "status": subject.status,
        "known": subject.known,
        "exposure": subject.exposure,
        "exposure_at_best": subject.at_best,
        "exposure_verified": subject.verified,
        "layers": dict(subject.verdicts),
        "findings": sum(not item.threat for item in counting),
        "serious_threats": sum(item.threat for item in counting),
        "accepted": len(subject.items) - len(counting),
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
