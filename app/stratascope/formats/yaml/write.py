"""Write YAML for exports without a library. Every text that could be read as another type is quoted.

Block style for mappings and lists, double quotes for texts, as YAML 1.1 and 1.2 both read them. A long key gets a
question mark: parsers search for the colon of other keys within 1,024 characters only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from stratascope.core.shell_quote import NoNotationError
from stratascope.value import Value

Node: TypeAlias = "str | int | float | bool | Mapping[str, Node] | Sequence[Node] | Tagged | None"

_SURROGATE = re.compile(r"[\ud800-\udfff]").search
_SAFE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*").fullmatch
# Words that YAML 1.1 or 1.2 reads as a boolean or null
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_KEY_MAX = 1000  # bytes of a key as written
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


class Tagged(Value):
    """A value with a tag, such as Compose's `!override`."""

    tag: str
    value: Node


def document(value: Mapping[str, Node]) -> str:
    """The whole document, with a newline at its end. Raises NoNotationError."""
    return "\n".join(_mapping(value, 0)) + "\n"


def text(value: str) -> str:
    """A text as a YAML scalar. Raises NoNotationError for bytes that are not characters, which YAML can't express."""
    if _SAFE(value) and value.lower() not in _WORDS:
        return value
    if (found := _SURROGATE(value)) is not None:
        raise NoNotationError("YAML", found[0], value)
    return '"' + "".join(map(_character, value)) + '"'


def _character(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    # Printable by YAML (YAML 1.2, rule 1) and on every terminal
    if character.isprintable():
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _scalar(value: Node) -> str | None:
    """The value on one line; None if it takes several."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # Without an exponent, which YAML 1.1 reads as a text if there is no decimal point
        return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Tagged):
        inner = _scalar(value.value)
        return None if inner is None else f"{value.tag} {inner}"
    if not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    return None


def _mapping(value: Mapping[str, Node], depth: int) -> Iterator[str]:
    for key, item in value.items():
        scalar = _scalar(item)
        head = f"{'  ' * depth}{text(key)}:"
        if len(head.encode()) > _KEY_MAX:
            yield f"{'  ' * depth}? {head.strip()[:-1]}"
            head = f"{'  ' * depth}:"
        if scalar is not None:
            yield f"{head} {scalar}"
            continue
        yield f"{head} {item.tag}" if isinstance(item, Tagged) else head
        yield from _block(item, depth + 1)


def _block(value: Node, depth: int) -> Iterator[str]:
    value = value.value if isinstance(value, Tagged) else value
    if isinstance(value, Mapping):
        yield from _mapping(value, depth)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            scalar = _scalar(item)
            if scalar is not None:
                yield f"{'  ' * depth}- {scalar}"
                continue
            first, *rest = _block(item, depth + 1)
            # A list in a list has its first dash in place of the indentation
            yield f"{'  ' * depth}- {first.lstrip(' ')}"
            yield from rest
