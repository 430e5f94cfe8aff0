"""Records on disk: everything that was read, as one JSON file, replayable bit for bit.

Bytes that are not UTF-8 are lone surrogates in memory and `\\udcXX` in the file, so nothing is lost. msgspec
checks every field against the types of `core` and names the place that is wrong; decided against pickle
(runs code) and against a hand-written reader (drifts from the types).
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import msgspec

from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.record import Record

FORMAT = "stratascope-capture"
VERSION = 1


def dumps(record: Record) -> str:
    """The file's text."""
    body = msgspec.to_builtins(record)
    return json.dumps({"format": FORMAT, "version": VERSION, "record": body}, indent=1) + "\n"


def loads(text: str, name: str) -> Record:
    """A record from a file's text. Raises ProbeError that says what is wrong with `name`."""
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(name, str(error)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ProbeError(
            msg("{name} is not a capture. Give a file that `report --save-capture` wrote.", name=name),
            "no such format",
        )
    if document.get("version") != VERSION:
        raise ProbeError(
            msg(
                "{name} is a capture of version {version}; this program reads version {own}. "
                "Use the program that wrote it.",
                name=name,
                version=str(document.get("version")),
                own=VERSION,
            ),
            "other version",
        )
    try:
        return msgspec.convert(document.get("record"), Record)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _damaged(name, str(error)) from error


def save(record: Record, path: Path) -> None:
    """Write a record, readable by its owner only: commands and labels may hold secrets."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        about = os.fstat(descriptor)
        # a file that was there keeps its mode; not another's, whose it stays, and not a pipe such as /dev/stdout
        if stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid():
            os.fchmod(descriptor, 0o600)
        file.write(dumps(record))


def load(path: Path) -> Record:
    """Read a record. Raises ProbeError with a clear text; OSError where the file can't be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _damaged(str(path), str(error)) from error
    return loads(text, str(path))


def _damaged(name: str, words: str) -> ProbeError:
    return ProbeError(msg("The capture {name} is damaged: {words}", name=name, words=words), words)
