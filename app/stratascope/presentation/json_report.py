"""The JSON report: a contract with scripts and dashboards. Field names are those of the core and layer types.

Facts are printed as they are, so a layer's new fact appears without a change here. Text from engines is unchanged
(JSON escapes it); a reader that displays it must treat it as untrusted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from enum import Enum
from json.encoder import encode_basestring_ascii as _quoted  # what json.dumps uses for strings, without its overhead
from typing import Any, TypeVar

from stratascope.core.capture import Gap
from stratascope.core.container import Container, Engine, Status
from stratascope.core.ground import Ground
from stratascope.core.layer import Finding, NamedGap
from stratascope.core.message import Message
from stratascope.core.snapshot import ContainerState, LayerState, ProcessState, Snapshot, Trouble
from stratascope.core.threats.depth import Matrix, ThreatState, exposure_verified, is_verified
from stratascope.core.threats.threat import Basis, Route, Ruling, Threat, evidence
from stratascope.i18n.translate import translate
from stratascope.linux.capability import CapabilitySet
from stratascope.presentation.annotations import (
    Annotations,
    Extras,
    container_extras,
    exceptions_object,
    finding_extras,
    kinds_of,
)
from stratascope.presentation.terms import timestamp
from stratascope.value import Value, asdict

T = TypeVar("T")
SCHEMA = 1
_NOBODY = "PID"  # in place of a PID in the evidence for a container without processes
_PREDICTED = "predicted"  # the basis of statements about a container that was not started
GROUND = "ground"  # occurs among the reasons, never among the stances, as it is no layer


def render(snapshot: Snapshot) -> str:
    """The whole report as one JSON document."""
    return "".join(pieces(snapshot))


def pieces(
    snapshot: Snapshot, annotations: Annotations | None = None, more: dict[str, Any] | None = None
) -> Iterator[str]:
    """The report in pieces, as it is megabytes: one line per container. It is not indented, which Python's encoder does
    not do in C and would take longer than reading the containers; `jq` and `python -m json.tool` indent. `more`:
    further top-level fields.
    """
    threats, kinds, annotations = ThreatTexts(), kinds_of(snapshot.engines), annotations or Annotations()
    yield _text({**_head(snapshot), **exceptions_object(snapshot, annotations.acceptance), **(more or {})})[:-1]
    between = ', "containers": [\n'
    for state in snapshot.containers:
        kind = kinds.get(state.container.engine, state.container.engine)
        container = _container(state, threats, finding_extras(state, kind, annotations)) | container_extras(
            state, kind, annotations
        )
        yield between + _text(container)[:-1] + ', "threats": '
        yield threats.of(state)
        between = "},\n"
    yield "}\n]}" if snapshot.containers else ', "containers": [\n\n]}'


def document(snapshot: Snapshot) -> dict[str, Any]:
    """The report as built-in types."""
    found: dict[str, Any] = json.loads(render(snapshot))
    return found


def _head(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "taken_at": timestamp(snapshot.taken_at),
        "ground": _ground(snapshot.ground),
        "engines": [engine_object(engine) for engine in snapshot.engines],
        "trouble": None if snapshot.trouble is None else _trouble(snapshot.trouble),
    }


def _trouble(trouble: Trouble) -> dict[str, str]:
    """Why this machine's kernel could not be read, and the command that repairs it ("" if there is none)."""
    return {"message": translate(trouble.message), "command": trouble.command, "words": trouble.words}


def engine_object(engine: Engine) -> dict[str, Any]:
    """One engine, its message translated, with the engine's own words."""
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


def kind_of(container: Container) -> dict[str, Any]:
    """Its engine, or what kind of sandbox it is and who made it."""
    sandbox = container.sandbox
    if sandbox is None:
        return {"engine": container.engine, "kind": container.kind, "maker": ""}
    return {
        "engine": None,
        "kind": container.kind,
        "maker": sandbox.maker,
        "parent": sandbox.parent,
        "sandbox": {
            "title": sandbox.maker_title,
            "sign": translate(sandbox.sign),
            "command": sandbox.command,
            "uid": sandbox.uid,
            "pids": list(sandbox.pids),
            "helpers": list(sandbox.helpers),
            "folded": sandbox.folded,
        },
    }


def _container(state: ContainerState, threats: ThreatTexts, extras: Extras) -> dict[str, Any]:
    container = state.container
    predicted = container.status is Status.PREDICTED
    return {
        **({"basis": _PREDICTED} if predicted else {}),
        **kind_of(container),
        "id": container.id,
        "name": container.name,
        "image": container.image,
        "status": container.status.value,
        "pid": container.pid,
        "error": container.error,
        "exposure": None if state.matrix is None else state.matrix.exposure.worst,
        "exposure_at_best": None if state.matrix is None else state.matrix.exposure.best,
        "exposure_verified": None if state.matrix is None else threats.verified(state.matrix),
        "exposure_of_first": state.first_exposure,
        "layers": {layer.id: _layer(layer, predicted=predicted) for layer in state.layers},
        "processes": [_process(process) for process in state.processes],
        "processes_unread": state.unread,
        "findings": [_finding(each) | extra for each, extra in zip(state.findings, extras, strict=True)],
    }


def _process(process: ProcessState) -> dict[str, Any]:
    """A process; one that differs includes its exposure, and a thread names its process."""
    found: dict[str, Any] = {
        "pid": process.pid,
        "pid_inside": process.pid_inside,
        "command": process.command,
        "drift": list(process.drift),
    }
    if process.kind:
        found["kind"] = process.kind
    if process.thread_of is not None:
        found["thread_of"] = process.thread_of
    if process.exposure is not None:
        found |= {"exposure": process.exposure, "verified": process.verified}
    return found


class ThreatTexts:
    """Renders the threats of containers as JSON text. Like containers share a matrix, which is rendered once: only the
    PID in its evidence differs. Partly alike containers share threats and rulings, which are rendered once too. Lives
    as long as one report, so that the cache does not outlive it.
    """

    def __init__(self) -> None:
        # by id(); the object is kept so that its id is not reused
        self._matrices: dict[int, tuple[Matrix, tuple[str, ...]]] = {}
        self._verified: dict[int, tuple[Matrix, float]] = {}  # likewise
        self._parts: dict[int, tuple[object, str]] = {}  # likewise, for the parts of matrices
        self._pid = os.urandom(16).hex()  # placeholder for the PID: no engine's text can guess it

    def of(self, state: ContainerState) -> str:
        """The object `threats` of one container."""
        matrix, pid = state.matrix, state.container.pid
        predicted = state.container.status is Status.PREDICTED
        if matrix is None or (pid is None and not predicted):
            return "{}"
        kept = self._matrices.get(id(matrix))
        if kept is None:
            whole = ", ".join([self._once(each, self._threat) for each in matrix.threats])
            kept = self._matrices[id(matrix)] = (matrix, tuple(f"{{{whole}}}".split(self._pid)))
        return (_NOBODY if pid is None else str(pid)).join(kept[1])

    def verified(self, matrix: Matrix) -> float:
        """The exposure from the kernel's statements alone."""
        kept = self._verified.get(id(matrix))
        if kept is None:
            kept = self._verified[id(matrix)] = (matrix, exposure_verified(matrix))
        return kept[1]

    def _threat(self, state: ThreatState) -> str:
        threat, weakest = state.threat, state.weakest
        reasons = [f'"{item.layer}": {self._once(item.ruling, self._reason)}' for item in weakest.rulings]
        if weakest.ground is not None:
            reasons.append(f'"{GROUND}": {self._once(weakest.ground, self._reason)}')
        stances = ", ".join([f'"{item.layer}": "{item.ruling.stance}"' for item in weakest.rulings])
        routes = ", ".join(
            [
                f'{{"name": {self._once(each.route, _name)}, "outcome": "{each.outcome}", '
                f'"depth": [{each.least}, {each.most}]}}'
                for each in state.routes
            ]
        )
        linked = json.dumps(state.linked) if state.linked else "[]"
        return (
            f'{_quoted(threat.id)}: {{{self._once(threat, _kind)}, "outcome": "{state.outcome}", '
            f'"severity": "{threat.severity}", "depth": [{state.depth[0]}, {state.depth[1]}], '
            f'"by_ground": {"true" if state.by_ground else "false"}, "linked": {linked}, '
            f'"verified": {"true" if is_verified(state) else "false"}, '
            f'"stances": {{{stances}}}, "reasons": {{{", ".join(reasons)}}}, '
            f'"weakest_route": {self._once(weakest.route, _name)}, "routes": [{routes}]}}'
        )

    def _reason(self, ruling: Ruling) -> str:
        basis = "" if ruling.basis is Basis.KERNEL else f', "basis": "{ruling.basis}"'
        source = _quoted(evidence(ruling.source, self._pid))
        return f'{{"text": {_quoted(translate(ruling.reason))}, "source": {source}{basis}}}'

    def _once(self, value: T, text: Callable[[T], str]) -> str:
        kept = self._parts.get(id(value))
        if kept is None:
            kept = self._parts[id(value)] = (value, text(value))
        return kept[1]


def _kind(threat: Threat) -> str:
    return f'"title": {_quoted(translate(threat.title))}, "family": "{threat.family}"'


def _name(route: Route) -> str:
    return _quoted(translate(route.name))


def _layer(layer: LayerState, *, predicted: bool) -> dict[str, Any]:
    return {
        "verdict": layer.assessment.verdict.value,
        "basis": _PREDICTED if predicted else layer.assessment.basis.value,
        "facts": {} if layer.facts is None else layer.facts,
        "findings": [finding.code for finding in layer.assessment.findings],
        "gaps": [_gap(gap) for gap in layer.assessment.gaps],
        "asked": layer.asked,
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
    """One of our frozen types as built-in types."""
    return json.loads(_text(value))


def _text(value: Any) -> str:
    """Encode as JSON: Python's encoder handles strings, numbers and tuples in C, and calls `_one` for our types."""
    return _ENCODER.encode(value)


def _one(value: Any) -> Any:
    """Encode one of our values: a gap as null, a message as its text, a set in its own notation."""
    hidden = _hidden(type(value))
    if hidden is not None:
        found = asdict(value)
        for name in hidden:
            del found[name]
        return found
    if isinstance(value, Gap):
        return None
    if isinstance(value, Message):
        return translate(value)
    if isinstance(value, CapabilitySet):
        return str(value)  # "0x%016x", as in the contract
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"no notation for {type(value).__name__}")


_ENCODER = json.JSONEncoder(default=_one, check_circular=False)  # our frozen values can't contain cycles
_HIDDEN: dict[type, tuple[str, ...] | None] = {}  # by type
_SPECIAL = (Gap, Enum, Message, CapabilitySet)


def _hidden(kind: type) -> tuple[str, ...] | None:
    """The fields to leave out: `gaps`, which are listed elsewhere with their reasons, and the type's UNPRINTED, which
    are too large (a filter, a profile's text).

    None for a type without fields, or with its own notation.
    """
    if kind not in _HIDDEN:
        if issubclass(kind, Value) and not issubclass(kind, _SPECIAL):
            _HIDDEN[kind] = tuple(n for n in kind.__struct_fields__ if n in kind.UNPRINTED or n == "gaps")
        else:
            _HIDDEN[kind] = None
    return _HIDDEN[kind]
