"""To be a client of the software in the containers: through the published port, in the language of each.

Written out here, in the few words that the tests need: what speaks is then no program of the image, which hardening
may have broken, and nothing has to be installed. Rootful Docker's test daemon has a network of its own, whose ports the
machine does not see, so connections are made in there.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
import time
from collections.abc import Callable

from rig.engine import Rig

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PATIENCE = 3.0  # seconds for one answer


def network_of(rig: Rig) -> str:
    """The network namespace in which the engine publishes ports."""
    return f"/proc/{rig.keeper.pid}/ns/net"


def free_port() -> int:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        port: int = link.getsockname()[1]
        return port


def connect(rig: Rig, port: int) -> socket.socket:
    """A connection to a published port. A socket stays in the namespace of the thread that made it."""
    made: list[socket.socket | OSError] = []

    def enter() -> None:
        try:
            handle = os.open(network_of(rig), os.O_RDONLY | os.O_CLOEXEC)
            try:
                if LIBC.setns(handle, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(handle)
            made.append(socket.create_connection(("127.0.0.1", port), PATIENCE))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def until(ask: Callable[[], str], wanted: str) -> str:
    """Ask again until that is the answer; the last answer or error where it is not in five minutes, which is never."""
    deadline = time.monotonic() + 300
    while True:
        try:
            answer = ask()
        except (OSError, EOFError) as error:
            answer = f"{type(error).__name__}: {error}"
        if answer == wanted or time.monotonic() > deadline:
            return answer
        time.sleep(0.2)


def page(rig: Rig, port: int, path: str) -> str:
    """GET by HTTP/1.0: the body, or the status line where that is not 200."""
    with connect(rig, port) as link:
        link.sendall(f"GET {path} HTTP/1.0\r\nHost: site\r\n\r\n".encode())
        head, _, body = _everything(link).partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].decode()
    return body.decode().rstrip("\n") if " 200 " in status else status


def redis(rig: Rig, port: int, *words: str) -> str:
    """One command by RESP; a simple or a bulk string as text, errors too."""
    with connect(rig, port) as link:
        parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        link.sendall(f"*{len(words)}\r\n{parts}".encode())
        lines = link.makefile("rb")
        first = lines.readline().decode().rstrip("\r\n")
        if not first:
            raise EOFError("it closed the connection")
        return lines.readline().decode().rstrip("\r\n") if first.startswith("$") and first != "$-1" else first[1:]


def postgres(rig: Rig, port: int, query: str) -> str:
    """One query by the simple protocol as the user postgres; values one a line, or the error."""
    with connect(rig, port) as link:
        options = b"user\0postgres\0database\0postgres\0\0"
        link.sendall((8 + len(options)).to_bytes(4) + (196608).to_bytes(4) + options)
        stream = link.makefile("rb")
        found: list[str] = []
        asked = False
        while True:
            kind, size = stream.read(1), stream.read(4)
            if len(size) < 4:
                raise EOFError("it closed the connection")
            body = stream.read(int.from_bytes(size) - 4)
            match kind:
                case b"Z" if asked:
                    link.sendall(b"X" + (4).to_bytes(4))
                    return "\n".join(found)
                case b"Z":
                    text = query.encode() + b"\0"
                    link.sendall(b"Q" + (4 + len(text)).to_bytes(4) + text)
                    asked = True
                case b"D":
                    found.append(body[6:].decode())
                case b"E":
                    raise EOFError(body.replace(b"\0", b" ").decode(errors="replace"))


def _everything(link: socket.socket) -> bytes:
    parts = []
    while part := link.recv(65536):
        parts.append(part)
    return b"".join(parts)
