"""A way to an engine's socket where something happens in the middle: before a call is passed on, or before its answer.

Bytes go both ways as they are. A request's first line is looked at where a client's bytes begin with one, which they
do: clients send one request at a time and wait for its answer.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

Happening = Callable[[], None]


class Between:
    """`before` and `after`: part of a request's first line ("POST … /start") to what happens then, once."""

    def __init__(
        self, path: Path, engine: Path, before: dict[str, Happening], after: dict[str, Happening] | None = None
    ) -> None:
        self._engine, self._before, self._after = engine, dict(before), dict(after or {})
        self.happened: list[str] = []
        self._links: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(str(self._engine))
            self._links += [client, engine]
            pending: list[Happening] = []
            threading.Thread(target=self._ask, args=(client, engine, pending), daemon=True).start()
            threading.Thread(target=self._answer, args=(engine, client, pending), daemon=True).start()

    def _ask(self, client: socket.socket, engine: socket.socket, pending: list[Happening]) -> None:
        try:
            while data := client.recv(65536):
                line = data.partition(b"\r\n")[0].decode("latin-1")
                for part in [part for part in self._before if part in line]:
                    self.happened.append(part)
                    self._before.pop(part)()
                for part in [part for part in self._after if part in line]:
                    self.happened.append(part)
                    pending.append(self._after.pop(part))
                engine.sendall(data)
            engine.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _answer(self, engine: socket.socket, client: socket.socket, pending: list[Happening]) -> None:
        try:
            while data := engine.recv(65536):
                while pending:
                    pending.pop()()
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for link in self._links:
            link.close()
