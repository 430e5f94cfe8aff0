"""What the engine has already decides: a container that is joined, the users of an image, sockets below a folder."""

from __future__ import annotations

from typing import Any

import pytest

from rig.check.real import said
from stratascope.core.accounts import parse
from stratascope.core.container import Asked, Container, EngineKind, Image
from stratascope.core.snapshot import MachineCapture
from stratascope.layers import all_layers
from stratascope.usecases.check.check import Checker, Host
from stratascope.value import replace
from stratascope.wiring.check import LocalHosts
from stratascope.wiring.engines import demo_capture

MODES = {
    "hosts": Asked(pid_mode="host", ipc_mode="host", network_mode="host"),
    "own": Asked(),
    "joins-hosts": Asked(pid_mode="container:hosts", ipc_mode="container:hosts", network_mode="container:hosts"),
    "round-a": Asked(pid_mode="container:round-b", ipc_mode="container:round-b", network_mode="container:round-b"),
    "round-b": Asked(pid_mode="container:round-a", ipc_mode="container:round-a", network_mode="container:round-a"),
}
ACCOUNTS = parse("root:x:0:0::/:\ntoor:x:0:0::/:\napp:x:1000:1000::/:\n", "")


class WithThese(LocalHosts):
    """An engine with containers, whose images' users are known, and with sockets here and there."""

    rootless = False

    def host(self, kind: EngineKind | None) -> Host:
        found = super().host(kind)
        paths = ("/run/buildkit/buildkitd.sock", "/srv/other/engine.sock", "/run/user/1000/podman/podman.sock")
        sockets = tuple((f"0:1:{number}", path) for number, path in enumerate(paths))
        return replace(found, ground=replace(found.ground, sockets=sockets, mounts=(), file_systems=()))

    def image(self, host: Host, name: str) -> Image | None:
        return Image(accounts=ACCOUNTS)

    def container(self, host: Host, name: str) -> Container | None:
        plain = replace(host.plain, engine=host.engine.id, id=name * 3, name=name)
        return None if name not in MODES else replace(plain, asked=MODES[name])


@pytest.fixture(scope="module")
def checker() -> Checker:
    demo = demo_capture()
    return Checker(all_layers(), WithThese(None, MachineCapture(demo.taken_at, demo.host, (), ())))


def told(checker: Checker, *words: str, program: str = "docker") -> dict[str, Any]:
    found: dict[str, Any] = said(checker.words((program, "run", "--name", "it", *words, "image"), 0.0))["it"]
    return found


def outcome(found: dict[str, Any], threat: str) -> str:
    text: str = found["threats"][threat]["outcome"]
    return text


@pytest.mark.parametrize("program", ["docker", "podman"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [("hosts", "open"), ("joins-hosts", "open"), ("own", "stopped"), ("round-a", "unknown"), ("missing", "unknown")],
)
def test_who_joins_a_container_is_where_that_is(checker: Checker, name: str, expected: str, program: str) -> None:
    words = [word for kind in ("pid", "ipc", "network") for word in (f"--{kind}", f"container:{name}")]
    found = told(checker, *words, program=program)
    for threat in ("see-host-processes", "share-host-ipc", "reach-host-network"):
        assert outcome(found, threat) == expected, threat


def test_a_text_joins_one_that_runs(checker: Checker) -> None:
    text = "services:\n  a: {image: a, ipc: 'container:joins-hosts'}\n  b: {image: a, ipc: 'service:a'}\n"
    found = said(checker.text(text, "compose.yml", 0.0))
    assert {outcome(each, "share-host-ipc") for each in found.values()} == {"open"}


@pytest.mark.parametrize(
    ("user", "uid", "expected"),
    [("app", 1000, "stopped"), ("toor", 0, "open"), ("root", 0, "open"), ("4", 4, "stopped")],
)
def test_a_name_is_whom_the_image_says(checker: Checker, user: str, uid: int, expected: str) -> None:
    found = told(checker, "--user", user)
    assert found["layers"]["usermap"]["facts"]["uid_inside"] == uid
    assert outcome(found, "change-foreign-files") == expected
    assert found["layers"]["capabilities"]["facts"]["root_inside"] is (uid == 0)


@pytest.mark.parametrize(
    ("source", "inside"),
    [
        ("/run", "/u/buildkit/buildkitd.sock"),
        ("/var/run", "/u/buildkit/buildkitd.sock"),
        ("/srv", "/u/other/engine.sock"),
        ("/srv/other/engine.sock", "/u"),
        ("/run/user/1000", "/u/podman/podman.sock"),
        ("/run/user", "/u/1000/podman/podman.sock"),
        ("/", "/u/srv/other/engine.sock"),
    ],
)
@pytest.mark.parametrize("mode", ["", ":ro"])
def test_a_socket_below_a_folder(checker: Checker, source: str, inside: str, mode: str) -> None:
    found = told(checker, "-v", f"{source}:/u{mode}")
    assert inside in found["layers"]["namespaces"]["facts"]["engine_sockets"]
    assert outcome(found, "use-engine-socket") == "open"


@pytest.mark.parametrize("source", ["/srv/others", "/run/lock", "/run/user/1001"])
def test_a_folder_without_one(checker: Checker, source: str) -> None:
    assert outcome(told(checker, "-v", f"{source}:/u"), "use-engine-socket") == "stopped"


@pytest.mark.parametrize("word", ["systempaths=unconfined", "unmask=ALL", "unmask=all"])
def test_podmans_alias(checker: Checker, word: str) -> None:
    found = told(checker, "--security-opt", word, program="podman")
    assert found["layers"]["namespaces"]["facts"]["masked_paths"] == 0
    assert outcome(found, "write-core-pattern") == "open"
    line = checker.text(f"[Container]\nImage=a\nPodmanArgs=--security-opt {word}\n", "x.container", 0.0)
    assert outcome(next(iter(said(line).values())), "write-core-pattern") == "open"
