"""Changed options written into a Compose file by the places of its values: comments, order and quotes stay.

Decided against writing the YAML anew: no writer keeps all that people put into such a file.
"""

from __future__ import annotations

import json

from stratascope.check.changes import Change, UnwritableError
from stratascope.check.compose_keys import LISTS, VALUES
from stratascope.check.reading import Said
from stratascope.check.yaml_edits import inserted, offset, pairs, without
from stratascope.check.yaml_nodes import List, Mapping, Node, Text, at, documents

_KEYS = {option: key for key, option in (*VALUES.items(), *LISTS.items())}
_KEYS |= {"volume": "volumes", "mount": "volumes", "device": "devices", "publish": "ports", "sysctl": "sysctls"}
_IN_LISTS = frozenset((*LISTS, "volumes", "devices", "ports"))
_INDENT = 2


def rewritten(text: str, file: str, service: str, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    document = next(iter(documents(text, file)), None)
    found = at(document, "services", service)
    if not isinstance(found, Mapping):
        raise UnwritableError(service)
    if change.old is not None:
        if change.old.place.file != file:
            raise UnwritableError(change.old.name)
        return _changed(text, found, change.old, change)
    return _added(text, found, change)


def _changed(text: str, service: Mapping, old: Said, change: Change) -> str:
    key = _KEYS.get(old.name, "")
    entry = next(((name, node) for name, node in service.entries if name.text == key), None)
    if entry is None:
        raise UnwritableError(old.name)
    node = entry[1]
    items = node.items if isinstance(node, List) else [node]
    item = next((each for each in items if each.place.line == old.place.line and _is(each, old)), None)
    if item is None:
        raise UnwritableError(old.name)
    if change.name:
        if not isinstance(item, Text):
            raise UnwritableError(old.name)
        start, end = offset(text, item.start), offset(text, item.end)
        return text[:start] + _scalar(change) + text[end:]
    if isinstance(node, List) and len(items) > 1:
        return without(text, node.items, item, flow=node.flow)
    both = pairs(service)
    return without(text, both, next(pair for pair in both if pair.key is entry[0]), flow=service.flow)


def _is(item: Node, old: Said) -> bool:
    return not isinstance(item, Text) or item.text == old.value or "$" in item.text


def _added(text: str, service: Mapping, change: Change) -> str:
    key = _KEYS.get(change.name, "")
    if change.name == "ulimit":
        key = "ulimits"
    if not key or service.flow or not service.entries:
        raise UnwritableError(change.name)
    entry = next(((name, node) for name, node in service.entries if name.text == key), None)
    if entry is None:
        indent = " " * service.entries[0][0].start[1]
        new = _block(key, change, indent)
        return inserted(text, service.entries[-1][1], new)
    node = entry[1]
    if isinstance(node, Text) and key not in _IN_LISTS and not node.empty:
        return text[: offset(text, node.start)] + _scalar(change) + text[offset(text, node.end) :]
    if key == "ulimits" and isinstance(node, Mapping) and node.entries and not node.flow:
        return inserted(text, node.entries[-1][1], _limit(change, " " * node.entries[0][0].start[1]))
    if not isinstance(node, List) or not node.items:
        raise UnwritableError(change.name)
    if node.flow:
        end = offset(text, node.items[-1].end)
        return f"{text[:end]}, {_scalar(change)}{text[end:]}"
    column = text.split("\n")[node.items[-1].start[0]].index("-")
    return inserted(text, node.items[-1], [f"{' ' * column}- {_scalar(change)}"])


def _block(key: str, change: Change, indent: str) -> list[str]:
    deeper = indent + " " * _INDENT
    if key in _IN_LISTS:
        return [f"{indent}{key}:", f"{deeper}- {_scalar(change)}"]
    if key == "ulimits":
        return [f"{indent}{key}:", *_limit(change, deeper)]
    return [f"{indent}{key}: {_scalar(change)}"]


def _limit(change: Change, indent: str) -> list[str]:
    name, _, numbers = change.value.partition("=")
    soft, _, hard = numbers.partition(":")
    deeper = indent + " " * _INDENT
    return [f"{indent}{name}:", f"{deeper}soft: {soft}", f"{deeper}hard: {hard or soft}"]


def _scalar(change: Change) -> str:
    """In quotes where YAML could take it for something else."""
    value = change.value
    number = value.isdigit() and change.name == "pids-limit"
    if value in ("true", "false") or value.replace("_", "").isalpha() or number:
        return value
    return json.dumps(value, ensure_ascii=False)
