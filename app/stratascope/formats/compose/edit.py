"""Write changed options into a Compose file by editing its values in place: comments, order and quotes stay.

Decided against writing the YAML anew: no writer preserves everything that people put into such a file.
"""

from __future__ import annotations

import json

from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import GivenOption
from stratascope.core.options.table import NAMED, OPTIONS
from stratascope.core.options.values import WHOLE
from stratascope.formats.yaml.read import (
    List,
    Mapping,
    Node,
    Text,
    at,
    documents,
    inserted,
    is_json,
    is_nothing,
    offset,
    pairs,
    replaced,
    with_entry,
    without,
)

_KEYS = {option.name: option.compose for option in OPTIONS if option.compose}
_MAPPINGS = frozenset(("sysctls", "ulimits"))
_IN_LISTS = frozenset(option.compose for option in OPTIONS if option.many) - _MAPPINGS
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
        if change.name == "ulimit":
            return _other_limit(text, found, change)
        return _changed(text, found, change.old, change)
    return _added(text, found, change)


def _changed(text: str, service: Mapping, old: GivenOption, change: Change) -> str:
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
        return replaced(text, item, _scalar(change, quoted=is_json(text)))
    if isinstance(node, List) and len(items) > 1:
        return without(text, node.items, item, flow=node.flow)
    both = pairs(service)
    return without(text, both, next(pair for pair in both if pair.key is entry[0]), flow=service.flow)


def _is(item: Node, old: GivenOption) -> bool:
    return not isinstance(item, Text) or item.text == old.value or "$" in item.text


def _added(text: str, service: Mapping, change: Change) -> str:
    key = _KEYS.get(change.name, "")
    if not key or not service.entries:
        raise UnwritableError(change.name)
    scalar = _scalar(change, quoted=is_json(text))
    entry = next(((name, node) for name, node in service.entries if name.text == key), None)
    if entry is None and service.flow:
        return with_entry(text, service, key, _flow(text, key, change, scalar))
    if entry is None:
        indent = " " * service.entries[0][0].start[1]
        new = _block(key, change, indent)
        return inserted(text, service.entries[-1][1], new)
    node = entry[1]
    if is_nothing(node):
        return replaced(text, node, _flow(text, key, change, scalar))
    if isinstance(node, Text) and key not in _IN_LISTS:
        return replaced(text, node, scalar)
    if key == "ulimits" and isinstance(node, Mapping):
        if node.flow:
            return with_entry(text, node, change.value.partition("=")[0], _flow_limit(text, change))
        return inserted(text, node.entries[-1][1], _limit(change, " " * node.entries[0][0].start[1]))
    if isinstance(node, List) and node.flow:
        end = offset(text, node.items[-1].end)
        return f"{text[:end]}, {scalar}{text[end:]}"
    if not isinstance(node, List):
        raise UnwritableError(change.name)
    column = text.split("\n")[node.items[-1].start[0]].index("-")
    return inserted(text, node.items[-1], [f"{' ' * column}- {scalar}"])


def _other_limit(text: str, service: Mapping, change: Change) -> str:
    """Change the numbers of an existing ulimit: `nofile: 4096`, or with `soft` and `hard`."""
    name, soft, hard = _numbers(change)
    there = at(service, "ulimits", name)
    if isinstance(there, Text) and not there.empty:
        return replaced(text, there, soft if soft == hard else _flow_limit(text, change))
    if not isinstance(there, Mapping):
        raise UnwritableError(name)
    numbers = sorted(((each.start, each, {"soft": soft, "hard": hard}.get(key.text)) for key, each in there.entries))
    for _, node, number in reversed(numbers):  # last first, so that the offsets of earlier ones stay valid
        if number is None:
            raise UnwritableError(name)
        text = replaced(text, node, number)
    return text


def _flow(text: str, key: str, change: Change, scalar: str) -> str:
    """The value of a new key in flow style."""
    if key in _IN_LISTS:
        return f"[{scalar}]"
    if key != "ulimits":
        return scalar
    name = change.value.partition("=")[0]
    return f"{{{json.dumps(name) if is_json(text) else name}: {_flow_limit(text, change)}}}"


def _block(key: str, change: Change, indent: str) -> list[str]:
    deeper = indent + " " * _INDENT
    if key in _IN_LISTS:
        return [f"{indent}{key}:", f"{deeper}- {_scalar(change)}"]
    if key == "ulimits":
        return [f"{indent}{key}:", *_limit(change, deeper)]
    return [f"{indent}{key}: {_scalar(change)}"]


def _limit(change: Change, indent: str) -> list[str]:
    name, soft, hard = _numbers(change)
    deeper = indent + " " * _INDENT
    return [f"{indent}{name}:", f"{deeper}soft: {soft}", f"{deeper}hard: {hard}"]


def _flow_limit(text: str, change: Change) -> str:
    _, soft, hard = _numbers(change)
    return f'{{"soft": {soft}, "hard": {hard}}}' if is_json(text) else f"{{soft: {soft}, hard: {hard}}}"


def _numbers(change: Change) -> tuple[str, str, str]:
    name, _, numbers = change.value.partition("=")
    soft, _, hard = numbers.partition(":")
    return name, soft, hard or soft


def _scalar(change: Change, *, quoted: bool = False) -> str:
    """The value as YAML, quoted if YAML could read it as another type, or if the others are quoted."""
    value = change.value
    number = value.isdigit() and NAMED[change.name].form is WHOLE
    if value in ("true", "false") or number or (not quoted and value.replace("_", "").isalpha()):
        return value
    return json.dumps(value, ensure_ascii=False)
