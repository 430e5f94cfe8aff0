"""Changed options written into a Kubernetes manifest: into the security context of the container that asks for them.

What a pod asks for all its containers (hostPID) is not changed for one: whoever calls this sees that, and refuses.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.check.changes import Change, UnwritableError
from stratascope.check.reading import Place, Said, Service
from stratascope.check.yaml_edits import inserted, offset, pairs, without
from stratascope.check.yaml_nodes import List, Mapping, Node, Text, documents

_STEP = 2


def rewritten(text: str, file: str, service: Service, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    found = documents(text, file)
    if change.old is not None:
        if change.name and not (change.name == "volume" and change.value.endswith(":ro")):
            raise UnwritableError(change.name)
        place = change.old.place
        return _read_only(text, found, place) if change.name else _dropped(text, found, change.old)
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
        case ("cpus", value):
            return _set(text, container, ("resources", "limits"), "cpu", f'"{value}"')
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


def _dropped(text: str, nodes: list[Node], old: Said) -> str:
    """Without what begins in that line, and without what would be left empty by that."""
    for node in nodes:
        found = _without(text, node, old)
        if found is not None:
            return found
    raise UnwritableError(str(old.place))


def _without(text: str, node: Node, old: Said) -> str | None:
    """None: it is not in there, or the only thing there. The outermost that begins in that line is meant."""
    if isinstance(node, List):
        parts: list[Node] = list(node.items)
        below, flow = parts, node.flow
    elif isinstance(node, Mapping):
        parts, below, flow = list(pairs(node)), [value for _, value in node.entries], node.flow
    else:
        return None
    for part, inner in zip(parts, below, strict=True):
        meant = _meant(part, inner, old) and (isinstance(node, List) or not flow)
        if not meant:
            found = _without(text, inner, old)
            if found is not None:
                return found
        if (meant or _empties(inner, old)) and len(parts) > 1:
            return without(text, parts, part, flow=flow)
    return None


def _meant(part: Node, inner: Node, old: Said) -> bool:
    """Whether it is that one; of several words in one line the one that was said."""
    if part.place != old.place:
        return False
    if isinstance(inner, List) and len(inner.items) > 1:
        return not any(_meant(each, each, old) for each in inner.items)
    return part is not inner or not isinstance(inner, Text) or inner.text == old.value


def _empties(node: Node, old: Said) -> bool:
    """Whether nothing is left of it without that."""
    if isinstance(node, List):
        return len(node.items) == 1 and (_meant(node.items[0], node.items[0], old) or _empties(node.items[0], old))
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        return False
    key, value = node.entries[0]
    return _meant(key, value, old) or _empties(value, old)


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
