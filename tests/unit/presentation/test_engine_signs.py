"""Two engines' containers of one name are told apart."""

from __future__ import annotations

import pytest

from rig.window import sample
from stratascope.core.container import Engine, EngineKind
from stratascope.presentation.engine_signs import EngineSign, engine_title, sign_of, suffixes, told_apart

DOCKER, PODMAN = EngineKind.DOCKER, EngineKind.PODMAN
ENGINES = (
    Engine("docker", DOCKER, "unix:///run/docker.sock"),
    Engine("docker-rootless", DOCKER, "unix:///run/user/1000/docker.sock", rootless=True),
    Engine("docker-rootless-2", DOCKER, "unix:///run/user/1001/docker.sock", rootless=True),
    Engine("work", PODMAN, "ssh://root@far/run/podman/podman.sock"),
)


@pytest.mark.parametrize(
    ("engine", "sign", "title"),
    [
        ("docker", EngineSign(DOCKER), "Docker, rootful (docker)"),
        ("docker-rootless-2", EngineSign(DOCKER, rootless=True), "Docker, rootless (docker-rootless-2)"),
        ("work", EngineSign(PODMAN), "Podman, rootful (work, ssh://root@far/run/podman/podman.sock)"),
        # of captures, and of engines that are gone: what the id says
        ("podman-rootless", EngineSign(PODMAN, rootless=True), "Podman, rootless (podman-rootless)"),
        ("monday:docker", EngineSign(DOCKER), "Docker, rootful (monday:docker)"),
        ("podman:docker", EngineSign(DOCKER), "Docker, rootful (podman:docker)"),
        ("other", EngineSign(None), "Engine (other)"),
        ("sandboxes", EngineSign(EngineKind.SANDBOXES), "Sandbox of this machine"),
    ],
)
def test_sign_and_title(engine: str, sign: EngineSign, title: str) -> None:
    assert sign_of(engine, ENGINES) == sign
    assert engine_title(engine, ENGINES) == title


def test_a_suffix_only_where_name_and_icon_occur_twice() -> None:
    web = [sample.state("web", engine=engine.id) for engine in ENGINES]
    alone = sample.state("db", engine="docker-rootless")
    assert suffixes((*web, alone), ENGINES) == {web[1].key: "docker-rootless", web[2].key: "docker-rootless-2"}
    assert suffixes((web[0], web[1], web[3]), ENGINES) == {}
    assert suffixes((web[0], sample.state("web", engine="docker")), ENGINES) == {}, "of one engine: it renames one"
    assert told_apart("web", "docker-2") == "web (docker-2)"
    assert told_apart("web", "") == "web"
