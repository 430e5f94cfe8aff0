"""What the SDKs' named calls ask for, and what comes of the answers: as if they had been made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stratascope.core.container import Asked, EngineState
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import TWIN, RestartPolicy, TwinMount
from stratascope.engines.docker.engine import DockerEngine
from stratascope.engines.docker.relauncher import DockerRelauncher
from stratascope.engines.open import relauncher_of
from stratascope.engines.podman.engine import PodmanEngine
from stratascope.engines.podman.relauncher import PodmanRelauncher
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.engines.shared.http_connection import Bounds, HttpConnection

ID = "a" * 64
Relauncher = DockerRelauncher | PodmanRelauncher


class Wire:
    """What would go to the engine. `answers`: status and body by the end of a path, else 200 and an id."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.silences: list[float] = []
        self.answers: dict[str, tuple[int, bytes]] = {}

    def call(self, method: str, target: str, data: bytes | None, silence: float) -> tuple[int, bytes]:
        parts = urlsplit(target)
        query = {name: value for name, (value,) in parse_qs(parts.query, keep_blank_values=True).items()}
        if method != "GET":
            self.silences.append(silence)
            self.asked.append((method, parts.path, query, None if data is None else json.loads(data)))
        for end, answer in self.answers.items():
            if parts.path.endswith(end):
                return answer
        return 200, json.dumps({"Id": ID, "Mountpoint": "/there", "Driver": "local"}).encode()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Wire:
    found = Wire()

    def call(
        self: HttpConnection, target: str, bounds: Bounds, method: str = "GET", data: bytes | None = None
    ) -> tuple[int, bytes]:
        self.head = {"api-version": "1.45"}
        return (200, b"OK") if target.endswith("/_ping") else found.call(method, target, data, bounds.silence)

    monkeypatch.setattr(HttpConnection, "call", call)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return found


@pytest.fixture(params=[DockerEngine, PodmanEngine])
def port(request: pytest.FixtureRequest, wire: Wire) -> Iterator[Relauncher]:
    yield from opened(request.param)


@pytest.fixture
def docker(wire: Wire) -> Iterator[Relauncher]:
    yield from opened(DockerEngine)


@pytest.fixture
def podman(wire: Wire) -> Iterator[Relauncher]:
    yield from opened(PodmanEngine)


def opened(kind: type[DockerEngine | PodmanEngine], address: str = "unix:///nowhere") -> Iterator[Relauncher]:
    engine = kind(Endpoint("it", kind.kind, address, "test"))
    yield relauncher_of(engine)
    engine.close()


@pytest.mark.parametrize(
    ("call", "method", "path", "query", "body"),
    [
        (lambda port: port.start(ID), "POST", f"/containers/{ID}/start", {}, None),
        (lambda port: port.stop(ID, 7), "POST", f"/containers/{ID}/stop", {"t": "7"}, None),
        (lambda port: port.stop(ID, 0), "POST", f"/containers/{ID}/stop", {"t": "0"}, None),
        (lambda port: port.restart(ID, 7), "POST", f"/containers/{ID}/restart", {"t": "7"}, None),
        (lambda port: port.signal(ID, "HUP"), "POST", f"/containers/{ID}/kill", {"signal": "SIGHUP"}, None),
        (lambda port: port.rename(ID, "a.b"), "POST", f"/containers/{ID}/rename", {"name": "a.b"}, None),
        (
            lambda port: port.remove(ID),
            *("DELETE", f"/containers/{ID}", {"v": "False", "link": "False", "force": "True"}, None),
        ),
        (
            lambda port: port.commit(ID, "some/image:tag"),
            *("POST", "/commit", {"container": ID, "repo": "some/image:tag", "pause": "True"}, {}),
        ),
        (
            lambda port: port.create(json.dumps({"Image": f"sha256:{ID}", "Labels": {"a": "1"}, "Cmd": None,
                                                 "HostConfig": {"Memory": 0, "Init": None}}), "name", {"b": "2"}),
            *("POST", "/containers/create", {"name": "name"}),
            # what Go reads of null and of nothing is the same; inside of it null stays
            {"Image": f"sha256:{ID}", "Labels": {"a": "1", "b": "2"}, "HostConfig": {"Memory": 0, "Init": None}},
        ),
    ],
)  # fmt: skip
def test_what_docker_is_asked(
    docker: DockerRelauncher, wire: Wire, call: Callable[[Relauncher], object], method: str, path: str,
    query: dict[str, str], body: Any,
) -> None:  # fmt: skip
    call(docker)
    assert wire.asked == [(method, f"/v1.45{path}", query, body)]


@pytest.mark.parametrize(
    ("call", "method", "path", "query", "body"),
    [
        (lambda port: port.start(ID), "POST", f"/containers/{ID}/start", {}, None),
        (
            lambda port: port.stop(ID, 7),
            *("POST", f"/containers/{ID}/stop", {"timeout": "7", "ignore": "true"}, None),
        ),
        (lambda port: port.restart(ID, 0), "POST", f"/containers/{ID}/restart", {"timeout": "0"}, None),
        (lambda port: port.initialize(ID), "POST", f"/containers/{ID}/init", {}, None),
        (lambda port: port.signal(ID, "HUP"), "POST", f"/containers/{ID}/kill", {"signal": "SIGHUP"}, None),
        (
            lambda port: port.remove(ID),
            *("DELETE", f"/containers/{ID}", {"v": "false", "force": "true", "timeout": "0"}, None),
        ),
        (
            lambda port: port.limit(ID, Asked(memory=64 << 20, pids=5, cpu_cores=0.5)),
            *("POST", f"/containers/{ID}/update", {}),
            {"memory": {"limit": 64 << 20, "swap": 128 << 20}, "pids": {"limit": 5},
             "cpu": {"quota": 50000, "period": 100000}},
        ),
        (
            lambda port: port.restart_policy(ID, RestartPolicy("on-failure", 0)),
            *("POST", f"/containers/{ID}/update", {"restartPolicy": "on-failure", "restartRetries": "0"}, {}),
        ),
        (
            lambda port: port.restart_policy(ID, RestartPolicy("always")),
            *("POST", f"/containers/{ID}/update", {"restartPolicy": "always"}, {}),
        ),
    ],
)  # fmt: skip
def test_what_podman_is_asked(
    podman: PodmanRelauncher, wire: Wire, call: Callable[[Relauncher], object], method: str, path: str,
    query: dict[str, str], body: Any,
) -> None:  # fmt: skip
    host = {"Memory": 64 << 20, "MemorySwap": 128 << 20, "PidsLimit": 5, "NanoCpus": 500_000_000}
    before = {**host, "MemorySwap": 0}
    policy = {"RestartPolicy": {"Name": query.get("restartPolicy", "")}}
    looks = iter([before, {**host, **policy}])
    wire.answers["/json"] = (200, b"{}")
    answer = wire.call

    def call_after(method: str, target: str, data: bytes | None, silence: float) -> tuple[int, bytes]:
        if target.endswith(f"{ID}/json") and (path.endswith("update")):
            found = {**host, **policy} if query else next(looks)
            return 200, json.dumps({"Id": ID, "HostConfig": found}).encode()
        return answer(method, target, data, silence)

    wire.call = call_after  # type: ignore[method-assign]
    call(podman)
    assert wire.asked == [(method, f"/v4.0.0/libpod{path}", query, body)]


def test_dockers_restart_policy(docker: DockerRelauncher, wire: Wire) -> None:
    wanted = {"Name": "on-failure", "MaximumRetryCount": 3}
    wire.answers[f"{ID}/json"] = (200, json.dumps({"Id": ID, "HostConfig": {"RestartPolicy": wanted}}).encode())
    docker.restart_policy(ID, RestartPolicy("on-failure", 3))
    assert wire.asked == [("POST", f"/v1.45/containers/{ID}/update", {}, {"RestartPolicy": wanted})]


def test_dockers_volumes_of_a_twin(docker: DockerRelauncher, wire: Wire) -> None:
    docker.overlay("abc", (TwinMount("/srv/data", "/data", overlaid=True),))
    wire.answers["/volumes"] = (200, json.dumps({"Volumes": [{"Name": "one"}, {"Name": "two"}]}).encode())
    wire.answers["/volumes/one"] = (404, b'{"message": "no such volume"}')
    docker.remove_overlays("abc")
    plain = {"Driver": "local", "Labels": {TWIN: "abc"}}
    options = {"type": "overlay", "device": "overlay", "o": "lowerdir=/srv,upperdir=/there,workdir=/there"}
    assert wire.asked == [
        ("POST", "/v1.45/volumes/create", {}, {"Name": "stratascope-twin-abc-0-upper", **plain}),
        ("POST", "/v1.45/volumes/create", {}, {"Name": "stratascope-twin-abc-0-work", **plain}),
        ("POST", "/v1.45/volumes/create", {}, {"Name": "stratascope-twin-abc-0", **plain, "DriverOpts": options}),
        ("DELETE", "/v1.45/volumes/one", {}, None),
        ("DELETE", "/v1.45/volumes/two", {}, None),
    ]
    wire.answers["/volumes/one"] = (409, b'{"message": "volume is in use"}')
    with pytest.raises(RefusedError, match="volume is in use"):
        docker.remove_overlays("abc")


def test_an_address_with_a_path(wire: Wire) -> None:
    for kind, prefix in ((DockerEngine, "/v1.45"), (PodmanEngine, "/v4.0.0/libpod")):
        for port in opened(kind, "tcp://there:1/far/away"):
            port.start(ID)
            assert wire.asked.pop() == ("POST", f"/far/away{prefix}/containers/{ID}/start", {}, None)


def test_the_time_that_a_call_may_take(port: Relauncher, wire: Wire) -> None:
    port.stop(ID, 100)
    port.restart(ID, 100)
    port.start(ID)
    assert wire.silences == [130, 250, 120]


CALLS: list[Callable[[Relauncher], object]] = [
    lambda port: port.start(ID),
    lambda port: port.stop(ID, 1),
    lambda port: port.restart(ID, 1),
    lambda port: port.signal(ID, "HUP"),
    lambda port: port.remove(ID),
    lambda port: port.restart_policy(ID, RestartPolicy()),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [400, 403, 404, 409, 500])
def test_a_refusal_keeps_its_words(
    port: Relauncher, wire: Wire, call: Callable[[Relauncher], object], status: int
) -> None:
    for body, words in (
        (b'{"cause": "x", "message": "this container may not"}', "this container may not"),
        (b"a container's plain words", "a container's plain words"),
        (b'["container"]', '["container"]'),
        (b'{"container": 1}', '{"container": 1}'),
    ):
        wire.answers[""] = (status, body)
        with pytest.raises(RefusedError) as refused:
            call(port)
        assert refused.value.words == words


@pytest.mark.parametrize("call", CALLS)
def test_a_container_that_is_gone(port: Relauncher, wire: Wire, call: Callable[[Relauncher], object]) -> None:
    for status in (404, 500):
        wire.answers[""] = (status, json.dumps({"message": f"No such container: {ID}"}).encode())
        with pytest.raises(NoSuchContainerError):
            call(port)


@pytest.mark.parametrize("call", CALLS)
def test_something_in_front_of_it_that_refuses(
    port: Relauncher, wire: Wire, call: Callable[[Relauncher], object]
) -> None:
    wire.answers[""] = (401, b"<html>no</html>")
    with pytest.raises(EngineError) as failed:
        call(port)
    assert (failed.value.state, type(failed.value)) == (EngineState.DENIED, EngineError)


@pytest.mark.parametrize(
    "body",
    [b"[1]", b"null", b"", b"{", b"[" * 100_000, b'{"a":[' + b"{}," * 300_000 + b"{}]}", b'{"Id": NaN}', b"\xff"],
)
def test_an_answer_of_another_form(docker: DockerRelauncher, wire: Wire, body: bytes) -> None:
    wire.answers[""] = (200, body)
    for call in (lambda: docker.create("{}", "name", {}), lambda: docker.commit(ID, "name")):
        with pytest.raises(EngineError) as failed:
            call()
        assert failed.value.state is EngineState.UNREACHABLE


@pytest.mark.parametrize("text", ["{", '{"HttpHeaders": {"X": "y"}}', '{"proxies": {}}'])
def test_what_the_user_configured_for_dockers_own_command_changes_nothing(
    docker: DockerRelauncher, wire: Wire, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.json").write_text(text)
    docker.start(ID)
    assert wire.asked == [("POST", f"/v1.45/containers/{ID}/start", {}, None)]


@pytest.mark.parametrize("text", ["[1]", '{"auths": [1]}', '{"HttpHeaders": "x"}', '{"proxies": 3}'])
def test_a_configuration_that_the_sdk_stumbles_over_is_no_crash(
    docker: DockerRelauncher, wire: Wire, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(EngineError):
        docker.start(ID)
    assert wire.asked == []
