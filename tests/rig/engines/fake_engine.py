"""A fake engine on a unix socket, for answers that real engines can't be made to give.

Its answer to a target is a sequence of byte strings, each sent separately. Two are special: HANG_UP closes the
connection, SILENT waits until the client gives up.
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
    """An HTTP response. `value`: its body as text or bytes, or a value to encode as JSON. A `length` larger than the
    body makes it a truncated one.
    """
    text = value if isinstance(value, (str, bytes)) else json.dumps(value)
    data = text.encode() if isinstance(text, str) else text
    size = len(data) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + data


@dataclass
class Drip:
    """An answer that begins normally and then drips byte by byte, endlessly. `sent`: the number of bytes."""

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
    """Answer by the first key contained in the path, else 404. Hangs up after each answer."""

    def answer(target: str) -> Pieces:
        found = next((found for part, found in answers.items() if part in target), reply("", "404 Not Found"))
        if isinstance(found, Drip):
            return found
        return (found, HANG_UP)

    return answer


def in_turn(*answers: Sequence[bytes]) -> Answer:
    """Give these answers in order, whatever is requested; then nothing."""
    left = list(answers)
    return lambda _: left.pop(0) if left else ()


class FakeEngine:
    """The engine. `requests`: heads of the requests; `sent`: bytes over all connections; `apart`: seconds between two
    pieces.
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
        """The address, as a user gives it."""
        return f"docker=unix://{self.path}"

    @property
    def asked(self) -> list[str]:
        """The requested targets."""
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
        with link, contextlib.suppress(OSError):  # the client has hung up
            while part := link.recv(65536):
                *heads, rest = (rest + part).split(b"\r\n\r\n")
                for head in heads:
                    self.requests.append(head + b"\r\n\r\n")
                    if not self._answered(link, head.split(b" ")[1].decode("latin-1")):
                        return

    def _answered(self, link: socket.socket, target: str) -> bool:
        """Send the answer; False if the connection must be closed."""
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
        self._thread.join(5)  # before its links are ended: it may be taking one
        self._server.close()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
