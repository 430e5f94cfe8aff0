"""YAML's text changed by the places of its values: a value taken out, lines put behind one."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.check.yaml_nodes import List, Mapping, Node, Text


class Pair(Node):
    """A key with its value, as one piece of text."""

    __slots__ = ("key", "value")

    def __init__(self, key: Text, value: Node) -> None:
        super().__init__(key.file, key.start)
        self.key, self.value, self.end = key, value, max(key.end, value.end)


def without(text: str, items: Sequence[Node], gone: Node, *, flow: bool) -> str:
    """A flow is put together from what is left; of a block its lines go."""
    if flow:
        left = [text[offset(text, each.start) : offset(text, each.end)] for each in items if each is not gone]
        start, end = offset(text, items[0].start), offset(text, items[-1].end)
        return text[:start] + ", ".join(left) + text[end:]
    lines = text.split("\n")
    first = gone.start[0]
    last = _last_line(gone)
    while last > first and (not lines[last].strip() or lines[last].lstrip().startswith("#")):
        last -= 1  # what stands in front of the next one stays
    return "\n".join([*lines[:first], *lines[last + 1 :]])


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
