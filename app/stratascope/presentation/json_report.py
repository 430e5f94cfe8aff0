"""The JSON report: the contract of scripts and dashboards. Names of fields are those of the core and layer types.

Facts are printed as they are, so a layer's new fact appears here without an edit. Text of engines is kept as it
is (JSON escapes it); a reader that shows it must treat it as foreign.
"""

from __future__ import annotations

import dataclasses
import json
import os
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from stratascope.core.capture import Gap
from stratascope.core.container import Engine
from stratascope.core.ground import Ground
from stratascope.core.layer import Finding, NamedGap
from stratascope.core.message import Message
from stratascope.core.record import Trouble
from stratascope.core.snapshot import ContainerState, LayerState, Snapshot
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Ruling, evidence
from stratascope.i18n.translate import translate
from stratascope.linux.capability import CapabilitySet

SCHEMA = 1
GROUND = "ground"  # stands among the reasons, never among the stances: it is no layer


def render(snapshot: Snapshot) -> str:
    """The whole report as one JSON document: a line for each container. Indenting (which Python's encoder does not do
    in C) would take longer than reading the containers; `jq` and `python -m json.tool` indent.
    """
    threats = ThreatTexts()
    containers = ",\n".join(
        f'{json.dumps(_container(state))[:-1]}, "threats": {threats.of(state)}}}' for state in snapshot.containers
    )
    return f'{json.dumps(_head(snapshot))[:-1]}, "containers": [\n{containers}\n]}}'


def document(snapshot: Snapshot) -> dict[str, Any]:
    """The report as built-in types."""
    threats = ThreatTexts()
    containers = [{**_container(state), "threats": json.loads(threats.of(state))} for state in snapshot.containers]
    return {**_head(snapshot), "containers": containers}


def _head(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "taken_at": moment(snapshot.taken_at),
        "ground": _ground(snapshot.ground),
        "engines": [engine_object(engine) for engine in snapshot.engines],
        "trouble": None if snapshot.trouble is None else _trouble(snapshot.trouble),
    }


def _trouble(trouble: Trouble) -> dict[str, str]:
    """Why this machine's kernel could not be asked, and the command that mends it ("" where none does)."""
    return {"message": translate(trouble.message), "command": trouble.command, "words": trouble.words}


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
        "exposure": None if state.matrix is None else state.matrix.exposure.worst,
        "exposure_at_best": None if state.matrix is None else state.matrix.exposure.best,
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


class ThreatTexts:
    """The threats of containers as JSON text. Containers that are alike share a matrix, and it is printed once: only
    the PID in its evidence is another for each. Lives as long as one report, so that no matrix is kept for it.
    """

    def __init__(self) -> None:
        self._pieces: dict[int, tuple[Matrix, tuple[str, ...]]] = {}
        self._pid = os.urandom(16).hex()  # stands where a PID belongs; no text of an engine can guess it

    def of(self, state: ContainerState) -> str:
        """The object `threats` of one container."""
        matrix, pid = state.matrix, state.container.pid
        if matrix is None or pid is None:
            return "{}"
        kept = self._pieces.get(id(matrix))
        if kept is None:
            whole = json.dumps({each.threat.id: _threat(each, self._pid) for each in matrix.threats})
            kept = self._pieces[id(matrix)] = (matrix, tuple(whole.split(self._pid)))
        return str(pid).join(kept[1])


def _threat(state: ThreatState, pid: str) -> dict[str, Any]:
    threat, weakest = state.threat, state.weakest
    reasons = {item.layer: _reason(item.ruling, pid) for item in weakest.rulings}
    if weakest.ground is not None:
        reasons[GROUND] = _reason(weakest.ground, pid)
    return {
        "title": translate(threat.title),
        "family": threat.family.value,
        "outcome": state.outcome.value,
        "severity": threat.severity.value,
        "depth": list(state.depth),
        "by_ground": state.by_ground,
        "linked": [list(pair) for pair in state.linked],
        "stances": {item.layer: item.ruling.stance.value for item in weakest.rulings},
        "reasons": reasons,
        "weakest_route": translate(weakest.route.name),
        "routes": [
            {"name": translate(each.route.name), "outcome": each.outcome.value, "depth": [each.least, each.most]}
            for each in state.routes
        ],
    }


def _reason(ruling: Ruling, pid: str) -> dict[str, str]:
    return {"text": translate(ruling.reason), "source": evidence(ruling.source, pid)}


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
    """The fields to print; gaps stand beside the facts, with their reasons, and not among them as nulls. What is too
    large to print (a filter, a profile's text) is a field with repr=False.

    None for a type without fields, or with a notation of its own.
    """
    if kind not in _FIELDS:
        own = issubclass(kind, _SPECIAL) or not dataclasses.is_dataclass(kind)
        _FIELDS[kind] = (
            None if own else tuple(each.name for each in dataclasses.fields(kind) if each.repr and each.name != "gaps")
        )
    return _FIELDS[kind]
