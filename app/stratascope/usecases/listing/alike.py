"""Which containers are alike, so that one set of choices, one trial or one row serves all; and selecting them. Pure.

Created alike means from the same image with the same command and options, as replicas are, whoever started them. What
an engine or a person gives to each individually does not count: published ports, labels, anonymous volumes.

One row represents replicas, which are created alike as the same service of the same project, and alike now: the same
state, the same marks, the same answer to each threat. A container that differs in any of these has its own row, and so
does one with a process that differs from its first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from stratascope.core.container import SHORTEST_ID, Asked, Container, Status
from stratascope.core.snapshot import ContainerState
from stratascope.core.text import common_start, natural
from stratascope.core.threats.threat import Outcome
from stratascope.value import replace

_ENDS = "-_.0123456789"  # what follows the shared name in replicas


def drifts(state: ContainerState) -> bool:
    """Whether a process in it can do more than its first: shown as a mark in the list."""
    return bool(state.raising) or any(process.kind and process.drift for process in state.processes)


def likeness(state: ContainerState) -> Hashable:
    """Equal for replicas that one row can represent; None for containers with a row of their own."""
    container = state.container
    if drifts(state) or container.infra or container.error:
        return None
    matrix = state.matrix
    return (
        kind_of(container),
        label(container, PROJECT),
        _stem(state),
        container.pod,
        container.status,
        container.health,
        tuple((layer.assessment.verdict, layer.assessment.basis) for layer in state.layers),
        None if matrix is None else tuple((each.threat.id, each.outcome, each.depth) for each in matrix.threats),
    )


def listing_key(state: ContainerState) -> Hashable:
    """Equal for containers of several machines that are listed as one: same name, same image, same open threats. Their
    other options may differ, since paths and options vary between machines.
    """
    container, matrix = state.container, state.matrix
    return (
        label(container, PROJECT),
        _stem(state),
        container.image,
        container.status,
        drifts(state),
        tuple([layer.assessment.verdict for layer in state.layers]),
        None if matrix is None else (matrix.exposure.worst, matrix.exposure.best),
        None if matrix is None else tuple([each.threat.id for each in matrix.threats if each.outcome is Outcome.OPEN]),
    )


def common_name(states: Sequence[ContainerState]) -> str:
    """A name for a group of replicas: their service, or the common beginning of their names; empty if there is none."""
    return label(states[0].container, SERVICE) or common_start([state.container.name for state in states]).rstrip(_ENDS)


def _stem(state: ContainerState) -> str:
    """The service, else the name without its number: containers with different ones are not replicas."""
    name = state.container.name
    return label(state.container, SERVICE) or name.rstrip(_ENDS) or name


PROJECT = ("com.docker.compose.project", "io.podman.compose.project")
SERVICE = ("com.docker.compose.service", "io.podman.compose.service")
DEPENDS_ON = ("com.docker.compose.depends_on",)  # "db:service_started:false,cache:service_healthy:true"
_FILES, _ONE_OFF = "com.docker.compose.project.config_files", "com.docker.compose.oneoff"
ALIVE = (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
_ANONYMOUS = 64  # hexadecimal digits: an engine's name for an anonymous volume

T = TypeVar("T")


def label(container: Container, names: Sequence[str]) -> str:
    """The value of the first of these labels that it has; empty if it has none."""
    labels = dict(container.labels)
    return next((labels[name] for name in names if name in labels), "")


def out_of_reach(container: Container) -> bool:
    """Whether its labels alone show that it can only be exported: Compose can't be asked to recreate it."""
    labels = dict(container.labels)
    if PROJECT[1] in labels:
        return True  # podman-compose can't recreate a single service
    return PROJECT[0] in labels and not (labels.get(_FILES) and labels.get(_ONE_OFF, "False") == "False")


def kind_of(container: Container) -> Hashable:
    """A key that is equal for all that are alike."""
    return (
        container.engine,
        container.image_id or container.image,
        container.command,
        container.init,
        _shared(container),
    )


def by_kind(items: Iterable[tuple[Container, T]]) -> tuple[tuple[T, ...], ...]:
    """Groups of like containers, in the order of the first of each."""
    found: dict[Hashable, list[T]] = {}
    for container, item in items:
        found.setdefault(kind_of(container), []).append(item)
    return tuple(map(tuple, found.values()))


def of_project(
    containers: Iterable[Container], *, project: str = "", service: str = "", image: str = ""
) -> tuple[Container, ...]:
    """Live ones that match everything given: a project, a service of it, an image."""
    found = [each for each in containers if each.status in ALIVE and not each.infra]
    if project:
        found = [each for each in found if label(each, PROJECT) == project]
    if service:
        found = [each for each in found if label(each, SERVICE) == service]
    if image:
        found = [each for each in found if _has_image(each, image)]
    return tuple(found)


def in_order(containers: Sequence[Container]) -> tuple[Container, ...]:
    """By name, but each after the services of its project that it depends on, except in a cycle."""
    waiting = sorted(containers, key=lambda each: natural(each.name))
    found: list[Container] = []
    while waiting:
        open_ones = {(label(each, PROJECT), label(each, SERVICE)) for each in waiting}
        ready = next((each for each in waiting if not _needs(each) & open_ones), waiting[0])
        waiting.remove(ready)
        found.append(ready)
    return tuple(found)


def _needs(container: Container) -> set[tuple[str, str]]:
    project, own = label(container, PROJECT), label(container, SERVICE)
    names = (word.partition(":")[0].strip() for word in label(container, DEPENDS_ON).split(","))
    return {(project, name) for name in names if name and name != own}


def _shared(container: Container) -> Asked:
    asked = container.asked
    return replace(
        asked,
        ports=tuple(sorted((replace(port, host_port="") for port in asked.ports), key=repr)),
        mounts=tuple(
            sorted((replace(each, source="", volume="") if _nameless(each.volume) else each for each in asked.mounts),
                   key=repr)
        ),
        selinux_label="",
        selinux_options=tuple(option for option in asked.selinux_options if not option.startswith("level:")),
    )  # fmt: skip


def _nameless(volume: str) -> bool:
    return len(volume) == _ANONYMOUS and all(letter in "0123456789abcdef" for letter in volume)


def _has_image(container: Container, image: str) -> bool:
    number = container.image_id.removeprefix("sha256:")
    by_id = len(image) >= SHORTEST_ID * 4 and number.startswith(image.removeprefix("sha256:"))
    return by_id or _whole(container.image) == _whole(image)


def _whole(image: str) -> str:
    """Normalized as engines expand short names; Podman prefixes images built or loaded locally with localhost/."""
    for prefix in ("docker.io/library/", "docker.io/", "localhost/"):
        if image.startswith(prefix):
            image = image.removeprefix(prefix)
            break
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in last else f"{image}:latest"
