"""Write changed options into a Kubernetes manifest: the container's security context and limits, and its pod's volumes.

Options of the pod for all its containers (hostPID) are not changed for one: the caller checks for that and refuses.
Changes that a manifest can't express are refused with the reason. Decided against annotations that only Podman reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from stratascope.core.message import msg
from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import GivenOption, Position, Service
from stratascope.core.options.values import decimal, size
from stratascope.formats.kubernetes.read import CONTAINERS, quantity
from stratascope.formats.yaml.read import (
    List,
    Mapping,
    Node,
    Text,
    documents,
    inserted,
    is_json,
    is_nothing,
    items_at,
    offset,
    pairs,
    replaced,
    text_at,
    with_entry,
    without,
)

_STEP = 2
_UNITS = (("Gi", 30), ("Mi", 20), ("Ki", 10))
_PLAIN = re.compile(r"[A-Za-z0-9._/][A-Za-z0-9._/-]*", re.ASCII).fullmatch
_NAME_MOST = 63  # characters of a volume's name: a DNS label
_NO_WORD = msg("A Kubernetes manifest has no setting for this.")
_NO_WORDS = {
    "pids-limit": msg("A Kubernetes manifest can't limit processes: each node sets that for all its pods."),
    "ulimit": msg("A Kubernetes manifest can't set limits of single processes: each node's container engine does."),
}


def rewritten(text: str, file: str, service: Service, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    found, old = documents(text, file), change.old
    if old is not None and not change.name:
        return _dropped(text, found, old)
    if old is not None and change.name in ("volume", "tmpfs") and change.value.endswith(":ro"):
        return _entry(text, _at(found, old.place), "readOnly", "true")
    if old is not None and change.name == "publish":
        address = change.value.rpartition(":")[0].rpartition(":")[0].strip("[]")
        return _entry(text, _at(found, old.place), "hostIP", f'"{address}"' if ":" in address else address)
    container, spec = _container(found, service)
    match (change.name, change.value):
        case ("security-opt", "no-new-privileges"):
            return _set(text, container, ("securityContext",), "allowPrivilegeEscalation", "false")
        case ("read-only", _):
            return _set(text, container, ("securityContext",), "readOnlyRootFilesystem", "true")
        case ("user", value) if value.isdigit():
            return _set(text, container, ("securityContext",), "runAsUser", value)
        case ("cpus", value):
            return _limit(text, container, "cpu", value)
        case ("memory", value):
            return _limit(text, container, "memory", _bytes(value))
        case ("tmpfs", place) if old is None and ":" not in place:
            return _temporary(text, file, container, spec, place)
        case ("userns", "auto"):
            return _entry(text, spec, "hostUsers", "false")
        case ("cap-drop" | "cap-add", value) if old is None:
            field = change.name.removeprefix("cap-")
            return _set(text, container, ("securityContext", "capabilities"), field, f"[{value}]")
    raise UnwritableError(change.name, _NO_WORDS.get(change.name, _NO_WORD))


def _container(nodes: list[Node], service: Service) -> tuple[Mapping, Mapping]:
    """The service's container, and the spec of its pod."""
    for spec in _all(nodes):
        for container in (each for group in CONTAINERS for each in items_at(spec, group)):
            if isinstance(spec, Mapping) and isinstance(container, Mapping) and container.place == service.place:
                return container, spec
    raise UnwritableError(service.name)


def _at(nodes: list[Node], place: Position) -> Mapping:
    found = next((node for node in _all(nodes) if isinstance(node, Mapping) and node.place == place), None)
    if found is None:
        raise UnwritableError(str(place))
    return found


def _limit(text: str, container: Mapping, field: str, value: str) -> str:
    """Set a limit. Raises UnwritableError if the manifest requests more, which the API would refuse."""
    requested = text_at(container, "resources", "requests", field)
    if requested and _number(requested, field) > _number(value, field):
        why = msg("The manifest requests more than that: {what}.", what=f"{field} {requested}")
        raise UnwritableError(field, why)
    return _set(text, container, ("resources", "limits"), field, f'"{value}"' if field == "cpu" else value)


def _number(text: str, field: str) -> float:
    return decimal(quantity(text, cpu=field == "cpu")) or 0.0


def _bytes(typed: str) -> str:
    """A size of `run` as a quantity: `512m` becomes `512Mi`, since m means a thousandth here."""
    number = size(typed)
    if number is None:
        raise UnwritableError("memory")
    return next((f"{number >> bits}{unit}" for unit, bits in _UNITS if number % (1 << bits) == 0), str(number))


def _temporary(text: str, file: str, container: Mapping, spec: Mapping, place: str) -> str:
    """Add an in-memory emptyDir volume, mounted at that path."""
    taken = {text_at(each, "name") for each in items_at(spec, "volumes")}
    base = re.sub("[^a-z0-9]+", "-", f"tmp{place.lower()}")[: _NAME_MOST - 4].strip("-")
    name = next(name for name in (base, *(f"{base}-{number}" for number in range(2, 999))) if name not in taken)
    path = place if _PLAIN(place) else "'" + place.replace("'", "''") + "'"
    text = _entry(text, container, "volumeMounts", f"[{{name: {name}, mountPath: {path}}}]")
    spec = _at(documents(text, file), spec.place)  # parsed again; it starts before the inserted text
    return _entry(text, spec, "volumes", f"[{{name: {name}, emptyDir: {{medium: Memory}}}}]")


def _all(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, List):
            yield from _all(node.items)
        elif isinstance(node, Mapping):
            yield from _all([value for _, value in node.entries])


def _dropped(text: str, nodes: list[Node], old: GivenOption) -> str:
    """Remove what starts on that line, and what would become empty."""
    for node in nodes:
        found = _without(text, node, old)
        if found is not None:
            return found
    raise UnwritableError(str(old.place))


def _without(text: str, node: Node, old: GivenOption) -> str | None:
    """Remove the outermost node that starts on that line; None: it is not in there, or the only content."""
    if isinstance(node, List):
        parts: list[Node] = list(node.items)
        below, flow = parts, node.flow
    elif isinstance(node, Mapping):
        parts, below, flow = list(pairs(node)), [value for _, value in node.entries], node.flow
    else:
        return None
    for part, inner in zip(parts, below, strict=True):
        meant = _meant(part, inner, old) and (isinstance(node, List) or not flow or _own_line(node, part, parts))
        if not meant:
            found = _without(text, inner, old)
            if found is not None:
                return found
        if (meant or _empties(inner, old)) and len(parts) > 1:
            return without(text, parts, part, flow=flow)
    return None


def _own_line(node: Node, part: Node, parts: list[Node]) -> bool:
    """Whether the line alone identifies a node in a flow collection."""
    line = part.start[0]
    return node.start[0] < line and [each.start[0] for each in parts].count(line) == 1


def _meant(part: Node, inner: Node, old: GivenOption) -> bool:
    """Whether it is the node of the old option; with several on one line, the one of the same value."""
    if part.place != old.place:
        return False
    if isinstance(inner, List) and len(inner.items) > 1:
        return not any(_meant(each, each, old) for each in inner.items)
    return part is not inner or not isinstance(inner, Text) or inner.text == old.value


def _empties(node: Node, old: GivenOption) -> bool:
    """Whether it would be empty without the old option."""
    if isinstance(node, List):
        return len(node.items) == 1 and (_meant(node.items[0], node.items[0], old) or _empties(node.items[0], old))
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        return False
    key, value = node.entries[0]
    return _meant(key, value, old) or _empties(value, old)


def _set(text: str, above: Mapping, path: tuple[str, ...], field: str, value: str) -> str:
    """Set a field below this path of keys, creating missing ones."""
    for number, name in enumerate(path):
        below = next((node for key, node in above.entries if key.text == name), None)
        if below is None:
            return _made(text, above, (*path[number:], field), value)
        if is_nothing(below):
            return replaced(text, below, _worded(text, _nested((*path[number + 1 :], field), value)))
        if not isinstance(below, Mapping):
            raise UnwritableError(name)
        above = below
    return _entry(text, above, field, value)


def _entry(text: str, above: Mapping, field: str, value: str) -> str:
    there = next((node for key, node in above.entries if key.text == field), None)
    if there is not None and (isinstance(there, Text) or is_nothing(there)):
        return replaced(text, there, _worded(text, value))
    if isinstance(there, List) and value.startswith("["):
        last = there.items[-1]
        if there.flow:
            end = offset(text, last.end)
            return f"{text[:end]}, {_worded(text, value)[1:-1]}{text[end:]}"
        column = text.split("\n")[last.start[0]].index("-")
        return inserted(text, last, [f"{' ' * column}- {value[1:-1]}"])
    if there is not None:
        raise UnwritableError(field)
    return _made(text, above, (field,), value)


def _worded(text: str, value: str) -> str:
    """The value as YAML, quoted if the file is JSON."""
    return json.dumps(yaml.safe_load(value)) if is_json(text) else value


def _made(text: str, above: Mapping, path: tuple[str, ...], value: str) -> str:
    """Insert new nested keys with the value."""
    if above.flow:
        return with_entry(text, above, path[0], _worded(text, _nested(path[1:], value)))
    column = above.entries[0][0].start[1]
    lines = [f"{' ' * (column + _STEP * number)}{name}:" for number, name in enumerate(path)]
    lines[-1] += f" {value}"
    return inserted(text, above.entries[-1][1], lines)


def _nested(path: tuple[str, ...], value: str) -> str:
    """The value nested below these keys, in flow style."""
    for name in reversed(path):
        value = f"{{{name}: {value}}}"
    return value
