"""Our own GET on a local socket: the two kinds of answers that engines give, and a refusal of whatever is unusual."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import EngineKind
from stratascope.engines.open import open_engine
from stratascope.engines.shared import unix_http
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.engines.shared.unix_http import UnixHttpConnection

Pieces = Sequence[bytes]
HEAD = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Server:
    """Answers each request with the next pieces, sent one by one; `b""` hangs up. Keeps what it was asked."""

    def __init__(self, path: Path, answers: Sequence[Pieces], answer: Callable[[str], bytes] | None = None) -> None:
        self.path = str(path)
        self.asked: list[bytes] = []
        self.connections = 0
        self._answers = list(answers)
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(link,), daemon=True).start()

    def _talk(self, link: socket.socket) -> None:
        with link, suppress(OSError):  # whoever asked has hung up
            rest = b""
            while True:
                while b"\r\n\r\n" not in rest:
                    part = link.recv(4096)
                    if not part:
                        return
                    rest += part
                asked, _, rest = rest.partition(b"\r\n\r\n")
                self.asked.append(asked + b"\r\n\r\n")
                if not self._one(link, asked.split(b" ")[1].decode()):
                    return

    def _one(self, link: socket.socket, target: str) -> bool:
        if self._answer is not None:
            link.sendall(self._answer(target))
            return True
        for piece in self._answers.pop(0) if self._answers else ():
            if not piece:
                return False
            link.sendall(piece)
            time.sleep(0.002)  # so that each comes by itself
        return True

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


Serve = Callable[..., Server]


@contextmanager
def connected(path: str, silence: float = 5.0) -> Iterator[UnixHttpConnection]:
    link = UnixHttpConnection(path, 5.0, silence)
    try:
        yield link
    finally:
        link.shut()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    made: list[Server] = []

    def start(*answers: Pieces, answer: Callable[[str], bytes] | None = None) -> Server:
        made.append(Server(tmp_path / f"{len(made)}.sock", answers, answer))
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
    ],
)  # fmt: skip
def test_an_answer_of_the_two_kinds(serve: Serve, pieces: Pieces, body: bytes) -> None:
    server = serve(pieces, pieces)
    with connected(server.path) as link:
        for _ in range(2):
            assert link.get("/v1.45/containers/json?all=true", 5.0) == (200, body)
    assert link.api_version == "1.45"
    assert server.connections == 1, "kept open between calls"
    assert server.asked[0] == b"GET /v1.45/containers/json?all=true HTTP/1.1\r\nHost: engine\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"\r\nhello", b""),  # to the end of the connection
        (HEAD + b"Content-Length: five\r\n\r\nhello", b""),
        (HEAD + b"Content-Length: -1\r\n\r\nhello", b""),
        (HEAD + b"Content-Length: 1_0\r\n\r\nhello", b""),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 5\r\n\r\nhello", b""),
        (CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", b""),
        (CHUNKED + b"x\r\nhello\r\n0\r\n\r\n", b""),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b""),
        (b"x" * 20000, b""),
    ],
)
def test_whatever_is_unusual_is_refused_and_the_next_call_connects_anew(serve: Serve, pieces: Pieces) -> None:
    server = serve(pieces, (HEAD + b"Content-Length: 2\r\n\r\nok",))
    with connected(server.path) as link:
        with pytest.raises(ValueError, match=r"\w"):
            link.get("/", 5.0)
        assert link.get("/", 5.0) == (200, b"ok")
    assert server.connections == 2


@pytest.mark.parametrize("pieces", [(b"",), (HEAD, b""), (HEAD + b"Content-Length: 5\r\n\r\nhe", b""), (CHUNKED, b"")])
def test_an_engine_that_hangs_up(serve: Serve, pieces: Pieces) -> None:
    with connected(serve(pieces).path) as link, pytest.raises(ConnectionResetError):
        link.get("/", 5.0)


def test_an_answer_that_is_too_long_is_not_kept(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix_http, "BODY_MAX", 4)
    for pieces in ((HEAD + b"Content-Length: 5\r\n\r\nhello",), (CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",)):
        with connected(serve(pieces).path) as link, pytest.raises(OSError, match="longer than"):
            link.get("/", 5.0)


def test_a_silent_engine_and_one_that_never_ends(serve: Serve) -> None:
    with connected(serve((HEAD,)).path, silence=0.1) as link, pytest.raises(TimeoutError):
        link.get("/", 5.0)
    slow = (CHUNKED, *[b"1\r\nx\r\n"] * 200)
    with connected(serve(slow).path) as link, pytest.raises(TimeoutError, match="did not end"):
        link.get("/", 0.05)


def test_what_is_no_path_is_not_sent(serve: Serve) -> None:
    server = serve()
    with connected(server.path) as link:
        for url in ("/a b", "/a\r\nX: 1", "/ä", "/a\x7f"):
            with pytest.raises(ValueError, match="as it is"):
                link.get(url, 5.0)
    assert server.asked == []


def test_another_thread_ends_a_call(serve: Serve) -> None:
    link = UnixHttpConnection(serve((HEAD,)).path, 5.0, 30.0)
    threading.Timer(0.1, link.shut).start()
    started = time.monotonic()
    with pytest.raises(OSError, match=r"\w"):
        link.get("/", 30.0)
    assert time.monotonic() - started < 10
    with pytest.raises(ConnectionAbortedError):
        link.get("/", 30.0)


def test_questions_are_asked_ahead_and_answered_in_order(serve: Serve) -> None:
    server = serve(answer=_of)
    with connected(server.path) as link:
        for number in range(3):
            link.ask(f"/{number}")
        assert [link.answer(5.0)[1] for _ in range(2)] == [b"/0", b"/1"]
        assert link.get("/else", 5.0) == (200, b"/else"), "not what somebody else had asked for and not awaited"
    assert server.connections == 2


def test_a_list_of_many_containers_in_order_without_those_that_vanish(serve: Serve) -> None:
    ids = [f"{number:064x}" for number in range(60)]
    gone = {ids[7], ids[59]}

    def answer(target: str) -> bytes:
        if target.endswith("/containers/json?all=true"):
            return _of(json.dumps([{"Id": each} for each in ids]))
        container = target.split("/")[-2] if target.endswith("/json") else ""
        return _of("no such container", "404 Not Found") if container in gone else _of(json.dumps({"Id": container}))

    server = serve(answer=answer)
    engine = open_engine(Endpoint("it", EngineKind.DOCKER, f"unix://{server.path}", "test"), {})
    try:
        assert [raw.id for raw in engine.list()] == [each for each in ids if each not in gone]
        assert 1 < server.connections <= 6  # kept, and one for each look whether somebody listens
    finally:
        engine.close()


def _of(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nApi-Version: 1.45\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@given(st.binary(max_size=300))
def test_any_head_is_an_answer_or_a_refusal(text: bytes) -> None:
    ours, theirs = socket.socketpair()
    link = UnixHttpConnection("", 1.0, 1.0)
    link.sock = ours
    with theirs:
        theirs.sendall(HEAD + text)
        theirs.shutdown(socket.SHUT_WR)
        try:
            status, body = link.get("/", 5.0)
        except (OSError, ValueError):
            return
    assert status == 200
    assert len(body) <= len(text)
