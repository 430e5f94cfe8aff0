"""Containers to be hardened, from recorded processes, for the tests of toggles and predictions."""

from __future__ import annotations

from typing import Any

from stratascope.core.capture import Capture
from stratascope.core.container import (
    Asked,
    Container,
    Engine,
    EngineFacts,
    EngineKind,
    ProfileKind,
    Status,
)
from stratascope.core.ground import Ground, Surroundings
from stratascope.core.message import Message
from stratascope.core.options.capabilities import ENGINE_DEFAULTS
from stratascope.core.relaunch.toggle import Subject
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.value import replace
from unit.layers.surroundings import GROUND

DOCKER = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock", version="26.1.5")
DOCKER_ROOTLESS = replace(
    DOCKER, id="docker-rootless", rootless=True, daemon_uid=1000, endpoint="unix:///run/user/1000/docker.sock"
)
PODMAN = Engine("podman", EngineKind.PODMAN, "unix:///run/podman/podman.sock", version="5.4.2")
PODMAN_ROOTLESS = replace(
    PODMAN, id="podman-rootless", rootless=True, daemon_uid=1000, endpoint="unix:///run/user/1000/podman/podman.sock"
)


def with_facts(engine: Engine, **facts: Any) -> Engine:
    """The same engine, which says these things of itself."""
    return replace(engine, facts=EngineFacts(**facts))


def made(asked: Asked | None = None, **fields: Any) -> Container:
    """A running container."""
    about = {"engine": "docker", "id": "ab" * 32, "name": "web", "image": "img", "status": Status.RUNNING}
    return Container(**{**about, "pid": 4211, "created": 0.0, "started": 0.0, "asked": asked or Asked(), **fields})


def facts_of(
    process: Capture, container: Container, engine: Engine = DOCKER, ground: Ground = GROUND
) -> tuple[tuple[str, Any], ...]:
    """The facts of all layers."""
    around = Surroundings(ground, engine)
    return tuple((layer.id, layer.decode(process, container, around)) for layer in all_layers())


def subject(
    asked: Asked | None = None, process: Capture | None = None, engine: Engine = DOCKER, **fields: Any
) -> Subject:
    """A container as toggles see it; without a process nothing is known of it."""
    container = made(asked)
    facts = () if process is None else facts_of(process, container, engine)
    return Subject(container, engine, facts, **fields)


def words(messages: tuple[Message, ...]) -> str:
    """All of them as one English text."""
    return " ".join(map(translate, messages))


DEFAULTS = {kind: default.names() for kind, default in ENGINE_DEFAULTS.items()}


def default(engine: Engine, **options: Any) -> Asked:
    given = Asked(capabilities=DEFAULTS[engine.kind], seccomp=ProfileKind.DEFAULT, apparmor=ProfileKind.DEFAULT)
    return replace(given, **options)
