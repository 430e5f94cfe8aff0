"""An engine's stream of events: bytes to what they mean to us. Both engines speak Docker's form."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Any

from stratascope.core.ports import Event, EventKind
from stratascope.engines.shared.json_reader import JsonObject, parse

_LARGEST_EVENT = 1 << 20  # characters
_MARK = re.compile(r'["\\{}]')

# Words for what changes nothing that we show; everything else means "inspect it again"
_QUIET_ACTIONS = frozenset(
    {
        "archive-path",
        "attach",
        "cleanup",
        "commit",
        "copy",
        "detach",
        "exec_create",
        "exec_detach",
        "export",
        "extract-to-dir",
        "health_status",
        "logs",
        "mount",
        "resize",
        "sync",
        "top",
        "unmount",
    }
)
_LAST_ACTIONS = frozenset({"destroy", "remove"})


def decode_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """The events in a stream of JSON objects, with or without line ends between them. Raises ValueError."""
    for text in objects(pieces):
        event = event_of(parse(text))
        if event is not None:
            yield event


def objects(pieces: Iterable[bytes]) -> Iterator[str]:
    """The texts of the objects in a stream. Each byte is looked at once, in however many pieces they come: what has not
    ended yet is not parsed in the hope that it has. Raises ValueError.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    parts: list[str] = []
    depth, size, quoted, skip = 0, 0, False, -1
    for piece in pieces:
        text = decoder.decode(piece)
        begun = 0
        for mark in _MARK.finditer(text):
            place, letter = mark.start(), mark[0]
            if place == skip:  # after a backslash
                continue
            if quoted:
                if letter == "\\":
                    skip = place + 1
                quoted = letter != '"'
            elif letter == "{":
                if depth == 0:
                    _nothing(text[begun:place])
                    begun = place
                depth += 1
            elif depth == 0:
                raise ValueError(f"no event: {text[begun : begun + 80]!r}")
            elif letter == '"':
                quoted = True
            elif letter == "}":
                depth -= 1
                if depth == 0:
                    yield "".join((*parts, text[begun : place + 1]))
                    parts, size, begun = [], 0, place + 1
        skip = 0 if skip == len(text) else -1
        if depth == 0:
            _nothing(text[begun:])
            continue
        parts.append(text[begun:])
        size += len(text) - begun
        if size > _LARGEST_EVENT:
            raise ValueError(f"no event: {parts[0][:80]!r}")


def _nothing(text: str) -> None:
    if text.strip():
        raise ValueError(f"no event: {text.strip()[:80]!r}")


def event_of(value: Any) -> Event | None:
    """What an event of the engine means to us; None where it means nothing."""
    if not isinstance(value, dict):
        raise ValueError("expected an object that describes an event")
    answer = JsonObject(value)
    action = (answer.text("Action") or answer.text("status")).partition(":")[0].strip()
    container = answer.part("Actor").text("ID") or answer.text("id")
    if answer.text("Type") not in ("", "container") or not container or action in _QUIET_ACTIONS:
        return None
    return Event(EventKind.REMOVED if action in _LAST_ACTIONS else EventKind.CHANGED, container)
