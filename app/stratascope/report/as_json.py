"""The JSON report: the contract of scripts and dashboards. Names of fields are those of the core and layer types.

Facts are printed as they are, so a layer's new fact appears here without an edit. Text of engines is kept as it
is (JSON escapes it); a reader that shows it must treat it as foreign.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from stratascope.core.capture import Gap
from stratascope.core.container import Engine
from stratascope.core.ground import Ground
from stratascope.core.layer import Finding, NamedGap
from stratascope.core.message import Message
from stratascope.core.snapshot import ContainerState, LayerState, Snapshot
from stratascope.i18n import translate
from stratascope.linux.capability import CapabilitySet

SCHEMA = 1


def render(snapshot: Snapshot) -> str:
    """The whole report as one JSON document: a line for each container. Indenting (which Python's encoder does not do
    in C) would take longer than reading the containers; `jq` and `python -m json.tool` indent.
    """
    whole = document(snapshot)
    containers = ",\n".join(map(json.dumps, whole.pop("containers")))
    return f'{json.dumps(whole)[:-1]}, "containers": [\n{containers}\n]}}'


def document(snapshot: Snapshot) -> dict[str, Any]:
    """The report as built-in types."""
    return {
        "schema": SCHEMA,
        "taken_at": moment(snapshot.taken_at),
        "ground": _ground(snapshot.ground),
        "engines": [engine_object(engine) for engine in snapshot.engines],
        "containers": [_container(state) for state in snapshot.containers],
    }


def moment(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def engine_object(engine: Engine) -> dict[str, Any]:
    """One engine, its message translated; the engine's own words beside it."""
    return {
        "id": engine.id,
        "kind": engine.kind.value,
        "rootless": engine.rootless,
        "endpoint": engine.endpoint,
        "state": engine.state.value,
        "version": engine.version,
        "message": "" if engine.message is None else translate(engine.message),
        "error": engine.error,
        "daemon_uid": engine.daemon_uid,
        "socket_mode": None if engine.socket_mode is None else f"{engine.socket_mode:04o}",
        "socket_group": engine.socket_group,
        "facts": plain_value(engine.facts),
    }


def _ground(ground: Ground) -> dict[str, Any]:
    value: dict[str, Any] = plain_value(ground)
    value["sysctls"] = dict(ground.sysctls)
    value["namespaces"] = dict(ground.namespaces)
    return value


def _container(state: ContainerState) -> dict[str, Any]:
    container = state.container
    return {
        "engine": container.engine,
        "id": container.id,
        "name": container.name,
        "image": container.image,
        "status": container.status.value,
        "pid": container.pid,
        "error": container.error,
        "layers": {layer.id: _layer(layer) for layer in state.layers},
        "processes": [
            {
                "pid": process.pid,
                "pid_inside": process.pid_inside,
                "command": process.command,
                "drift": list(process.drift),
            }
            for process in state.processes
        ],
        "findings": [_finding(finding) for finding in state.findings],
    }


def _layer(layer: LayerState) -> dict[str, Any]:
    return {
        "verdict": layer.assessment.verdict.value,
        "facts": {} if layer.facts is None else plain_value(layer.facts),
        "findings": [finding.code for finding in layer.assessment.findings],
        "gaps": [_gap(gap) for gap in layer.assessment.gaps],
        "asked": plain_value(layer.asked),
    }


def _gap(named: NamedGap) -> dict[str, Any]:
    return {"what": named.what, "gap": named.gap.kind.value, "errno": named.gap.errno, "source": named.source}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "layer": finding.layer,
        "severity": finding.severity.value,
        "text": translate(finding.text),
        "advice": translate(finding.advice),
        "source": finding.source,
        "refs": list(finding.refs),
    }


def plain_value(value: Any) -> Any:
    """Any frozen type of ours as built-in types: a gap is null, a message its text, a set its own notation."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [plain_value(item) for item in value]
    names = _public(kind)
    if names is not None:
        return {name: plain_value(getattr(value, name)) for name in names}
    if isinstance(value, Gap):
        return None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Message):
        return translate(value)
    if isinstance(value, CapabilitySet):
        return str(value)  # "0x%016x", as in the contract
    return [plain_value(item) for item in value] if isinstance(value, (list, tuple)) else value


_PLAIN = frozenset({str, int, float, bool, type(None)})
_FIELDS: dict[type, tuple[str, ...] | None] = {}  # an entry for each type of ours that a report holds
_SPECIAL = (Gap, Enum, Message, CapabilitySet)


def _public(kind: type) -> tuple[str, ...] | None:
    """The fields to print; gaps stand beside the facts, with their reasons, and not among them as nulls.

    None for a type without fields, or with a notation of its own.
    """
    if kind not in _FIELDS:
        own = issubclass(kind, _SPECIAL) or not dataclasses.is_dataclass(kind)
        _FIELDS[kind] = None if own else tuple(each.name for each in dataclasses.fields(kind) if each.name != "gaps")
    return _FIELDS[kind]
