"""What engines that misbehave come to: a state with advice, never an exception from `describe`, never a hang."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.engines.fake_engine import Drip, FakeEngine, by_path, reply
from stratascope.core.container import ENGINES, EngineKind, EngineState
from stratascope.core.ports import EngineError
from stratascope.engines.open import open_engine
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.engines.shared.http_connection import Bounds, HttpConnection
from stratascope.engines.shared.rest_engine import RestEngine

Start = Callable[[dict[str, bytes | Drip | None]], FakeEngine]
VERSION = reply('{"ApiVersion": "1.45"}')
INFO = {
    EngineKind.DOCKER: reply('{"ServerVersion": "26", "SecurityOptions": ["name=rootless"]}'),
    EngineKind.PODMAN: reply('{"version": {"Version": "5.4"}, "host": {"security": {"rootless": true}}}'),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    started: list[FakeEngine] = []

    def begin(answers: dict[str, bytes | Drip | None]) -> FakeEngine:
        started.append(FakeEngine(path, by_path(answers)))
        return started[-1]

    yield begin
    for server in started:
        server.close()


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest, path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RestEngine]:
    monkeypatch.setattr(RestEngine, "timeout", (0.3, 0.3))
    kind: EngineKind = request.param
    opened = open_engine(Endpoint("it", kind, f"unix://{path}", "test"), {})
    assert isinstance(opened, RestEngine)
    yield opened
    opened.close()


def answers_for(engine: RestEngine, info: bytes | None) -> dict[str, bytes | Drip | None]:
    return {"/info": info, "/version": VERSION}


def test_a_good_one_is_connected(engine: RestEngine, start: Start) -> None:
    start(answers_for(engine, INFO[engine.kind]))
    found = engine.describe()
    assert (found.state, found.error, found.message) == (EngineState.CONNECTED, "", None)
    assert found.rootless
    assert found.daemon_uid == os.getuid()
    assert found.socket_mode is not None


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (reply("no json at all"), ""),
        (reply("[]"), "expected an object"),
        (reply("{}"), "no "),
        (reply('{"ServerVersion": 7, "version": 7}'), "expected"),
        (reply('{"ServerVersion": "2', length=500), ""),
        (b"\x00\xff garbage \r\n\r\n", ""),
        (b"", ""),
        (reply('{"message": "boom"}', "500 Internal Server Error"), "boom"),
    ],
)
def test_nonsense_is_unreachable(engine: RestEngine, start: Start, info: bytes, words: str) -> None:
    start(answers_for(engine, info))
    found = engine.describe()
    assert found.state is EngineState.UNREACHABLE
    assert found.message is not None
    assert words in found.error


def test_a_refusal_is_denied(engine: RestEngine, start: Start) -> None:
    start(answers_for(engine, reply('{"message": "not you"}', "403 Forbidden")))
    found = engine.describe()
    assert found.state is EngineState.DENIED
    assert found.error == "not you"


def test_silence_ends_in_time(engine: RestEngine, start: Start) -> None:
    start({"": None})
    found = engine.describe()
    assert found.state is EngineState.UNREACHABLE
    assert found.message is not None
    assert "did not answer" in found.message.id


def test_nonsense_from_the_first_answer_on_leaves_no_connection(engine: RestEngine, start: Start) -> None:
    start({"/version": reply("{}"), "/info": reply("{}")})
    assert engine.describe().state is EngineState.UNREACHABLE
    engine.close()
    gc.collect()  # a socket that was forgotten warns now, and warnings are errors


def test_an_answer_that_drips_ends_in_time(engine: RestEngine, start: Start) -> None:
    drip = Drip(reply('{"a": "', length=1 << 20), b"x", 0.05)
    start({"/info": drip, "/version": VERSION})
    found = engine.describe()
    assert found.state is EngineState.UNREACHABLE
    assert found.message is not None
    assert "did not answer" in found.message.id
    assert drip.sent > 3


def test_a_plain_file(engine: RestEngine, path: Path) -> None:
    path.write_text("not a socket")
    found = engine.describe()
    assert found.state is EngineState.UNREACHABLE
    assert found.message is not None
    assert "is not a socket" in found.message.id


def test_nothing_there_and_nobody_listening(engine: RestEngine, path: Path) -> None:
    assert engine.describe().state is EngineState.STOPPED
    with socket.socket(socket.AF_UNIX) as link:
        link.bind(str(path))
    found = engine.describe()
    assert found.state is EngineState.STOPPED
    assert found.message is not None
    with pytest.raises(EngineError):
        engine.list()
    with pytest.raises(EngineError):
        next(engine.events())


@pytest.mark.parametrize("kind", list(ENGINES))
def test_not_installed_is_absent(kind: EngineKind, path: Path) -> None:
    opened = open_engine(Endpoint("it", kind, f"unix://{path}", "test", installed=False), {})
    assert opened.describe().state is EngineState.ABSENT
    opened.close()


@pytest.mark.parametrize(
    "address", ["ssh://user@/x", "ssh://[", "tcp://127.0.0.1:1", "gopher://x", "unix://", "tcp://[", ""]
)
@pytest.mark.parametrize("kind", list(ENGINES))
def test_addresses_that_lead_nowhere(kind: EngineKind, address: str) -> None:
    opened = open_engine(Endpoint("it", kind, address, "test"), {})
    found = opened.describe()
    assert found.state in (EngineState.UNREACHABLE, EngineState.STOPPED)
    assert found.message is not None
    opened.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.parametrize("kind", list(ENGINES))
def test_another_users_socket_is_denied(kind: EngineKind, path: Path, start: Start) -> None:
    start({})
    path.chmod(0o600)
    for folder in (path.parent, *path.parents[1:3]):
        folder.chmod(0o755)
    opened = open_engine(Endpoint("it", kind, f"unix://{path}", "test"), {})
    os.seteuid(65534)
    try:
        found = opened.describe()
    finally:
        os.seteuid(0)
    assert found.state is EngineState.DENIED
    assert (found.socket_mode, found.socket_group) == (0o600, "root")
    opened.close()


def test_a_container_that_vanishes_is_left_out(engine: RestEngine, start: Start) -> None:
    start(
        {
            "/containers/json": reply('[{"Id": "aa"}, {"Id": "gone"}]'),
            "/containers/aa/json": reply('{"Id": "aa", "Config": {"Env": ["A=secret"]}}'),
            "/version": VERSION,
        }
    )
    (raw,) = engine.list()
    assert (raw.engine, raw.id) == ("it", "aa")
    assert "secret" not in raw.inspect


def test_a_broken_stream_of_events_is_an_error(engine: RestEngine, start: Start) -> None:
    event = '{"Type":"container","Action":"start","Actor":{"ID":"aa"}}'
    start({"/events": reply(event + "\nrubbish"), "/version": VERSION})
    stream = engine.events()
    assert next(stream).container == "aa"
    with pytest.raises(EngineError):
        next(stream)


def test_a_call_that_comes_after_the_end_opens_nothing(
    engine: RestEngine, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread of the window's that is late: its call fails, and leaves no connection for the garbage collector."""
    made: list[HttpConnection] = []
    begin = HttpConnection.__init__

    def kept(self: HttpConnection, *words: Any) -> None:
        made.append(self)
        begin(self, *words)

    monkeypatch.setattr(HttpConnection, "__init__", kept)
    start({"/containers/json": reply("[]"), **answers_for(engine, INFO[engine.kind])})
    assert engine.describe().state is EngineState.CONNECTED
    assert engine.list() == ()
    (link,) = made
    engine.close()
    assert engine.describe().state is EngineState.UNREACHABLE
    for call in (engine.list, lambda: engine.inspect("x"), lambda: engine.exchange("GET", "/info", {}, None, 1.0)):
        with pytest.raises(EngineError, match="gave this engine back"):
            call()
    with pytest.raises(ConnectionAbortedError):
        link.call("/info", Bounds(1.0, 1.0, 9))  # it connects once more where it has to
    assert link.sock is None
    gc.collect()  # an open socket would be a warning, and so a failure
