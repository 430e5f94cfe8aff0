"""Parse JSON with comments and trailing commas, with the position of each value; and edit its text in place.

As VS Code's jsonc-parser, but strict in everything else. Values are the nodes of `formats/yaml/read.py`, within its
limits. Decided against PyYAML, which reads most of JSON, but neither `//` nor the surrogates of `\\ud83d\\ude00`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from stratascope.core.message import Message, msg
from stratascope.formats.yaml.read import DEPTH, VALUES, List, Mapping, Node, Text, offset

_TOKEN = re.compile(
    r"""[ \t\r\n]+|//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|[{}\[\]:,]|[-+.\w]+""", re.DOTALL | re.ASCII
).match
_NO_CODE = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LITERALS = frozenset(("true", "false", "null"))
_COMMA = re.compile(r"\s*,").match


class JsonError(Exception):
    """A text that is not JSON, or exceeds the limits; `line`: from 1."""

    def __init__(self, line: int, message: Message) -> None:
        super().__init__(message.id)
        self.line, self.message = line, message


def parse(text: str, file: str) -> Node:
    """The value of a text. Raises JsonError."""
    return _Parser(text, file).run()


class _Parser:
    def __init__(self, text: str, file: str) -> None:
        self._text, self._file = text, file
        self._at = self._line = self._line_at = self._values = 0
        self._token, self._start, self._end = "", (0, 0), (0, 0)

    def run(self) -> Node:
        self._next()
        found = self._value(0)
        if self._token:
            raise self._wrong()
        return found

    def _next(self) -> None:
        """The next token that is neither space nor comment; empty at the end of the text."""
        while True:
            found = _TOKEN(self._text, self._at)
            if found is None and self._at < len(self._text):
                raise self._wrong()
            self._token = "" if found is None else found[0]
            self._start = (self._line, self._at - self._line_at)
            self._at += len(self._token)
            lines = self._token.count("\n")
            if lines:
                self._line += lines
                self._line_at = self._text.rindex("\n", 0, self._at) + 1
            self._end = (self._line, self._at - self._line_at)
            if not (self._token[:1].isspace() or self._token.startswith("/")):
                return

    def _value(self, depth: int) -> Node:
        self._values += 1
        if depth > DEPTH:
            raise self._error(msg("Values are nested more than {most} levels deep.", most=DEPTH))
        if self._values > VALUES:
            raise self._error(msg("It has more than {most} values.", most=VALUES))
        found: Node
        if self._token in ("{", "["):
            found = self._mapping(depth) if self._token == "{" else self._list(depth)
            found.end = self._end
        else:
            found = self._text_here()
        self._next()
        return found

    def _text_here(self) -> Text:
        plain = not self._token.startswith('"')
        try:
            value = self._token if self._token in _LITERALS else json.loads(self._token, strict=False)
        except ValueError:
            raise self._wrong() from None
        found = Text(self._file, self._start, self._token if plain else value, plain=plain)
        found.end = self._end
        return found

    def _mapping(self, depth: int) -> Mapping:
        found = Mapping(self._file, self._start, flow=True)
        seen: set[str] = set()
        self._next()
        while self._token != "}":
            if not self._token.startswith('"'):
                raise self._wrong()
            key = self._text_here()
            if key.text in seen:
                raise self._error(msg("The key {name} occurs twice.", name=key.text))
            seen.add(key.text)
            self._next()
            if self._token != ":":
                raise self._wrong()
            self._next()
            value = self._value(depth + 1)
            found.entries.append((key, value))
            found.size += value.size
            self._comma("}")
        return found

    def _list(self, depth: int) -> List:
        found = List(self._file, self._start, flow=True)
        self._next()
        while self._token != "]":
            found.items.append(self._value(depth + 1))
            found.size += found.items[-1].size
            self._comma("]")
        return found

    def _comma(self, closing: str) -> None:
        if self._token == ",":
            self._next()
        elif self._token != closing:
            raise self._wrong()

    def _wrong(self) -> JsonError:
        if not self._token and self._at >= len(self._text):
            return self._error(msg("This is not JSON: it ends too early."))
        return self._error(msg("This is not JSON."))

    def _error(self, message: Message) -> JsonError:
        return JsonError(self._line + 1, message)


# -- editing


def _blanked(text: str) -> str:
    """The text with spaces for comments, so that commas and line ends are those of the JSON; as long as before."""
    return _NO_CODE.sub(lambda found: found[0] if found[0].startswith('"') else " " * len(found[0]), text)


def inserted(text: str, last: Node, new: str) -> str:
    """Insert an entry after the last one of a list or mapping, on its own line if that one has its own."""
    code = _blanked(text)
    start, end = offset(text, last.start), offset(text, last.end)
    line = code.rfind("\n", 0, start) + 1
    comma = _COMMA(code, end)
    at = end if comma is None else comma.end()
    if code[line:start].strip():
        return f"{text[:at]}{', ' if comma is None else ' '}{new}{text[at:]}"
    # with the comments before the last entry, only its indentation counts
    indent = re.match(r"[ \t]*", text[line:])[0]  # type: ignore[index]
    rest = code.find("\n", at)
    rest = len(code) if rest < 0 else rest
    rest = rest - 1 if code[rest - 1 : rest] == "\r" else rest
    if code[at:rest].strip():
        rest = at
    ending = "\r\n" if "\r\n" in text else "\n"
    before = text[:rest] if comma is not None else f"{text[:end]},{text[end:rest]}"
    return f"{before}{ending}{indent}{new}{'' if comma is None else ','}{text[rest:]}"


def removed(text: str, items: Sequence[Node], first: int, last: int) -> str:
    """Remove the items from `first` to `last` with their comma; with their lines, if nothing else is on them."""
    code = _blanked(text)
    start, end = offset(text, items[first].start), offset(text, items[last].end)
    comma, before = _COMMA(code, end), -1
    if comma is not None:
        end = comma.end()
    elif first:
        before = code.rindex(",", offset(text, items[first - 1].end), start)
    line = code.rfind("\n", 0, start) + 1
    rest = code.find("\n", end)
    rest = len(code) if rest < 0 else rest + 1
    if line and not code[line:start].strip() and not code[end:rest].strip():
        start, end = line, rest
    elif comma is not None:
        end += len(text[end:]) - len(text[end:].lstrip(" \t"))
    if before < 0:
        return text[:start] + text[end:]
    kept = text[before + 1 : start]
    return text[:before] + (kept if kept.strip() or kept.endswith("\n") else "") + text[end:]
