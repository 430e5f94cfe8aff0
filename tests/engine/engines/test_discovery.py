"""Where engines are looked for, in a file system and a home of the test's own."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.engines.fake_engine import FakeEngine, by_path, reply
from stratascope.core.container import EngineKind
from stratascope.engines.discovery import answering, discover
from stratascope.engines.shared.endpoint import Endpoint

DOCKER, PODMAN = EngineKind.DOCKER, EngineKind.PODMAN
DOCKER_PING = reply("OK", headers="Api-Version: 1.45\r\n")
PODMAN_PING = reply("OK", headers="Api-Version: 1.41\r\nLibpod-Api-Version: 5.4.2\r\n")
Serve = Callable[[Path, bytes], Path]


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[FakeEngine] = []

    def begin(path: Path, ping: bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        started.append(FakeEngine(path, by_path({"/_ping": ping})))
        return path

    yield begin
    for server in started:
        server.close()


def look(root: Path, uid: int = 1000, **environ: str) -> tuple[Endpoint, ...]:
    return discover({"PATH": "/nonexistent", **environ}, root / "home", root, uid)


def where(found: tuple[Endpoint, ...]) -> list[tuple[str, EngineKind, str]]:
    return [(each.id, each.kind, each.endpoint) for each in found]


def test_nothing_at_all_gives_one_of_each_kind(tmp_path: Path) -> None:
    found = look(tmp_path)
    assert where(found) == [
        ("docker", DOCKER, f"unix://{tmp_path}/run/docker.sock"),
        ("podman-rootless", PODMAN, f"unix://{tmp_path}/run/user/1000/podman/podman.sock"),
    ]


def test_standard_sockets(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path / "run/docker.sock", DOCKER_PING)
    (tmp_path / "var").mkdir()
    (tmp_path / "var/run").symlink_to("../run")
    serve(tmp_path / "u/docker.sock", DOCKER_PING)
    serve(tmp_path / "run/podman/podman.sock", PODMAN_PING)
    serve(tmp_path / "u/podman/podman.sock", PODMAN_PING)
    found = look(tmp_path, XDG_RUNTIME_DIR=str(tmp_path / "u"))
    assert [each.id for each in found] == ["docker", "docker-rootless", "podman", "podman-rootless"]
    assert [each.rootless for each in found] == [False, True, False, True]


def test_podman_behind_dockers_socket_is_podman(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path / "run/docker.sock", PODMAN_PING)
    found = look(tmp_path)
    assert ("podman", PODMAN, f"unix://{tmp_path}/run/docker.sock") in where(found)
    assert ("docker", DOCKER, f"unix://{tmp_path}/run/docker.sock") in where(found)  # not installed, and said so


def test_one_engine_by_two_names_is_one(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path / "run/podman/podman.sock", PODMAN_PING)
    (tmp_path / "run/docker.sock").symlink_to("podman/podman.sock")
    found = look(tmp_path, DOCKER_HOST=f"unix://{tmp_path}/run/podman/podman.sock")
    assert [each.endpoint for each in found if each.endpoint.startswith(f"unix://{tmp_path}/run/podman")] == []
    assert [each.id for each in found if each.kind is PODMAN and each.endpoint.endswith("run/docker.sock")] == [
        "podman"
    ]


def test_environment_contexts_and_connections(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name, address in (("laptop", "unix:///a.sock"), ("server", "tcp://10.0.0.9:2376"), ("bad", "")):
        meta = home / ".docker/contexts/meta" / name
        meta.mkdir(parents=True)
        value = {"Name": name, "Endpoints": {"docker": {"Host": address, "SkipTLSVerify": name == "server"}}}
        (meta / "meta.json").write_text(json.dumps(value))
    (home / ".docker/contexts/tls/server/docker").mkdir(parents=True)
    (home / ".docker/config.json").write_text('{"currentContext": "server"}')
    (home / ".config/containers").mkdir(parents=True)
    (home / ".config/containers/podman-connections.json").write_text(
        json.dumps(
            {
                "Connection": {
                    "Default": "box",
                    "Connections": {"box": {"URI": "ssh://me@box/run/p.sock", "Identity": "/k"}},
                }
            }
        )
    )
    (home / ".config/containers/containers.conf").write_text(
        '[engine.service_destinations.old]\nuri = "unix:///old.sock"\n'
        '[engine.service_destinations.box]\nuri = "unix:///other.sock"\n'
    )
    found = look(
        tmp_path,
        DOCKER_HOST="tcp://h:1",
        CONTAINER_HOST="unix:///c.sock",
        CONTAINER_SSHKEY="/c.key",
        DOCKER_TLS_VERIFY="1",
    )
    # Where Podman is installed, the user's own follows: its service can be started
    assert [(each.id, each.endpoint, each.reason) for each in found[:6]] == [
        ("docker-h", "tcp://h:1", "DOCKER_HOST"),
        ("server", "tcp://10.0.0.9:2376", "context server"),
        ("laptop", "unix:///a.sock", "context laptop"),
        ("podman", "unix:///c.sock", "CONTAINER_HOST"),
        ("box", "ssh://me@box/run/p.sock", "connection box"),
        ("old", "unix:///old.sock", "connection old"),
    ]
    assert found[0].tls == str(home / ".docker")
    assert found[1].tls.endswith("contexts/tls/server/docker")
    assert (found[0].verify, found[1].verify) == (True, False)
    assert [each.identity for each in found[3:6]] == ["/c.key", "/k", ""]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Endpoints": 3}', "\x00", '{"Name": [], "Endpoints": {}}'])
def test_damaged_configuration_hides_nothing_else(tmp_path: Path, text: str) -> None:
    home = tmp_path / "home"
    for path in (
        ".docker/contexts/meta/x/meta.json",
        ".docker/config.json",
        ".config/containers/podman-connections.json",
        ".config/containers/containers.conf",
    ):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    assert [each.id for each in look(tmp_path)] == ["docker", "podman-rootless"]


def test_the_variable_replaces_everything(tmp_path: Path, serve: Serve) -> None:
    serve(tmp_path / "run/docker.sock", DOCKER_PING)
    one = serve(tmp_path / "one.sock", PODMAN_PING)
    found = look(tmp_path, STRATASCOPE_ENGINES=f"unix://{one}  docker=unix:///x/y {tmp_path}/z podman=tcp://h:1")
    assert where(found) == [
        ("podman", PODMAN, f"unix://{one}"),
        ("docker", DOCKER, "unix:///x/y"),
        ("docker-2", DOCKER, f"unix://{tmp_path}/z"),
        ("podman-h", PODMAN, "tcp://h:1"),
    ]


def test_a_silent_socket_is_not_waited_for_long(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.bind(str(tmp_path / "s"))
        link.listen()
        assert answering(f"unix://{tmp_path}/s") is None


@pytest.mark.parametrize("address", ["", "unix://", "tcp://", "tcp://[", "tcp://h:99999", "unix:///\x00", "x" * 300])
def test_odd_addresses_answer_nothing(address: str) -> None:
    assert answering(address) is None


def test_real_engines_say_which_they_are(any_engine: Rig) -> None:
    (found,) = discover(any_engine.environ)
    assert (found.kind, found.rootless, found.id) == (any_engine.kind, any_engine.rootless, any_engine.id)
