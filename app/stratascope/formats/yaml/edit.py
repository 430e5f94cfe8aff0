"""YAML's text changed by the places of its values: a value taken out, lines put behind one.

A JSON file is YAML in flow style, and stays JSON: its words are quoted, and no comma is left at an end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from stratascope.bounded_cache import remembered
from stratascope.formats.yaml.read import List, Mapping, Node, Text


class Pair(Node):
    """A key with its value, as one piece of text."""

    __slots__ = ("key", "value")

    def __init__(self, key: Text, value: Node) -> None:
        super().__init__(key.file, key.start)
        self.key, self.value, self.end = key, value, max(key.end, value.end)


def replaced(text: str, node: Node, value: str) -> str:
    """Another value in the place of that one. Nothing at all (`cap_add:`) is right behind its colon."""
    start, end = offset(text, node.start), offset(text, node.end)
    return f"{text[:start]}{' ' if start == end else ''}{value}{text[end:]}"


def without(text: str, items: Sequence[Node], gone: Node, *, flow: bool) -> str:
    """Of a block its lines go; of a flow the value with its comma, and its lines where nothing else is in them."""
    if flow:
        return _without_flow(text, items, gone)
    lines = text.split("\n")
    first = gone.start[0]
    last = _last_line(gone)
    while last > first and (not lines[last].strip() or lines[last].lstrip().startswith("#")):
        last -= 1  # what stands in front of the next one stays
    return "\n".join([*lines[:first], *lines[last + 1 :]])


_COMMA = re.compile(r"\s*,").match
_REST = re.compile(r"[ \t]*,?[ \t]*(?:#[^\n]*)?\r?(?:\n|$)").match


def _without_flow(text: str, items: Sequence[Node], gone: Node) -> str:
    place = next(number for number, each in enumerate(items) if each is gone)
    start, end = offset(text, gone.start), offset(text, gone.end)
    line = text.rfind("\n", 0, start) + 1
    rest = _REST(text, end)
    if rest is not None and not text[line:start].strip():
        start, end = line, rest.end()
    elif place + 1 < len(items):
        behind = offset(text, items[place + 1].start)
        comma = _COMMA(text, end)
        end = behind if "\n" not in text[end:behind] or comma is None else comma.end()
    before = text[:start]
    if place and place + 1 == len(items):
        last = offset(text, items[place - 1].end)
        comma = _COMMA(text, last)
        if comma is not None:
            before = text[:last] + text[comma.end() : start]
        before = before if start == line and rest is not None else before.rstrip(" ")
    return before + text[end:]


def with_entry(text: str, mapping: Mapping, key: str, value: str) -> str:
    """One more entry behind the last one of a flow, in a line of its own where that one has one."""
    last_key, last = mapping.entries[-1]
    new = f"{json.dumps(key) if is_json(text) else key}: {value}"
    start, end = offset(text, last_key.start), offset(text, last.end)
    line = text.rfind("\n", 0, start) + 1
    indent, rest = text[line:start], _REST(text, end)
    if rest is None or indent.strip():
        return f"{text[:end]}, {new}{text[end:]}"
    behind = rest[0]
    comma = "," if behind.lstrip(" \t").startswith(",") else ""
    ending = "\r\n" if behind.endswith("\r\n") else "\n"
    return f"{text[:end]}{'' if comma else ','}{behind}{indent}{new}{comma}{ending}{text[rest.end() :]}"


@remembered()
def is_json(text: str) -> bool:
    """Whether it has to stay JSON."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def inserted(text: str, behind: Node, new: list[str]) -> str:
    """Lines behind a value."""
    lines = text.split("\n")
    at_ = _last_line(behind)
    while at_ > behind.start[0] and (not lines[at_].strip() or lines[at_].lstrip().startswith("#")):
        at_ -= 1
    ending = "\r" if lines[at_].endswith("\r") else ""
    return "\n".join([*lines[: at_ + 1], *(line + ending for line in new), *lines[at_ + 1 :]])


def _last_line(node: Node) -> int:
    """Of a block it is the last one of what is in it: YAML lets it end where the next thing begins."""
    if isinstance(node, Pair):
        return max(node.key.start[0], _last_line(node.value))
    if isinstance(node, List) and not node.flow and node.items:
        return _last_line(node.items[-1])
    if isinstance(node, Mapping) and not node.flow and node.entries:
        key, value = node.entries[-1]
        return max(key.start[0], _last_line(value))
    line, column = node.end
    return max(node.start[0], line if column else line - 1)


def offset(text: str, place: tuple[int, int]) -> int:
    """Where that line and column are in the text."""
    line, column = place
    at_ = 0
    for _ in range(line):
        at_ = text.index("\n", at_) + 1
    return at_ + column


def pairs(mapping: Mapping) -> list[Pair]:
    """Its entries, each as one piece."""
    return [Pair(key, value) for key, value in mapping.entries]
