"""What is wrong with a damaged file of JSON, in words: where it breaks off, what stands where something else belongs.

The libraries' own words are for programmers ("Expected `float`, got `str` - at `$.taken_at`").
"""

from __future__ import annotations

import json
import re

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain

_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`(?: - at `([^`]+)`)?")
_LACKS = re.compile(r"Object missing required field `([^`]+)`(?: - at `([^`]+)`)?")
_KINDS: tuple[tuple[tuple[str, ...], Message], ...] = (
    (("int", "float"), msg("a number")),
    (("str",), msg("a string")),
    (("array", "list", "tuple"), msg("a list")),
    (("object", "dict"), msg("an object")),
    (("bool",), msg("true or false")),
    (("null", "None"), msg("nothing")),
)


def json_damage(error: ValueError | RecursionError, text: str) -> Message:
    """Of a text that could not be read at all."""
    if not text.strip():
        return msg("It is empty.")
    if isinstance(error, json.JSONDecodeError):
        if error.pos >= len(text.rstrip()):
            return msg(
                "It ends in the middle of line {line}: it was not written or copied completely.", line=error.lineno
            )
        return msg("It is not JSON at line {line}, column {column}.", line=error.lineno, column=error.colno)
    return msg("It is nested too deeply.") if isinstance(error, RecursionError) else msg("It is not JSON.")


def shape_damage(error: Exception) -> Message:
    """Of JSON that has another shape than it ought to: an error of msgspec."""
    told = str(error)
    if (found := _TYPE.search(told)) is not None:
        expected, got, place = found.groups()
        return msg("{place} is {got}, not {expected}.", place=_place(place), got=_kind(got), expected=_kind(expected))
    if (found := _LACKS.search(told)) is not None:
        field, place = found.groups()
        return msg("{place} has no {field}.", place=_place(place), field=plain(field, 80))
    return msg("Its content is not valid: {words}", words=plain(told, 200))


def _place(place: str | None) -> str:
    """`$.containers[...].raw` as `containers[…].raw`."""
    return plain((place or "").removeprefix("$").lstrip(".").replace("[...]", "[…]"), 120) or "record"


def _kind(name: str) -> Message:
    """`float`, `int | null`: the first that is known."""
    parts = re.split(r"[ |]+", name)
    return next((words for names, words in _KINDS if any(part in names for part in parts)), msg("something else"))
