"""Parsers of an engine's streams, events and logs. Both engines use Docker's format."""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from stratascope.core.ports import Event, EventKind, LogLine
from stratascope.engines.shared.json_reader import JsonObject, parse

_LARGEST_EVENT = 1 << 20  # characters
_MARK = re.compile(r'["\\{}]')

# Actions that change nothing that we show; any other means "inspect it again"
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
        "logs",
        "mount",
        "resize",
        "sync",
        "top",
        "unmount",
    }
)
_JOINING = frozenset({"connect", "disconnect"})
_LAST_ACTIONS = frozenset({"destroy", "remove"})
_HEALTH = "health_status"  # followed by what it said in Docker; Podman says it in a field of its own
_COMMANDS = {  # Docker's, Podman's
    "exec_start": EventKind.COMMAND,
    "exec_die": EventKind.COMMAND_OVER,
    "exec": EventKind.COMMAND,
    "exec_died": EventKind.COMMAND_OVER,
}


def decode_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Parse events from a stream of JSON objects, with or without newlines between them. Raises ValueError."""
    for text in objects(pieces):
        event = event_of(parse(text))
        if event is not None:
            yield event


def objects(pieces: Iterable[bytes]) -> Iterator[str]:
    """Split a stream into the texts of its objects. Each byte is scanned once, however the data is divided: an
    incomplete object is never parsed speculatively. Raises ValueError.
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
    """Translate an engine's event; None if it is irrelevant."""
    if not isinstance(value, dict):
        raise ValueError("expected an object that describes an event")
    answer = JsonObject(value)
    action, _, said = map(str.strip, (answer.text("Action") or answer.text("status")).partition(":"))
    actor = answer.part("Actor")
    if answer.text("Type") == "network":  # Docker's names the container that joins it or leaves it, Podman's is its
        about = actor.part("Attributes")
        joined = about.text("container") or (actor.text("ID") if about.text("network") else "")
        return Event(EventKind.CHANGED, joined) if joined and action in _JOINING else None
    container = actor.text("ID") or answer.text("id")
    if answer.text("Type") not in ("", "container") or not container or action in _QUIET_ACTIONS:
        return None
    if action in _COMMANDS:
        return Event(_COMMANDS[action], container, said, actor.part("Attributes").text("execID"))
    if action == _HEALTH:
        return Event(EventKind.HEALTH, container, said or answer.text("HealthStatus"))
    return Event(EventKind.REMOVED if action in _LAST_ACTIONS else EventKind.CHANGED, container)


# -- Docker's log stream, also used by Podman, as plain text and as lines

_HEAD = struct.Struct(">BxxxI")  # stream, length of what follows (Docker's API, ContainerAttach)
_STREAMS = (0, 1, 2)
_MOST = 1 << 18  # bytes: a line may have any length
_LINE_MOST = 1 << 14  # bytes of a line that are passed on at once; a longer one comes in pieces
_MOMENT = re.compile(rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,20}(?:Z|[+-][0-9:]{4,6})) ").match


def plain_log(body: bytes, tty: bool) -> str:
    """Both streams interleaved, at most the last 256 KiB. With a terminal there is one stream and no frames."""
    text = body if tty else b"".join(_frames(body))
    return text[-_MOST:].decode("utf-8", "replace")


def _frames(body: bytes) -> list[bytes]:
    parts: list[bytes] = []
    place = 0
    while place + _HEAD.size <= len(body):
        stream, length = _HEAD.unpack_from(body, place)
        if stream not in _STREAMS or body[place + 1 : place + 4] != b"\0\0\0":
            return [*parts, body[place:]]  # not framed: shown unchanged
        place += _HEAD.size
        parts.append(body[place : place + length])
        place += length
    return parts


def frames(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a stream's frames, as it comes; unframed data is passed on unchanged."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= _HEAD.size:
            stream, length = _HEAD.unpack_from(waiting)
            if stream not in _STREAMS or waiting[1:4] != b"\0\0\0":
                yield bytes(waiting)
                waiting.clear()
                break
            whole = _HEAD.size + length
            if len(waiting) < whole and len(waiting) <= _MOST:
                break
            yield bytes(waiting[_HEAD.size : whole])
            if len(waiting) < whole:  # longer than anything that is buffered
                _HEAD.pack_into(waiting, len(waiting) - _HEAD.size, stream, whole - len(waiting))
                del waiting[: -_HEAD.size]
                break
            del waiting[:whole]
    if len(waiting) >= _HEAD.size and waiting[0] in _STREAMS:  # an incomplete frame
        del waiting[: _HEAD.size]
    if waiting:
        yield bytes(waiting)


def lines(chunks: Iterable[bytes], *, whole: bool) -> Iterator[LogLine]:
    """Lines with the timestamps that precede each chunk. `whole`: a chunk is a line, as in Podman."""
    moment, waiting = "", b""
    for chunk in chunks:
        moment, text = _stamped(chunk, moment)
        *ended, rest = (waiting + text).split(b"\n")
        if whole and (rest or not ended):
            ended.append(rest)
            rest = b""
        for line in ended:
            moment, text = _stamped(line, moment)  # of a terminal, whose output is not framed
            yield from _pieces(moment, text)
        while len(rest) > _LINE_MOST:
            yield LogLine(moment, rest[:_LINE_MOST].decode("utf-8", "replace"))
            rest = rest[_LINE_MOST:]
        waiting = rest
    if waiting:
        yield from _pieces(moment, waiting)


def _stamped(text: bytes, before: str) -> tuple[str, bytes]:
    """Split a leading timestamp from the text; without one, use `before`."""
    stamp = _MOMENT(text)
    return (before, text) if stamp is None else (stamp[1].decode("ascii"), text[stamp.end() :])


def _pieces(moment: str, line: bytes) -> Iterator[LogLine]:
    for start in range(0, max(len(line), 1), _LINE_MOST):
        yield LogLine(moment, line[start : start + _LINE_MOST].decode("utf-8", "replace"))
