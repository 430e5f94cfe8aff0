"""A hand-written HTTP server on a unix socket that answers wrongly, for what real engines can't be made to do."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path


def reply(body: str, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """An HTTP answer; a `length` larger than the body makes it one that was cut."""
    data = body.encode()
    size = len(data) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + data


@dataclass
class Drip:
    """An answer that begins well and then comes byte by byte, with no end. `sent` counts them."""

    head: bytes
    byte: bytes
    pause: float  # seconds
    sent: int = 0


class FakeEngine:
    """Answers by path prefix, the first that fits; None: never answers. Everything else gets 404."""

    def __init__(self, path: Path, answers: dict[str, bytes | Drip | None]) -> None:
        self.asked: list[str] = []
        self._answers = answers
        self._links: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(16)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            self._links.append(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        try:
            request = link.recv(65536).decode("latin-1")
            if not request:
                return
            target = request.split(" ")[1]
            self.asked.append(target)
            for prefix, answer in self._answers.items():
                if prefix in target:
                    if answer is None:
                        link.recv(1)  # until the client gives up
                        return
                    if isinstance(answer, Drip):
                        link.sendall(answer.head)
                        while True:
                            link.sendall(answer.byte)
                            answer.sent += 1
                            time.sleep(answer.pause)
                    link.sendall(answer)
                    return
            link.sendall(reply("", "404 Not Found"))
        except OSError:
            return
        finally:
            link.close()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for link in self._links:
            link.close()
        self._thread.join(5)
