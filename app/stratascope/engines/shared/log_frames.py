"""Docker's log stream as plain text. Pure."""

from __future__ import annotations

import struct

_HEAD = struct.Struct(">BxxxI")  # stream, length of what follows (Docker's API, ContainerAttach)
_STREAMS = (0, 1, 2)
_MOST = 1 << 18  # bytes: a line may be as long as it likes


def plain_log(body: bytes, tty: bool) -> str:
    """Both streams as they came, at most the last 256 KiB. With a terminal there is one stream and no heads."""
    text = body if tty else b"".join(_frames(body))
    return text[-_MOST:].decode("utf-8", "replace")


def _frames(body: bytes) -> list[bytes]:
    parts: list[bytes] = []
    place = 0
    while place + _HEAD.size <= len(body):
        stream, length = _HEAD.unpack_from(body, place)
        if stream not in _STREAMS or body[place + 1 : place + 4] != b"\0\0\0":
            return [*parts, body[place:]]  # not of that form, shown as it is
        place += _HEAD.size
        parts.append(body[place : place + length])
        place += length
    return parts
