"""Write changed options into a devcontainer.json by editing its values in place: comments, order and variables stay."""

from __future__ import annotations

import json
import posixpath

from stratascope.core.message import Message, msg
from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import GivenOption, Service
from stratascope.formats.devcontainer.jsonc import inserted, removed
from stratascope.formats.yaml.read import List, Mapping, Node, Text, at, is_nothing, pairs, replaced

_LISTS = {"cap-add": "capAdd", "security-opt": "securityOpt", "mount": "mounts"}
_VALUES = {"user": "containerUser", "privileged": "privileged"}
_REST = "runArgs"
_WORKSPACE = "workspaceMount"  # without it, the folder is mounted all the same
_FIELDS = (("type", "type"), ("source", "source"), ("target", "target"))
_OF_OTHERS = msg("A feature, the image or the tool itself asks for it, not a line of this file.")


def rewritten(text: str, found: Mapping, file: str, service: Service, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    if service.place.file != file:
        raise UnwritableError(service.name, _elsewhere(service.place.file))
    if change.old is None:
        return _added(text, found, change)
    if change.old.place.file != file:
        raise UnwritableError(change.old.name, _elsewhere(change.old.place.file))
    if change.old.span is None:
        raise UnwritableError(change.old.name, _OF_OTHERS)
    return _changed(text, found, change.old, change)


def _elsewhere(file: str) -> Message:
    return msg("It is in {file}: check that file.", file=posixpath.normpath(file))


def _changed(text: str, found: Mapping, old: GivenOption, change: Change) -> str:
    assert old.span is not None
    span = (_place(text, old.span[0]), _place(text, old.span[1]))
    both = pairs(found)
    for pair in both:
        value = pair.value
        items = value.items if isinstance(value, List) else [value]
        inside = [number for number, each in enumerate(items) if span[0] <= each.start and each.end <= span[1]]
        if inside and change.name:
            return _other(text, items[inside[-1]], old, change)
        if inside and isinstance(value, List) and len(inside) < len(items):
            return removed(text, value.items, inside[0], inside[-1])
        if inside and pair.key.text == _WORKSPACE:
            return replaced(text, value, '""')
        if inside:
            return removed(text, both, both.index(pair), both.index(pair))
    raise UnwritableError(old.name)


def _place(text: str, at_: int) -> tuple[int, int]:
    """The line and column of an offset, from 0."""
    return text.count("\n", 0, at_), at_ - text.rfind("\n", 0, at_) - 1


def _other(text: str, node: Node, old: GivenOption, change: Change) -> str:
    """Another value in place of this one. Variables in front of what differs stay as they are written."""
    if isinstance(node, Text) and node.plain:
        return replaced(text, node, _literal(change.value))
    before, written = old.value or "", _raw(node)
    same = len(posixpath.commonprefix((before, change.value)))
    if not written.endswith(before[same:]):
        raise UnwritableError(old.name)
    kept = written[: len(written) - len(before) + same]
    return replaced(text, node, _quoted(kept + change.value[same:]))


def _raw(node: Node) -> str:
    """A value as a text; a mount's object as for `--mount`."""
    if isinstance(node, Text):
        return node.text
    fields = [(name, at(node, key)) for name, key in _FIELDS]
    return ",".join(f"{name}={each.text}" for name, each in fields if isinstance(each, Text))


def _added(text: str, found: Mapping, change: Change) -> str:
    if change.name in _VALUES:
        return _with_value(text, found, _VALUES[change.name], _literal(change.value))
    if change.name in _LISTS:
        return _with_item(text, found, _LISTS[change.name], change.value)
    if at(found, "dockerComposeFile") is not None:
        raise UnwritableError(change.name, msg("Only the Compose file can ask for this: check that file."))
    option = f"--{change.name}" if change.value == "true" else f"--{change.name}={change.value}"
    return _with_item(text, found, _REST, option)


def _with_item(text: str, found: Mapping, key: str, value: str) -> str:
    there = found.get(key)
    if isinstance(there, List) and there.items:
        return inserted(text, there.items[-1], _quoted(value))
    return _with_value(text, found, key, f"[{_quoted(value)}]")


def _with_value(text: str, found: Mapping, key: str, value: str) -> str:
    there = found.get(key)
    if there is None:
        return inserted(text, pairs(found)[-1], f"{json.dumps(key)}: {value}")
    if isinstance(there, Text) or is_nothing(there):
        return replaced(text, there, value)
    raise UnwritableError(key)


def _literal(value: str) -> str:
    return value if value in ("true", "false") else _quoted(value)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
