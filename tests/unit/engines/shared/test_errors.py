"""What is said of an engine that can't be used fits its address: a machine elsewhere has no service to start here."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path

import pytest

from stratascope.core.container import EngineKind, EngineState
from stratascope.engines.open import open_engine
from stratascope.engines.shared import errors
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.i18n.translate import translate

HERE, THERE = "unix:///run/docker.sock", "tcp://build:2375"


@pytest.mark.parametrize(
    ("error", "endpoint", "installed", "state", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), HERE, True, EngineState.STOPPED, "Docker is not running"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), HERE, False, EngineState.ABSENT, "Docker is not installed"),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "x"),
            THERE,
            True,
            EngineState.STOPPED,
            "Nothing listens at tcp://",
        ),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), THERE, False, EngineState.STOPPED, "Nothing listens at tcp:"),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "x"),
            "unix:///home/a/.docker/desktop/docker.sock",
            False,
            EngineState.STOPPED,
            "Docker Desktop is not running",
        ),
        (
            socket.gaierror(-2, "x"),
            THERE,
            True,
            EngineState.UNREACHABLE,
            "no machine with the name in tcp://build:2375",
        ),
        (OSError(errno.EHOSTUNREACH, "x"), THERE, True, EngineState.UNREACHABLE, "can't be reached from here"),
        (ssl.SSLError(1, "x"), THERE, True, EngineState.UNREACHABLE, "No secure connection to tcp://build:2375"),
        (BlockingIOError(errno.EAGAIN, "x"), HERE, True, EngineState.UNREACHABLE, "accepts no more connections"),
        (
            TimeoutError("x"),
            THERE,
            True,
            EngineState.UNREACHABLE,
            "did not answer within 5 s. It may hang or be overloaded; restart it if that lasts.",
        ),
        (ValueError("x"), HERE, True, EngineState.UNREACHABLE, "is not a container engine"),
    ],
)
def test_what_is_said_fits_the_address(
    error: Exception, endpoint: str, installed: bool, state: EngineState, said: str
) -> None:
    found = errors.error_for(RuntimeError(error), EngineKind.DOCKER, False, installed, 5.0, endpoint)
    assert found.state is state
    assert said in translate(found.message)


@pytest.mark.parametrize("reason", ["STRATASCOPE_ENGINES", "DOCKER_HOST", "CONTAINER_HOST"])
def test_a_wrong_variable_is_not_told_as_a_stopped_engine(reason: str) -> None:
    nobody = FileNotFoundError(errno.ENOENT, "x")
    found = errors.error_for(nobody, EngineKind.DOCKER, False, True, 5.0, HERE, reason)
    assert found.state is EngineState.STOPPED
    said = translate(found.message)
    assert said.startswith(f"{reason} gives the address {HERE}, where nothing listens.")
    assert "systemctl" not in said


def test_a_socket_that_takes_no_more_connections(tmp_path: Path) -> None:
    path = tmp_path / "full.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(str(path))
            engine = open_engine(Endpoint("it", EngineKind.DOCKER, f"unix://{path}", "test"), {})
            found = engine.describe()
            engine.close()
        finally:
            for each in waiting:
                each.close()
    assert found.state is EngineState.UNREACHABLE
    assert found.message is not None
    assert translate(found.message).endswith(
        "accepts no more connections. It may hang or be overloaded; restart it if that lasts."
    )


def test_nothing_listens_elsewhere() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    engine = open_engine(Endpoint("it", EngineKind.DOCKER, f"tcp://127.0.0.1:{port}", "test", installed=False), {})
    found = engine.describe()
    engine.close()
    assert found.state is EngineState.STOPPED
    assert found.message is not None
    assert translate(found.message).startswith(f"Nothing listens at tcp://127.0.0.1:{port}.")
