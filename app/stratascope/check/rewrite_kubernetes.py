"""Changed options written into a Kubernetes manifest: into the security context of the container that asks for them.

What a pod asks for all its containers (hostPID) is not changed for one: whoever calls this sees that, and refuses.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.check.changes import Change, UnwritableError
from stratascope.check.reading import Place, Service
from stratascope.check.yaml_edits import Pair, inserted, offset, pairs, without
from stratascope.check.yaml_nodes import List, Mapping, Node, Text, documents

_STEP = 2


def rewritten(text: str, file: str, service: Service, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    found = documents(text, file)
    if change.old is not None:
        if change.name and not (change.name == "volume" and change.value.endswith(":ro")):
            raise UnwritableError(change.name)
        place = change.old.place
        return _read_only(text, found, place) if change.name else _dropped(text, found, place)
    container = next((node for node in _all(found) if isinstance(node, Mapping) and node.place == service.place), None)
    if container is None:
        raise UnwritableError(service.name)
    match (change.name, change.value):
        case ("security-opt", "no-new-privileges"):
            return _set(text, container, ("securityContext",), "allowPrivilegeEscalation", "false")
        case ("read-only", _):
            return _set(text, container, ("securityContext",), "readOnlyRootFilesystem", "true")
        case ("user", value) if value.isdigit():
            return _set(text, container, ("securityContext",), "runAsUser", value)
        case ("cap-drop" | "cap-add", value):
            field = change.name.removeprefix("cap-")
            return _set(text, container, ("securityContext", "capabilities"), field, f"[{value}]")
    raise UnwritableError(change.name)


def _all(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, List):
            yield from _all(node.items)
        elif isinstance(node, Mapping):
            yield from _all([value for _, value in node.entries])


def _dropped(text: str, nodes: list[Node], place: Place) -> str:
    """Without what begins in that line; where it is not the only thing there, nobody knows which is meant."""
    found: list[tuple[list[Node] | list[Pair], Node, bool]] = []
    for node in _all(nodes):
        if isinstance(node, List):
            found += [(node.items, item, node.flow) for item in node.items if item.place == place]
        elif isinstance(node, Mapping) and not node.flow:
            both = pairs(node)
            found += [(both, pair, False) for pair in both if pair.place == place]
    if not found:
        raise UnwritableError(str(place))
    items, gone, flow = found[0]  # the outermost that begins there
    if len(items) == 1:
        raise UnwritableError(str(place))
    return without(text, items, gone, flow=flow)


def _read_only(text: str, nodes: list[Node], place: Place) -> str:
    mount = next((node for node in _all(nodes) if isinstance(node, Mapping) and node.place == place), None)
    if mount is None:
        raise UnwritableError(str(place))
    return _entry(text, mount, "readOnly", "true")


def _set(text: str, above: Mapping, path: tuple[str, ...], field: str, value: str) -> str:
    """A field below these, which are made where they are not there."""
    for number, name in enumerate(path):
        below = next((node for key, node in above.entries if key.text == name), None)
        if below is None:
            return _made(text, above, (*path[number:], field), value)
        if not isinstance(below, Mapping) or not below.entries:
            raise UnwritableError(name)
        above = below
    return _entry(text, above, field, value)


def _entry(text: str, above: Mapping, field: str, value: str) -> str:
    there = next((node for key, node in above.entries if key.text == field), None)
    if isinstance(there, List) and value.startswith("["):
        if not there.items:
            raise UnwritableError(field)
        last = there.items[-1]
        if there.flow:
            end = offset(text, last.end)
            return f"{text[:end]}, {value[1:-1]}{text[end:]}"
        column = text.split("\n")[last.start[0]].index("-")
        return inserted(text, last, [f"{' ' * column}- {value[1:-1]}"])
    if isinstance(there, Text):
        return text[: offset(text, there.start)] + value + text[offset(text, there.end) :]
    if there is not None:
        raise UnwritableError(field)
    return _made(text, above, (field,), value)


def _made(text: str, above: Mapping, path: tuple[str, ...], value: str) -> str:
    """New keys, each below the one before."""
    if above.flow:
        end = offset(text, above.entries[-1][1].end)
        whole = value
        for name in reversed(path[1:]):
            whole = f"{{{name}: {whole}}}"
        return f"{text[:end]}, {path[0]}: {whole}{text[end:]}"
    column = above.entries[0][0].start[1]
    lines = [f"{' ' * (column + _STEP * number)}{name}:" for number, name in enumerate(path)]
    lines[-1] += f" {value}"
    return inserted(text, above.entries[-1][1], lines)
