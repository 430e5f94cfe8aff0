"""GET on a local socket, kept open between calls: what the SDKs do in 1 ms a call, in 0.1 ms.

For the many small calls that list all containers. They may be asked before those ahead of them are answered (RFC 9112,
section 9.3.2), so that the engine never waits for us. It reads the two kinds of answers that the engines give (of a
length that is told, and in chunks: sections 6 and 7.1), and raises ValueError for anything unusual; errors, streams,
TCP and TLS stay with the SDKs. Decided against http.client: it loads the whole of `email` and `ssl` for a head of six
lines, and takes longer to read it than an engine takes to answer.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time

from stratascope.engines.shared.streams import BODY_MAX

_STEP = 1 << 16
_LINE_MAX = 1 << 14  # bytes of a head, or of the line that begins a chunk


class UnixHttpConnection:
    """To the engine that listens at `path`; for one thread, but `shut` may be called from any."""

    def __init__(self, path: str, connect: float, silence: float) -> None:
        """Seconds to connect, and of silence."""
        self._path = path
        self._connect_seconds = connect
        self._silence = silence
        self.sock: socket.socket | None = None  # while it is connected
        self._over = False
        self._buffer = b""  # what came and was not read yet
        self._limit = 0.0
        self._unanswered = 0
        self.api_version = ""  # as the last answer's head says it: both engines put it into each

    def get(self, url: str, seconds: float, silence: float | None = None) -> tuple[int, bytes]:
        """Status and whole body. `silence`: what this one answer may take to go on.

        Raises OSError (TimeoutError after `seconds`), ValueError.
        """
        self.begin()
        self.ask(url)
        if self.sock is not None:
            self.sock.settimeout(self._silence if silence is None else silence)
        return self.answer(seconds)

    def begin(self) -> None:
        """Before the first of several: what somebody asked and did not wait for is no answer to us."""
        if self._unanswered:
            self.close()

    def ask(self, url: str) -> None:
        """Send a question; `answer` gives the answers in order. Raises as `get`. As one hangs up where that fails, the
        answers to the ones before it are lost too.
        """
        try:
            if not (url.isascii() and url.isprintable() and " " not in url):
                raise ValueError("not a path that can be asked for as it is")
            link = self.sock or self._connect()
            link.sendall(f"GET {url} HTTP/1.1\r\nHost: engine\r\n\r\n".encode())
        except BaseException:
            self.close()
            raise
        self._unanswered += 1

    def answer(self, seconds: float) -> tuple[int, bytes]:
        """To the oldest question that has none yet. Raises as `get`."""
        self._limit = time.monotonic() + seconds
        try:
            status, head = self._head()
            self.api_version = head.get("api-version", "")
            if head.get("transfer-encoding", "").lower() == "chunked":
                body = self._chunks()
            else:
                body = self._exactly(_number(head.get("content-length", ""), 10))
        except BaseException:
            self.close()
            raise
        self._unanswered -= 1
        if (self._buffer and not self._unanswered) or head.get("connection", "").lower() == "close":
            self.close()
        return status, body

    def close(self) -> None:
        """Hang up; the next call connects anew."""
        link, self.sock, self._buffer, self._unanswered = self.sock, None, b"", 0
        if link is not None:
            link.close()

    def shut(self) -> None:
        """Close it, and end a call that another thread waits in."""
        self._over = True
        link = self.sock
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self.close()

    def _connect(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.settimeout(self._connect_seconds)
            link.connect(self._path)
            link.settimeout(self._silence)
        except BaseException:
            link.close()
            raise
        self.sock = link
        if self._over:  # shut while it connected
            raise ConnectionAbortedError(errno.ECONNABORTED, "the connection was given up")
        return link

    def _head(self) -> tuple[int, dict[str, str]]:
        """Status and fields, their names in small letters."""
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if version != "HTTP/1.1":
            raise ValueError("not the version of HTTP that was asked for")
        status = _number(rest[:3], 10)
        if status < 200:
            raise ValueError("a head that another one follows")
        fields = (line.partition(":") for line in lines)
        return status, {name.lower(): value.strip() for name, _, value in fields}

    def _chunks(self) -> bytes:
        parts, size = [], 0
        while length := _number(self._until(b"\r\n").partition(b";")[0].decode("latin-1"), 16):
            size += length
            if size > BODY_MAX:
                raise OSError(errno.EMSGSIZE, f"the answer is longer than {BODY_MAX} bytes")
            parts.append(self._exactly(length))
            if self._exactly(2) != b"\r\n":
                raise ValueError("a chunk of another length than it said")
        while self._until(b"\r\n"):
            pass  # fields that come after the body
        return b"".join(parts)

    def _until(self, mark: bytes) -> bytes:
        """What comes before the mark."""
        while (place := self._buffer.find(mark)) < 0:
            if len(self._buffer) > _LINE_MAX:
                raise ValueError("a line without end")
            self._buffer += self._more()
        found, self._buffer = self._buffer[:place], self._buffer[place + len(mark) :]
        return found

    def _exactly(self, length: int) -> bytes:
        if length > BODY_MAX:
            raise OSError(errno.EMSGSIZE, f"the answer is longer than {BODY_MAX} bytes")
        parts, missing = [self._buffer], length - len(self._buffer)
        while missing > 0:
            part = self._more()
            parts.append(part)
            missing -= len(part)
        whole = b"".join(parts)
        self._buffer = whole[length:]
        return whole[:length]

    def _more(self) -> bytes:
        link = self.sock
        part = b"" if link is None else link.recv(_STEP)
        if not part:
            raise ConnectionResetError(errno.ECONNRESET, "the engine hung up before the end")
        if time.monotonic() > self._limit:
            raise TimeoutError("the answer did not end in time")
        return part


def _number(text: str, base: int) -> int:
    """Digits only: int() takes signs, spaces and underscores too. Raises ValueError."""
    if not text.strip(" \t").isalnum():
        raise ValueError(f"expected a number, found {text[:20]!r}")
    return int(text, base)
