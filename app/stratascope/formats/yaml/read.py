"""Parse YAML with the position of each value, and with limits, from PyYAML's events; and edit its text in place.

Tags and types are ignored: a value is a text, a list or a mapping. Decided against PyYAML's own composer, which
follows circular aliases, and has no limit on what aliases multiply. Positions allow changing a value in the text with
comments and order preserved; decided against writing YAML anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from stratascope.bounded_cache import remembered
from stratascope.core.message import Message, msg
from stratascope.core.options.given import Position

DEPTH, VALUES = 60, 200_000  # per document, with everything that its aliases repeat
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON"))
_FALSE = frozenset(("false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "Off", "OFF"))


class YamlError(Exception):
    """A text that is not valid YAML, or exceeds the limits; `line`: from 1."""

    def __init__(self, line: int, message: Message) -> None:
        super().__init__(message.id)
        self.line, self.message = line, message


class Node:
    """A value. `start`, `end`: (line, column) in the text, from 0."""

    __slots__ = ("end", "file", "size", "start", "tag")

    def __init__(self, file: str, start: tuple[int, int], tag: str = "") -> None:
        self.file, self.start, self.end, self.tag, self.size = file, start, start, tag, 1

    @property
    def place(self) -> Position:
        return Position(self.file, self.start[0] + 1)


class Text(Node):
    """A scalar. `plain`: without quotes, so that `null` and `true` are not texts."""

    __slots__ = ("plain", "text")

    def __init__(self, file: str, start: tuple[int, int], text: str, *, plain: bool, tag: str = "") -> None:
        super().__init__(file, start, tag)
        self.text, self.plain = text, plain

    @property
    def empty(self) -> bool:
        return self.plain and self.text in _NULLS

    @property
    def flag(self) -> bool | None:
        return True if self.text in _TRUE else False if self.text in _FALSE else None


class List(Node):
    __slots__ = ("flow", "items")

    def __init__(self, file: str, start: tuple[int, int], tag: str = "", *, flow: bool = False) -> None:
        super().__init__(file, start, tag)
        self.items: list[Node] = []
        self.flow = flow


class Mapping(Node):
    """A mapping in the order of the text; `<<` is resolved in `pairs`."""

    __slots__ = ("entries", "flow")

    def __init__(self, file: str, start: tuple[int, int], tag: str = "", *, flow: bool = False) -> None:
        super().__init__(file, start, tag)
        self.entries: list[tuple[Text, Node]] = []
        self.flow = flow

    def pairs(self) -> Iterator[tuple[Text, Node]]:
        """Each key once; its own entries take precedence over merged ones."""
        own = {key.text for key, _ in self.entries if key.text != "<<"}
        yield from ((key, value) for key, value in self.entries if key.text != "<<")
        for key, value in self.entries:
            if key.text == "<<":
                for merged in value.items if isinstance(value, List) else (value,):
                    if isinstance(merged, Mapping):
                        for name, found in merged.pairs():
                            if name.text not in own:
                                own.add(name.text)
                                yield name, found

    def get(self, name: str) -> Node | None:
        return next((value for key, value in self.pairs() if key.text == name), None)

    def key(self, name: str) -> Text | None:
        return next((key for key, _ in self.pairs() if key.text == name), None)


def is_nothing(node: Node) -> bool:
    """Whether it is null, or an empty list or mapping: `securityContext: {}`."""
    match node:
        case Text():
            return node.empty
        case List():
            return not node.items
        case Mapping():
            return not node.entries
    return False


def at(node: Node | None, *names: str) -> Node | None:
    """The value below these keys; None if there is none."""
    for name in names:
        node = node.get(name) if isinstance(node, Mapping) else None
    return None if isinstance(node, Text) and node.empty else node


def texts(node: Node | None) -> Iterator[str]:
    """Every text in it at any depth, except keys."""
    match node:
        case Text():
            yield node.text
        case List():
            for each in node.items:
                yield from texts(each)
        case Mapping():
            for _, value in node.pairs():
                yield from texts(value)


def text_at(node: Node | None, *names: str) -> str:
    """The text below these keys; empty if there is none."""
    found = at(node, *names)
    return found.text if isinstance(found, Text) else ""


def items_at(node: Node | None, *names: str) -> list[Node]:
    """The list below these keys; empty if there is none."""
    found = at(node, *names)
    return found.items if isinstance(found, List) else []


def flag_at(node: Node | None, *names: str) -> bool | None:
    """The boolean below these keys; None if there is none."""
    found = at(node, *names)
    return found.flag if isinstance(found, Text) else None


def documents(text: str, file: str) -> list[Node]:
    """All documents of a text; empty ones are left out. Raises YamlError."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return list(_Composer(file, yaml.parse(text, Loader=loader)).run())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise YamlError(line, _why(text, line, error.problem or "")) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        place = getattr(error, "position", 0)
        line = text[:place].count("\n") + 1
        raise YamlError(line, msg("This is not YAML: {words}.", words="a control character")) from error


def _why(text: str, line: int, words: str) -> Message:
    lines = text.split("\n")
    near = lines[line - 1] if 0 < line <= len(lines) else ""
    if "{{" in near or "{%" in near:
        return template()
    if "\t" in near[: len(near) - len(near.lstrip())]:
        return msg("This is not YAML: there is a tab where only spaces are allowed.")
    return msg("This is not YAML: {words}.", words=words)


def template() -> Message:
    """The message for a template that was not rendered."""
    return msg("This is a template that was not rendered: check its output instead (helm template, envsubst …).")


class _Composer:
    def __init__(self, file: str, events: Any) -> None:
        self._file, self._events = file, iter(events)
        self._anchors: dict[str, Node] = {}
        self._open: set[int] = set()

    def run(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                found = self._node(next(self._events), 0)
                if not (isinstance(found, Text) and found.empty):
                    yield found

    def _node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if depth > DEPTH:
            raise YamlError(line, msg("Values are nested more than {most} levels deep.", most=DEPTH))
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(str(event.anchor))
            if known is None:
                raise YamlError(line, msg("There is no anchor {name} before this.", name=str(event.anchor)))
            if id(known) in self._open:
                raise YamlError(line, msg("The anchor {name} refers back to itself.", name=str(event.anchor)))
            return known
        start = _place(event.start_mark)
        tag = event.tag or ""
        found: Node
        if isinstance(event, yaml.ScalarEvent):
            found = Text(self._file, start, event.value, plain=not event.style, tag=tag)
            found.end = _place(event.end_mark)
            self._keep(event, found)
            return found
        if isinstance(event, yaml.SequenceStartEvent):
            found = List(self._file, start, tag, flow=bool(event.flow_style))
            self._keep(event, found)
            self._fill_list(found, depth)
        else:
            found = Mapping(self._file, start, tag, flow=bool(event.flow_style))
            self._keep(event, found)
            self._fill_mapping(found, depth)
        self._open.discard(id(found))
        return found

    def _keep(self, event: Any, node: Node) -> None:
        if event.anchor:
            self._anchors[event.anchor] = node
            if not isinstance(node, Text):
                self._open.add(id(node))

    def _fill_list(self, found: List, depth: int) -> None:
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                found.end = _place(event.end_mark)
                return
            self._add(found, item := self._node(event, depth + 1))
            found.items.append(item)

    def _fill_mapping(self, found: Mapping, depth: int) -> None:
        seen: set[str] = set()
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                found.end = _place(event.end_mark)
                return
            key = self._node(event, depth + 1)
            if not isinstance(key, Text):
                raise YamlError(
                    key.place.line, template() if isinstance(key, Mapping) else msg("A key has to be a string.")
                )
            if key.text in seen and key.text != "<<":
                raise YamlError(key.place.line, msg("The key {name} occurs twice.", name=key.text))
            seen.add(key.text)
            value = self._node(next(self._events), depth + 1)
            self._add(found, value)
            found.entries.append((key, value))

    def _add(self, to: Node, item: Node) -> None:
        to.size += item.size
        if to.size > VALUES:
            raise YamlError(
                item.place.line, msg("With its aliases expanded, it has more than {most} values.", most=VALUES)
            )


def _place(mark: Any) -> tuple[int, int]:
    return mark.line, mark.column


# -- editing YAML's text by the positions of its values: remove a value, insert lines after one
#
# A JSON file is YAML in flow style, and stays JSON: its words are quoted, and no trailing comma is left.


class Pair(Node):
    """A key and its value, as one span of text."""

    __slots__ = ("key", "value")

    def __init__(self, key: Text, value: Node) -> None:
        super().__init__(key.file, key.start)
        self.key, self.value, self.end = key, value, max(key.end, value.end)


def replaced(text: str, node: Node, value: str) -> str:
    """Replace a node's text. An empty value (`cap_add:`) is directly after its colon."""
    start, end = offset(text, node.start), offset(text, node.end)
    return f"{text[:start]}{' ' if start == end else ''}{value}{text[end:]}"


def without(text: str, items: Sequence[Node], gone: Node, *, flow: bool) -> str:
    """Remove an item: the lines of a block item; a flow item with its comma, and its lines if otherwise empty."""
    if flow:
        return _without_flow(text, items, gone)
    lines = text.split("\n")
    first = gone.start[0]
    last = _last_line(gone)
    while last > first and (not lines[last].strip() or lines[last].lstrip().startswith("#")):
        last -= 1  # the indentation of the next item stays
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
    """Add an entry after the last one of a flow mapping, on its own line if that one has its own."""
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
    """Whether the text is JSON, and must stay so."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def inserted(text: str, behind: Node, new: list[str]) -> str:
    """Insert lines after a value."""
    lines = text.split("\n")
    at_ = _last_line(behind)
    while at_ > behind.start[0] and (not lines[at_].strip() or lines[at_].lstrip().startswith("#")):
        at_ -= 1
    ending = "\r" if lines[at_].endswith("\r") else ""
    return "\n".join([*lines[: at_ + 1], *(line + ending for line in new), *lines[at_ + 1 :]])


def _last_line(node: Node) -> int:
    """The last line of a node; for a block, that of its last child: YAML ends a block where the next node starts."""
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
    """The offset of a line and column in the text."""
    line, column = place
    at_ = 0
    for _ in range(line):
        at_ = text.index("\n", at_) + 1
    return at_ + column


def pairs(mapping: Mapping) -> list[Pair]:
    """The entries of a mapping, each as one span."""
    return [Pair(key, value) for key, value in mapping.entries]
