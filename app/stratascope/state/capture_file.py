"""A capture on disk: everything that was read, as one JSON file, replayable bit for bit.

Bytes that are not UTF-8 are lone surrogates in memory and `\\udcXX` in the file, so nothing is lost. msgspec checks
every field against the types of `core` and names the place of an error; decided against pickle (runs code) and against
a hand-written reader (drifts from the types). Errors in a damaged file are reworded, since those of the libraries are
for programmers ("Expected `float`, got `str` - at `$.taken_at`").
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from string import Formatter
from typing import Any

import msgspec

from stratascope import atomic_file, sandbox
from stratascope.core.message import Message, msg
from stratascope.core.ports import ProbeError
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import MachineCapture
from stratascope.core.text import size_text
from stratascope.value import Value, replace

FORMAT = "stratascope-capture"
VERSION = 1
MOST = 256 << 20  # bytes of one file: thousands of containers
_YEAR_10000 = 253402300800  # seconds since the epoch; no calendar goes further


class _Whole(Value):
    format: str
    version: int
    record: MachineCapture


_WHOLE = msgspec.json.Decoder(_Whole)


def dumps(capture: MachineCapture) -> str:
    """The file's text."""
    body = msgspec.to_builtins(capture)
    return json.dumps({"format": FORMAT, "version": VERSION, "record": body}, indent=1) + "\n"


def loads(text: str | bytes, name: str) -> MachineCapture:
    """Parse a file's text. Raises ProbeError that says what is wrong with `name`."""
    try:
        whole = _WHOLE.decode(text)  # four times as fast, and rejects lone surrogates
    except (ValueError, RecursionError):
        whole = None
    if whole is not None and (whole.format, whole.version) == (FORMAT, VERSION):
        return _sound(whole.record, name)
    try:
        return _loads(text if isinstance(text, str) else text.decode(), name)
    except UnicodeDecodeError as error:
        raise _damaged(name, msg("It is not text from byte {place} on.", place=error.start)) from error


def _loads(text: str, name: str) -> MachineCapture:
    """Slower, for any text, with an error that says what is wrong."""
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(name, json_damage(error, text)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ProbeError(msg("{name} is not a capture. Use a file written by `report --save-capture`.", name=name))
    if document.get("version") != VERSION:
        raise ProbeError(
            msg(
                "{name} is a capture of version {version}; this program reads version {own}. "
                "Use the program that wrote it.",
                name=name,
                version=str(document.get("version")),
                own=VERSION,
            )
        )
    try:
        capture = msgspec.convert(document.get("record"), MachineCapture)
    except (msgspec.ValidationError, UnicodeEncodeError, RecursionError) as error:  # a lone surrogate as a key
        raise _damaged(name, shape_damage(error)) from error
    return _sound(capture, name)


def _sound(capture: MachineCapture, name: str) -> MachineCapture:
    """Check what types can't express."""
    if not 0 <= capture.taken_at < _YEAR_10000:  # nor NaN
        raise _damaged(name, msg("taken_at is not a time."))
    trouble = None if capture.trouble is None else capture.trouble.message
    for message in (*(engine.message for engine in capture.engines), trouble):
        if message is not None and not _harmless(message):
            raise _damaged(
                name, msg("It contains a text that this program does not write: {text}", text=plain(message.id, 80))
            )
    if capture.trouble is not None and capture.trouble.command != sandbox.GRANT:  # it can be copied, to be run
        capture = replace(capture, trouble=replace(capture.trouble, command=""))
    return capture


def _harmless(message: Message) -> bool:
    """Whether this program could have produced it: its texts are templates, and are shown on screen unescaped."""
    try:
        for text in (message.id, message.many):
            if plain(text) != text or not all(name in dict(message.args) for _, name, _, _ in Formatter().parse(text)
                                              if name is not None):  # fmt: skip
                return False
    except ValueError:
        return False
    return all(not isinstance(value, Message) or _harmless(value) for _, value in message.args)


def save(capture: MachineCapture, path: Path) -> None:
    """Write a capture, readable by its owner only: commands and labels may contain secrets.

    Atomically if possible: a full disk leaves the previous file. Raises OSError.
    """
    there = path.stat() if path.exists() else None
    if there is None or (stat.S_ISREG(there.st_mode) and there.st_uid == os.geteuid()):
        path = atomic_file.followed(path)
        atomic_file.write(path, dumps(capture).encode(), exact=True, lasting=False)
        return
    # not a pipe such as /dev/stdout, nor another user's file: it must keep its owner
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(dumps(capture))


def load(path: Path) -> MachineCapture:
    """Read a capture. Raises ProbeError with a clear text; OSError if the file can't be read."""
    data = atomic_file.read(path, MOST, piped=True)
    if data is None:
        raise _damaged(str(path), msg("It is larger than {size}.", size=size_text(MOST)))
    return loads(data, str(path))


def _damaged(name: str, why: Message) -> ProbeError:
    return ProbeError(msg("The capture {name} is damaged. {why}", name=name, why=why))


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
    """What is wrong with a text that is not JSON."""
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
    """What is wrong with JSON of another shape than expected: reworded from msgspec's error."""
    told = str(error)
    if (found := _TYPE.search(told)) is not None:
        expected, got, place = found.groups()
        return msg("{place} is {got}, not {expected}.", place=_place(place), got=_kind(got), expected=_kind(expected))
    if (found := _LACKS.search(told)) is not None:
        field, place = found.groups()
        return msg("{place} has no {field}.", place=_place(place), field=plain(field, 80))
    return msg("Its content is not valid: {words}", words=plain(told, 200))


def _place(place: str | None) -> str:
    """Format `$.containers[...].raw` as `containers[…].raw`."""
    return plain((place or "").removeprefix("$").lstrip(".").replace("[...]", "[…]"), 120) or "record"


def _kind(name: str) -> Message:
    """Name the first known type in `float`, `int | null`."""
    parts = re.split(r"[ |]+", name)
    return next((words for names, words in _KINDS if any(part in names for part in parts)), msg("something else"))
