"""A hand-written engine on a unix socket, for answers that real engines can't be made to give.

What it says to a target are pieces of bytes, each sent by itself; two are not sent: HANG_UP ends the connection, SILENT
waits until whoever asked gives up.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HANG_UP, SILENT = b"", None

Pieces = Iterable[bytes | None]
Answer = Callable[[str], Pieces]


def reply(value: object, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """An HTTP answer; `value` is its body, text or bytes, or what is to be JSON there. A `length` larger than the body
    makes it one that was cut.
    """
    text = value if isinstance(value, (str, bytes)) else json.dumps(value)
    data = text.encode() if isinstance(text, str) else text
    size = len(data) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + data


@dataclass
class Drip:
    """An answer that begins well and then comes byte by byte, with no end. `sent` counts them."""

    head: bytes
    byte: bytes
    pause: float  # seconds
    sent: int = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self.head
        while True:
            yield self.byte
            self.sent += 1
            time.sleep(self.pause)


def by_path(answers: Mapping[str, bytes | Drip | None]) -> Answer:
    """By a part of the path, the first that fits; all else gets 404. It hangs up after each answer."""

    def answer(target: str) -> Pieces:
        found = next((found for part, found in answers.items() if part in target), reply("", "404 Not Found"))
        if isinstance(found, Drip):
            return found
        return (found, HANG_UP)

    return answer


def in_turn(*answers: Sequence[bytes]) -> Answer:
    """One after the other, whatever is asked; nothing when all were given."""
    left = list(answers)
    return lambda _: left.pop(0) if left else ()


class FakeEngine:
    """`requests`: the heads of what it was asked; `sent`: bytes, of all connections. `apart`: seconds from one piece to
    the next.
    """

    def __init__(self, path: Path, answer: Answer, apart: float = 0.0) -> None:
        self.path = path
        self.requests: list[bytes] = []
        self.connections = 0
        self.sent = 0
        self._answer, self._apart = answer, apart
        self._links: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """As a user names it."""
        return f"docker=unix://{self.path}"

    @property
    def asked(self) -> list[str]:
        """The targets."""
        return [request.split(b" ")[1].decode("latin-1") for request in tuple(self.requests)]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                link, _ = self._server.accept()
                self.connections += 1
                self._links.append(link)
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        rest = b""
        with link, contextlib.suppress(OSError):  # whoever asked has hung up
            while part := link.recv(65536):
                *heads, rest = (rest + part).split(b"\r\n\r\n")
                for head in heads:
                    self.requests.append(head + b"\r\n\r\n")
                    if not self._answered(link, head.split(b" ")[1].decode("latin-1")):
                        return

    def _answered(self, link: socket.socket, target: str) -> bool:
        """False: the connection is to end."""
        for piece in self._answer(target):
            if piece is SILENT:
                link.recv(1)
                return False
            if piece == HANG_UP:
                return False
            link.sendall(piece)
            self.sent += len(piece)
            time.sleep(self._apart)
        return True

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
