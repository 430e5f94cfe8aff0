"""Engines on sockets of ours that answer as no engine does: at length, without end, in drips, or with lies."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ID = "ab" * 32
INFO = {"ServerVersion": "28.0", "SecurityOptions": ["name=seccomp,profile=builtin"]}
CONTAINER = {"Id": ID, "Name": "/web", "State": {"Status": "exited"}, "Config": {}, "HostConfig": {}}

Answer = Callable[[str], Iterable[bytes]]


def reply(value: object, status: str = "200 OK", head: str = "") -> bytes:
    """A whole answer; `value` is its JSON, or its body as it is."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return f"HTTP/1.1 {status}\r\nApi-Version: 1.45\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def good(target: str) -> Iterable[bytes]:
    """What Docker answers that has one container, which does not run."""
    path = target.partition("?")[0]
    for end, answer in (("/_ping", b"OK"), ("/info", INFO), ("/containers/json", [{"Id": ID}])):
        if path.endswith(end):
            return (reply(answer),)
    return (reply(CONTAINER),) if path.endswith(f"/{ID}/json") else (reply({"message": "no such"}, "404 Not Found"),)


def instead(end: str, answer: Answer) -> Answer:
    """As the good one, but for targets whose path ends so."""
    return lambda target: (answer if target.partition("?")[0].endswith(end) else good)(target)


def without_end(head: bytes, piece: bytes, pause: float = 0.0) -> Iterator[bytes]:
    yield head
    for _ in itertools.count():
        time.sleep(pause)
        yield piece


class Server:
    """Answers each request on a connection with the pieces of `answer`. `sent`: bytes, of all connections."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self.endpoint = f"docker=unix://{path}"
        self.asked: list[str] = []
        self.sent = 0
        self._answer = answer
        self._links: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                link, _ = self._server.accept()
                self._links.append(link)
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        rest = b""
        with link, contextlib.suppress(OSError):  # whoever asked has hung up
            while part := link.recv(65536):
                *heads, rest = (rest + part).split(b"\r\n\r\n")
                for head in heads:
                    target = head.split(b" ")[1].decode()
                    self.asked.append(target)
                    for piece in self._answer(target):
                        link.sendall(piece)
                        self.sent += len(piece)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
