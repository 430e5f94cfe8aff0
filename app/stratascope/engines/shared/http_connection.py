"""HTTP/1.1 to an engine, bounded in bytes and in time whatever comes back: the one way in which engines are asked.

A connection is kept open between calls, and many small questions may be asked before those ahead of them are answered
(RFC 9112, section 9.3.2), so that the engine never waits for us. All limits are kept where bytes come in (`_more`), so
that heads, interim answers, bodies, chunks and trailers that drip or never end cost their time and no more. Nothing is
followed, unpacked or taken from the environment: no redirect, no proxy, no password of a .netrc. Decided against
http.client: it knows no limit of the whole, and takes longer to load and to read a head than an engine to answer.
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
_LINE_MAX = 1 << 14  # bytes of the line that begins a chunk
_HEAD_MAX = 1 << 16
_INTERIM_MAX = 8  # answers of 100 to 199 that may come before the one that counts (RFC 9110, section 15.2)
_DIGITS_MAX = 16  # of a length
_BODYLESS = (204, 304)


Wanted = Callable[[Mapping[str, str]], bool]  # whether the body of an answer with this head is to be taken


class Bounds(Value):
    """How long a whole answer may take, how long it may be silent (seconds), and how many bytes its body may have."""

    seconds: float
    silence: float
    size: int


class HttpConnection:
    """For one thread, but `shut` may be called from any. `dial` connects, and may raise what it likes."""

    def __init__(self, dial: Callable[[], socket.socket], host: str = "engine") -> None:
        self._dial, self._host = dial, host
        self.sock: socket.socket | None = None  # while it is connected
        self._over = False
        self._buffer, self._at = b"", 0  # what came, and how much of it was read
        self._limit = math.inf
        self._silence: float | None = None
        self._wait: float | None = -1.0  # as the socket has it
        self._left: int | None = None  # bytes of the body of a stream; None: until it ends
        self._chunked = False
        self._unanswered = 0
        self.head: Mapping[str, str] = {}  # of the last answer, its names in small letters

    def call(self, target: str, bounds: Bounds, method: str = "GET", data: bytes | None = None) -> tuple[int, bytes]:
        """Status and whole body; `data` is JSON. Raises OSError (TimeoutError past a bound of time), ValueError."""
        self.begin()
        self.ask(target, method, data)
        return self.answer(bounds)

    def begin(self) -> None:
        """Before the first of several: what somebody asked and did not wait for is no answer to us."""
        if self._unanswered:
            self.close()

    def ask(self, target: str, method: str = "GET", data: bytes | None = None) -> None:
        """Send a question; `answer` gives the answers in order. Raises as `call`. As one hangs up where that fails, the
        answers to the ones before it are lost too.
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
        """To the oldest question that has none yet. Raises as `call`. Where the head of a good one is not
        `wanted` its body is not taken, and one hangs up.
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
        """The status of a HEAD, to which no body comes; hangs up. Raises as `call`."""
        self.begin()
        self.ask(target, "HEAD")
        try:
            return self._begun(bounds)[0]
        finally:
            self.close()

    def follow(self, target: str, bounds: Bounds) -> tuple[int, bytes]:
        """Ask for what has no end: its status, and the body where it is one of an error. `bounds` are those of the
        beginning. Raises as `call`.
        """
        self.begin()
        self.ask(target)
        try:
            status, _ = self._begun(bounds)
            return status, self._whole(bounds.size) if status >= 300 else b""
        except BaseException:
            self.close()
            raise

    def pieces(self) -> Iterator[bytes]:
        """After `follow`: what comes, as it comes, 64 KiB at a time at most; it may be silent as long as it likes."""
        self._limit, self._silence = math.inf, None
        return self._parts()

    @property
    def over(self) -> bool:
        """Whether it was closed for good."""
        return self._over

    def close(self) -> None:
        """Hang up; the next call connects again."""
        link, self.sock = self.sock, None
        self._buffer, self._at, self._unanswered = b"", 0, 0
        if link is not None:
            link.close()

    def shut(self) -> None:
        """Close it for good, and end a call that another thread waits in."""
        self._over = True
        link = self.sock
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self.close()

    # Below: how it is done

    def _connect(self) -> socket.socket:
        if not self._over:
            self.sock, self._wait = self._dial(), -1.0
        if self._over or self.sock is None:  # maybe shut while it connected
            self.close()
            raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")
        return self.sock

    def _begun(self, bounds: Bounds) -> tuple[int, bool]:
        """Read the head: the status, and whether the connection ends with this answer."""
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
        told = head.get("content-length")
        self._left = 0 if status in _BODYLESS else None if self._chunked or told is None else _number(told, 10)
        return status, head.get("connection", "").lower() == "close" or (self._left is None and not self._chunked)

    def _head(self) -> tuple[int, Mapping[str, str]]:
        """Status and fields, their names in small letters."""
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
                yield from self._told(length)
                if self._exactly(2) != b"\r\n":
                    raise ValueError("a chunk of another length than it said")
            seen = 0
            while line := self._until(b"\r\n", _LINE_MAX):  # fields that come after the body
                seen += len(line)
                _check(seen, _HEAD_MAX)
        elif self._left is not None:
            yield from self._told(self._left)
        else:
            while part := self._some(_STEP, ends=True):
                yield part

    def _told(self, length: int) -> Iterator[bytes]:
        while length:
            part = self._some(length)
            length -= len(part)
            yield part

    def _exactly(self, length: int) -> bytes:
        return b"".join(self._told(length))

    def _until(self, mark: bytes, most: int) -> bytes:
        """What comes before the mark."""
        while (place := self._buffer.find(mark, self._at)) < 0:
            if len(self._buffer) - self._at > most:
                raise ValueError("a line without end")
            self._buffer, self._at = self._buffer[self._at :] + self._more(), 0
        found, self._at = self._buffer[self._at : place], place + len(mark)
        return found

    def _some(self, most: int, *, ends: bool = False) -> bytes:
        """What is there or comes next, `most` bytes at most."""
        if self._at == len(self._buffer):
            self._buffer, self._at = self._more(ends=ends), 0
        part = self._buffer[self._at : self._at + most]
        self._at += len(part)
        return part

    def _more(self, *, ends: bool = False) -> bytes:
        """What comes next; empty only where the end of the connection may be the end of the answer."""
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
    """Digits only: int() takes signs, spaces and underscores too. Raises ValueError."""
    text = text.strip(" \t")
    if not text.isalnum() or len(text) > _DIGITS_MAX:
        raise ValueError(f"expected a number, found {text[:20]!r}")
    return int(text, base)


class ConnectionPool:
    """Connections that are kept between calls: each is lent to one caller at a time, and made where none is free.

    `make` may raise. Decided against one for each thread: threads come and go with the questions that are asked side by
    side.
    """

    def __init__(self, make: Callable[[], HttpConnection]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._all: list[HttpConnection] = []
        self._free: list[HttpConnection] = []
        self._closed = False

    @contextlib.contextmanager
    def lent(self) -> Iterator[HttpConnection]:
        """One of them. Raises what `make` raises, and ConnectionAbortedError after `close`."""
        with self._lock:
            one = self._free.pop() if self._free else None
        if one is None:
            one = self._make()
            with self._lock:
                late = self._closed
                if not late:
                    self._all.append(one)
            if late:  # a thread that comes late must not open what nobody would close
                one.shut()
                raise ConnectionAbortedError(errno.ECONNABORTED, "the program gave this engine back")
        try:
            yield one
        finally:
            with self._lock:
                if one in self._all:  # it was not dropped meanwhile
                    self._free.append(one)

    def drop(self) -> None:
        """End all of them, also those that are lent; the next call makes a new one."""
        with self._lock:
            dropped = tuple(self._all)
            self._all.clear()
            self._free.clear()
        for one in dropped:
            one.shut()

    def close(self) -> None:
        """End all of them for good."""
        with self._lock:
            self._closed = True
        self.drop()
