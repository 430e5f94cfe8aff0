"""The one reader of what engines answer: what HTTP/1.1 allows is read, within bounds, and all else is refused."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.engines.fake_engine import FakeEngine, in_turn, reply
from stratascope.core.container import EngineKind, EngineState
from stratascope.engines.open import open_engine
from stratascope.engines.shared import errors
from stratascope.engines.shared.endpoint import Endpoint, connect_here
from stratascope.engines.shared.http_connection import Bounds, HttpConnection

Pieces = Sequence[bytes]
HEAD = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\n"
SOON = Bounds(5.0, 5.0, 1 << 20)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


Serve = Callable[..., FakeEngine]


@contextmanager
def connected(path: Path) -> Iterator[HttpConnection]:
    link = HttpConnection(lambda: connect_here(path, 5.0))
    try:
        yield link
    finally:
        link.shut()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    made: list[FakeEngine] = []

    def start(*answers: Pieces, answer: Callable[[str], bytes] | None = None) -> FakeEngine:
        said = in_turn(*answers) if answer is None else lambda target: (answer(target),)
        made.append(FakeEngine(tmp_path / f"{len(made)}.sock", said, 0.002))  # so that each piece comes by itself
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ((HEAD + b"Content-Length: 5\r\n\r\nhello",), b"hello"),
        ((HEAD + b"Content-Length: 5\r\n", b"\r\nhe", b"llo"), b"hello"),
        ((HEAD + b"content-length:0\r\n\r\n",), b""),
        ((CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",), b"hello"),
        ((CHUNKED, b"5\r\nhel", b"lo\r\nA;x=y\r\n0123456789\r", b"\n0\r\nTrailer: 1\r\n", b"\r\n"), b"hello0123456789"),
        ((CHUNKED + b"0\r\n\r\n",), b""),
        ((b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD, b"Content-Length: 5\r\n\r\nhello"), b"hello"),
    ],
)  # fmt: skip
def test_an_answer_that_leaves_the_connection_open(serve: Serve, pieces: Pieces, body: bytes) -> None:
    server = serve(pieces, pieces)
    with connected(server.path) as link:
        for _ in range(2):
            assert link.call("/v1.45/containers/json?all=true", SOON) == (200, body)
    assert link.head["api-version"] == "1.45"
    assert server.connections == 1, "kept open between calls"
    assert server.requests[0] == b"GET /v1.45/containers/json?all=true HTTP/1.1\r\nHost: engine\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"Content-Length: five\r\n\r\nhello", b""),
        (HEAD + b"Content-Length: -1\r\n\r\nhello", b""),
        (HEAD + b"Content-Length: 1_0\r\n\r\nhello", b""),
        (HEAD + b"Content-Length: " + b"1" * 5000 + b"\r\n\r\nhello", b""),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", b""),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", b""),
        (b"HTTP/2 200\r\nContent-Length: 5\r\n\r\nhello", b""),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + HEAD, b""),
        (b"HTTP/1.1 999 What\r\n\r\n" + HEAD, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + HEAD, b""),
        (CHUNKED + b"f" * 17 + b"\r\nhello", b""),
        (CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", b""),
        (CHUNKED + b"x\r\nhello\r\n0\r\n\r\n", b""),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b""),
        (b"x" * 70000, b""),
        (HEAD + b"X: " + b"x" * 70000, b""),
    ],
)
def test_whatever_is_unusual_is_refused_and_the_next_call_connects_anew(serve: Serve, pieces: Pieces) -> None:
    server = serve(pieces, (HEAD + b"Content-Length: 2\r\n\r\nok",))
    with connected(server.path) as link:
        with pytest.raises(ValueError, match=r"\w"):
            link.call("/", SOON)
        assert link.call("/", SOON) == (200, b"ok")
    assert server.connections == 2


@pytest.mark.parametrize("pieces", [(b"",), (HEAD, b""), (HEAD + b"Content-Length: 5\r\n\r\nhe", b""), (CHUNKED, b"")])
def test_an_engine_that_hangs_up(serve: Serve, pieces: Pieces) -> None:
    with connected(serve(pieces).path) as link, pytest.raises(ConnectionResetError):
        link.call("/", SOON)


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"\r\nhel", b"lo", b""),
        (b"HTTP/1.0 200 OK\r\nApi-Version: 1.45\r\nContent-Length: 5\r\n\r\nhello", b""),
        (HEAD + b"Connection: Close\r\nContent-Length: 5\r\n\r\nhello", b""),
    ],
)
def test_an_answer_with_which_the_connection_ends(serve: Serve, pieces: Pieces) -> None:
    server = serve(pieces, pieces)
    with connected(server.path) as link:
        assert [link.call("/", SOON) for _ in range(2)] == [(200, b"hello")] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"Content-Length: 5\r\n\r\n",),  # not even begun
        (HEAD + b"\r\nhello",),
        (CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",),
        (CHUNKED + b"ffffffffffff\r\n", *[b"abc"] * 9),
        (CHUNKED + b"0\r\n" + b"Trailer: 1\r\n" * 9000,),
    ],
)
def test_an_answer_that_is_too_long_is_not_kept(serve: Serve, pieces: Pieces) -> None:
    with connected(serve(pieces).path) as link, pytest.raises(OSError, match="longer than") as caught:
        link.call("/", Bounds(5.0, 5.0, 4))
    told = errors.error_for(caught.value, EngineKind.DOCKER, False, True, 5.0, "unix:///x")
    assert told.state is EngineState.UNREACHABLE
    assert "more than any engine" in told.message.id


@pytest.mark.parametrize(
    "pieces",
    [
        (CHUNKED, *[b"1\r\nx\r\n"] * 200),
        [bytes((letter,)) for letter in HEAD + b"X: " + b"x" * 200],
        [b"HTTP/1.1 100 Continue\r\nX: ", *[b"x"] * 200],
        (CHUNKED + b"0\r\n", *[b"X: 1\r\n"] * 200),
        (CHUNKED + b"5", *[b" "] * 200),
    ],
)
def test_a_silent_engine_and_one_that_drips_without_end(serve: Serve, pieces: Pieces) -> None:
    with connected(serve((HEAD,)).path) as link, pytest.raises(TimeoutError):
        link.call("/", Bounds(5.0, 0.1, 9))
    with connected(serve(pieces).path) as link, pytest.raises(TimeoutError):
        link.call("/", Bounds(0.1, 5.0, 1 << 20))


@pytest.mark.parametrize(
    ("head", "tail"), [(HEAD + b"\r\n", b""), (CHUNKED + b"ffffffff\r\n", b""), (CHUNKED + b"6\r\n", b"\r\n0\r\n\r\n")]
)
def test_a_stream_comes_as_it_comes_however_it_is_sent(serve: Serve, head: bytes, tail: bytes) -> None:
    server = serve((head, b"ab", b"cd", b"ef", tail))
    with connected(server.path) as link:
        assert link.follow("/events", Bounds(5.0, 5.0, 9)) == (200, b"")
        pieces = link.pieces()
        found = b""
        while len(found) < 6:
            found += next(pieces)
        assert found == b"abcdef"
    with connected(serve((b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nboom",)).path) as link:
        assert link.follow("/events", SOON) == (500, b"boom")


def test_what_is_no_path_is_not_sent(serve: Serve) -> None:
    server = serve()
    with connected(server.path) as link:
        for url in ("/a b", "/a\r\nX: 1", "/ä", "/a\x7f"):
            with pytest.raises(ValueError, match="as it is"):
                link.call(url, SOON)
    assert server.requests == []


def test_another_thread_ends_a_call(serve: Serve) -> None:
    path = serve((HEAD,)).path
    link = HttpConnection(lambda: connect_here(path, 5.0))
    threading.Timer(0.1, link.shut).start()
    started = time.monotonic()
    with pytest.raises(OSError, match=r"\w"):
        link.call("/", Bounds(30.0, 30.0, 9))
    assert time.monotonic() - started < 10
    with pytest.raises(ConnectionAbortedError):
        link.call("/", Bounds(30.0, 30.0, 9))


def test_questions_are_asked_ahead_and_answered_in_order(serve: Serve) -> None:
    server = serve(answer=_of)
    with connected(server.path) as link:
        for number in range(3):
            link.ask(f"/{number}")
        assert [link.answer(SOON)[1] for _ in range(2)] == [b"/0", b"/1"]
        assert link.call("/else", SOON) == (200, b"/else"), "not what somebody else had asked for and not awaited"
    assert server.connections == 2


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        (EngineKind.DOCKER, "404 Not Found", "no such container"),
        (
            EngineKind.PODMAN,  # 5.4, between the look-up and the reading
            "500 Internal Server Error",
            '{"cause":"no such container","message":"no container with ID 07 found in database: no such container"}',
        ),
    ],
)
def test_a_list_of_many_containers_in_order_without_those_that_vanish(
    serve: Serve, kind: EngineKind, status: str, words: str
) -> None:
    ids = [f"{number:064x}" for number in range(60)]
    gone = {ids[7], ids[59]}

    def answer(target: str) -> bytes:
        if target.endswith("/containers/json?all=true"):
            return _of(json.dumps([{"Id": each} for each in ids]))
        container = target.split("/")[-2] if target.endswith("/json") else ""
        return _of(words, status) if container in gone else _of(json.dumps({"Id": container}))

    server = serve(answer=answer)
    engine = open_engine(Endpoint("it", kind, f"unix://{server.path}", "test"), {})
    try:
        assert [raw.id for raw in engine.list()] == [each for each in ids if each not in gone]
        assert 1 < server.connections <= 3, "kept between calls"
    finally:
        engine.close()


def _of(body: str, status: str = "200 OK") -> bytes:
    return reply(body, status, "Api-Version: 1.45\r\n")


@given(st.binary(max_size=300))
def test_any_head_is_an_answer_or_a_refusal(text: bytes) -> None:
    ours, theirs = socket.socketpair()
    link = HttpConnection(lambda: ours)
    with theirs, closing(link):
        theirs.sendall(HEAD + text)
        theirs.shutdown(socket.SHUT_WR)
        try:
            status, body = link.call("/", SOON)
        except (OSError, ValueError):
            return
    assert status == 200
    assert len(body) <= len(text)
