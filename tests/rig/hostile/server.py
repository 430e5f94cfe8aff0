"""Fake engines with abnormal answers: too long, endless, dripping or false.

python -m hostile.server SOCKET     one for `make bench`: floods its clients with events until its input ends
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rig.engines.fake_engine import Answer, FakeEngine, Pieces, reply

ID = "ab" * 32
INFO = {"ServerVersion": "28.0", "SecurityOptions": ["name=seccomp,profile=builtin"]}
CONTAINER = {"Id": ID, "Name": "/web", "State": {"Status": "exited"}, "Config": {}, "HostConfig": {}}

VERSION = "Api-Version: 1.45\r\n"


def said(value: object, status: str = "200 OK", head: str = "") -> bytes:
    """A complete response with Docker's headers."""
    return reply(value, status, VERSION + head)


def good(target: str) -> Pieces:
    """Answers of a Docker with one stopped container."""
    path = target.partition("?")[0]
    for end, answer in (("/_ping", b"OK"), ("/info", INFO), ("/containers/json", [{"Id": ID}])):
        if path.endswith(end):
            return (said(answer),)
    return (said(CONTAINER),) if path.endswith(f"/{ID}/json") else (said({"message": "no such"}, "404 Not Found"),)


def instead(end: str, answer: Answer) -> Answer:
    """`good`, except for targets whose path ends with `end`."""
    return lambda target: (answer if target.partition("?")[0].endswith(end) else good)(target)


def without_end(head: bytes, piece: bytes, pause: float = 0.0) -> Iterator[bytes]:
    if head:
        yield head
    for _ in itertools.count():
        time.sleep(pause)
        yield piece


OK = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHERE = ("/_ping", "/info", "/containers/json", f"/{ID}/json")
ATTACKS: dict[str, Answer] = {
    "a head that drips": lambda _: without_end(OK + b"X: ", b"x", 0.01),
    "a head without end": lambda _: without_end(OK, b"X: " + b"x" * 4000 + b"\r\n"),
    "another answer first, again and again": lambda _: without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body without end": lambda _: without_end(OK + b"\r\n", b" " * 65536),
    "chunks without end": lambda _: without_end(CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "a chunk without end": lambda _: without_end(CHUNKED + b"fffffffffff\r\n", b" " * 65536),
    "a length beyond all": lambda _: without_end(OK + b"Content-Length: 99999999999999\r\n\r\n", b" " * 65536),
    "a body that drips": lambda _: without_end(OK + b"Content-Length: 99999\r\n\r\n", b" ", 0.01),
    "an error without end": lambda _: without_end(b"HTTP/1.1 500 No\r\n\r\n", b"x" * 65536),
    "packed": lambda _: (said(b"\x1f\x8b", head="Content-Encoding: gzip\r\n"),),
    "deep": lambda _: (said(b"[" * 100_000 + b"]" * 100_000),),
    "less deep": lambda _: (said(b'{"Id": ' + b"[" * 900 + b"]" * 900 + b"}"),),
    "wide": lambda _: (said(b"[" + b"[]," * 2_000_000 + b"[]]"),),
    "not found": lambda _: (said({"message": "page not found"}, "404 Not Found"),),
    "elsewhere": lambda _: (said(b"", "301 Moved", "Location: http://127.0.0.1:1/\r\n"),),
    "no JSON": lambda _: (said(b"\xff\xfe nonsense"),),
    "null": lambda _: (said(None),),
}  # fmt: skip


def flood() -> Iterator[bytes]:
    """An endless stream of events, each about a new container."""
    words = (b'{"Type":"container","Action":"start","Actor":{"ID":"%064x"}}\n', b'{"status":"destroy","id":"%064x"}\n')
    yield OK + b"\r\n"
    for number in range(0, 10**9, 200):
        yield b"".join(words[place % 3 == 0] % place for place in range(number, number + 200))


if __name__ == "__main__":
    server = FakeEngine(Path(sys.argv[1]), instead("/events", lambda _: flood()))
    sys.stdout.write(f"{server.endpoint}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.close()
