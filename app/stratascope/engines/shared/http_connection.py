"""HTTP/1.1 to an engine, bounded in bytes and time whatever comes back: the only transport to engines.

A connection is kept open between calls, and many small requests may be pipelined (RFC 9112, section 9.3.2), so that the
engine never waits for us. All limits are enforced where bytes arrive (`_more`), so heads, interim responses, bodies,
chunks and trailers that drip or never end cost their time and no more. Nothing is followed, unpacked or taken from the
environment: no redirect, no proxy, no password of a .netrc. Decided against http.client: it has no overall limit, and
takes longer to load and to read a head than an engine takes to answer.
"""

from __future__ import annotations

import contextlib
import errno
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from stratascope.value import Value

_STEP = 1 << 16
_LINE_MAX = 1 << 14  # bytes of a chunk's size line
_HEAD_MAX = 1 << 16
_INTERIM_MAX = 8  # responses of 100 to 199 that may precede the final one (RFC 9110, section 15.2)
_DIGITS_MAX = 16  # digits of a length
_BODYLESS = (204, 304)


Wanted = Callable[[Mapping[str, str]], bool]  # whether to read the body, given the head


class Bounds(Value):
    """Limits of a response: total seconds, seconds of silence, and bytes of its body."""

    seconds: float
    silence: float
    size: int


class HttpConnection:
    """For one thread, but `shut` may be called from any. `dial` connects, and may raise anything."""

    def __init__(self, dial: Callable[[], socket.socket], host: str = "engine") -> None:
        self._dial, self._host = dial, host
        self.sock: socket.socket | None = None  # None while not connected
        self._over = False
        self._buffer, self._at = b"", 0  # received data, and the position up to which it was read
        self._limit = math.inf
        self._silence: float | None = None
        self._wait: float | None = -1.0  # the socket's current timeout
        self._left: int | None = None  # bytes left of a stream's body; None: until it ends
        self._chunked = False
        self._unanswered = 0
        self.head: Mapping[str, str] = {}  # header fields of the last response, in lower case

    def call(self, target: str, bounds: Bounds, method: str = "GET", data: bytes | None = None) -> tuple[int, bytes]:
        """Status and whole body; `data` is JSON. Raises OSError (TimeoutError past a time limit), ValueError."""
        self.begin()
        self.ask(target, method, data)
        return self.answer(bounds)

    def begin(self) -> None:
        """Call before the first of several requests: drops a connection with unread responses."""
        if self._unanswered:
            self.close()

    def ask(self, target: str, method: str = "GET", data: bytes | None = None) -> None:
        """Send a request; `answer` returns the responses in order. Raises as `call`. A failure closes the connection,
        so the responses to earlier requests are lost too.
        """
        try:
            if not (target.isascii() and target.isprintable() and " " not in target):
                raise ValueError("not a path that can be asked for as it is")
            link = self.sock or self._connect()
            head = f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\n"
            if data is not None:
                head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            elif method != "GET":
                head += "Content-Length: 0\r\n"
            link.sendall(f"{head}\r\n".encode() + (data or b""))
        except BaseException:
            self.close()
            raise
        self._unanswered += 1

    def answer(self, bounds: Bounds, wanted: Wanted = lambda head: True) -> tuple[int, bytes]:
        """Read the response to the oldest open request. Raises as `call`. If the head of a successful one is not
        `wanted`, the connection is closed without reading its body.
        """
        try:
            status, last = self._begun(bounds)
            if status < 300 and not wanted(self.head):
                self.close()
                return status, b""
            body = self._whole(bounds.size)
        except BaseException:
            self.close()
            raise
        self._unanswered -= 1
        if last or (self._at < len(self._buffer) and not self._unanswered):
            self.close()
        return status, body

    def head_of(self, target: str, bounds: Bounds) -> int:
        """The status of a HEAD, which has no body; then closes the connection. Raises as `call`."""
        self.begin()
        self.ask(target, "HEAD")
        try:
            return self._begun(bounds)[0]
        finally:
            self.close()

    def follow(self, target: str, bounds: Bounds) -> tuple[int, bytes]:
        """Start a stream: its status, and the body if it is an error. `bounds`: of the beginning. Raises as `call`."""
        self.begin()
        self.ask(target)
        try:
            status, _ = self._begun(bounds)
            return status, self._whole(bounds.size) if status >= 300 else b""
        except BaseException:
            self.close()
            raise

    def pieces(self) -> Iterator[bytes]:
        """After `follow`: the data as it comes, at most 64 KiB at a time, without a limit on silence."""
        self._limit, self._silence = math.inf, None
        return self._parts()

    @property
    def over(self) -> bool:
        """Whether it was closed for good."""
        return self._over

    def close(self) -> None:
        """Close the connection; the next call reconnects."""
        link, self.sock = self.sock, None
        self._buffer, self._at, self._unanswered = b"", 0, 0
        if link is not None:
            link.close()

    def shut(self) -> None:
        """Close it for good, and end a call that another thread is waiting in."""
        self._over = True
        link = self.sock
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self.close()

    # Implementation

    def _connect(self) -> socket.socket:
        if not self._over:
            self.sock, self._wait = self._dial(), -1.0
        if self._over or self.sock is None:  # may have been shut while it connected
            self.close()
            raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")
        return self.sock

    def _begun(self, bounds: Bounds) -> tuple[int, bool]:
        """Read the head: the status, and whether the connection ends with this response."""
        self._limit, self._silence = time.monotonic() + bounds.seconds, bounds.silence
        for _ in range(_INTERIM_MAX + 1):
            status, head = self._head()
            if status >= 200:
                break
        else:
            raise ValueError("a head that another one follows, again and again")
        self.head = head
        if head.get("content-encoding", "identity") != "identity":
            raise ValueError("packed, which nobody asked for")
        coding = head.get("transfer-encoding", "").lower()
        if coding not in ("", "chunked"):
            raise ValueError(f"sent in an unknown way: {coding[:20]!r}")
        self._chunked = coding == "chunked"
        length = head.get("content-length")
        self._left = 0 if status in _BODYLESS else None if self._chunked or length is None else _number(length, 10)
        return status, head.get("connection", "").lower() == "close" or (self._left is None and not self._chunked)

    def _head(self) -> tuple[int, Mapping[str, str]]:
        """Status and header fields, in lower case."""
        first, *lines = self._until(b"\r\n\r\n", _HEAD_MAX).decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise ValueError("not the version of HTTP that was asked for")
        status = _number(rest[:3], 10)
        if not 100 <= status < 600 or status == 101:
            raise ValueError(f"not a status of HTTP: {rest[:20]!r}")
        fields = (line.partition(":") for line in lines)
        head = {name.lower(): value.strip() for name, _, value in fields}
        if version == "HTTP/1.0":
            head.setdefault("connection", "close")
        return status, head

    def _whole(self, most: int) -> bytes:
        """The body; one announced as longer than `most` bytes is not read at all."""
        if self._left is not None:
            _check(self._left, most)
            return self._exactly(self._left)
        parts, size = [], 0
        for part in self._parts():
            size += len(part)
            _check(size, most)
            parts.append(part)
        return b"".join(parts)

    def _parts(self) -> Iterator[bytes]:
        """The body as it comes."""
        if self._chunked:
            while length := _number(self._until(b"\r\n", _LINE_MAX).partition(b";")[0].decode("latin-1"), 16):
                yield from self._body_part(length)
                if self._exactly(2) != b"\r\n":
                    raise ValueError("a chunk of another length than it said")
            seen = 0
            while line := self._until(b"\r\n", _LINE_MAX):  # trailer fields
                seen += len(line)
                _check(seen, _HEAD_MAX)
        elif self._left is not None:
            yield from self._body_part(self._left)
        else:
            while part := self._some(_STEP, ends=True):
                yield part

    def _body_part(self, length: int) -> Iterator[bytes]:
        while length:
            part = self._some(length)
            length -= len(part)
            yield part

    def _exactly(self, length: int) -> bytes:
        return b"".join(self._body_part(length))

    def _until(self, mark: bytes, most: int) -> bytes:
        """Read up to the mark."""
        while (place := self._buffer.find(mark, self._at)) < 0:
            if len(self._buffer) - self._at > most:
                raise ValueError("a line without end")
            self._buffer, self._at = self._buffer[self._at :] + self._more(), 0
        found, self._at = self._buffer[self._at : place], place + len(mark)
        return found

    def _some(self, most: int, *, ends: bool = False) -> bytes:
        """Data that is buffered or comes next, at most `most` bytes."""
        if self._at == len(self._buffer):
            self._buffer, self._at = self._more(ends=ends), 0
        part = self._buffer[self._at : self._at + most]
        self._at += len(part)
        return part

    def _more(self, *, ends: bool = False) -> bytes:
        """Receive data; empty only if the end of the connection may be the end of the response."""
        left = self._limit - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        wait = left if self._silence is None else min(left, self._silence)
        wait_or_none = None if wait == math.inf else wait
        link = self.sock
        if link is not None and wait_or_none != self._wait:
            link.settimeout(wait_or_none)
            self._wait = wait_or_none
        part = b"" if link is None else link.recv(_STEP)
        if not part and not (ends and link is not None):
            raise ConnectionResetError(errno.ECONNRESET, "the engine hung up before the end")
        return part


def _check(size: int, most: int) -> None:
    if size > most:
        raise OSError(errno.EMSGSIZE, f"the answer is longer than {most} bytes")


def _number(text: str, base: int) -> int:
    """Parse digits only: int() accepts signs, spaces and underscores too. Raises ValueError."""
    text = text.strip(" \t")
    if not text.isalnum() or len(text) > _DIGITS_MAX:
        raise ValueError(f"expected a number, found {text[:20]!r}")
    return int(text, base)


class ConnectionPool:
    """Connections kept between calls: each is lent to one caller at a time, and created if none is free.

    `make` may raise. Decided against one per thread: threads come and go with parallel requests.
    """

    def __init__(self, make: Callable[[], HttpConnection]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._all: list[HttpConnection] = []
        self._free: list[HttpConnection] = []
        self._closed = False

    @contextlib.contextmanager
    def lent(self) -> Iterator[HttpConnection]:
        """Lend one. Raises what `make` raises, and ConnectionAbortedError after `close`."""
        with self._lock:
            one = self._free.pop() if self._free else None
        if one is None:
            one = self._make()
            with self._lock:
                late = self._closed
                if not late:
                    self._all.append(one)
            if late:  # a late thread must not open a connection that nobody would close
                one.shut()
                raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")
        try:
            yield one
        finally:
            with self._lock:
                if one in self._all:  # not dropped meanwhile
                    self._free.append(one)

    def drop(self) -> None:
        """Close all of them, also those that are lent; the next call creates a new one."""
        with self._lock:
            dropped = tuple(self._all)
            self._all.clear()
            self._free.clear()
        for one in dropped:
            one.shut()

    def close(self) -> None:
        """Close all of them for good."""
        with self._lock:
            self._closed = True
        self.drop()
