"""A fleet as JSON: the names of the report's contract, with `machine` and `machines` for each container, and of the
threats those that are open or not known. All decoded facts of one machine are in the report of its own capture.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stratascope.presentation.formats.ndjson import engine_objects, item_object, machine_object
from stratascope.presentation.formats.results import notes
from stratascope.presentation.formats.told import Subject, Told
from stratascope.presentation.json_report import SCHEMA, moment


def pieces(told: Told) -> Iterator[str]:
    """The document, a line for each machine and each container."""
    head = {"schema": SCHEMA, "taken_at": moment(told.taken_at), "fleet": True, "notes": notes(told)}
    yield json.dumps(head)[:-1]
    yield from _list("machines", [machine_object(each) for each in told.machines])
    engines = [{**engine, "machine": each.name} for each in told.machines for engine in engine_objects(each)]
    yield from _list("engines", engines)
    yield from _list("containers", [_container(each) for each in told.subjects])
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
