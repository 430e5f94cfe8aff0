"""What a command is about: containers by name, project, service or image, and the settings chosen for them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from stratascope.core.container import Container
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import parse
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.many.kinds import PROJECT, label, of_project
from stratascope.wiring.hardening import ConnectedEngine, ConnectedHardening


def chooses(arguments: argparse.Namespace) -> bool:
    """Whether containers are chosen by project, service or image."""
    return any(each is not None for each in (arguments.project, arguments.service, arguments.image))


def several(arguments: argparse.Namespace) -> bool:
    """Whether it is about more than one name. Raises ProbeError where nothing is named."""
    wide = chooses(arguments)
    if not wide and not arguments.containers:
        raise ProbeError(msg("Name a container, or choose with --project, --service or --image."))
    return wide or len(set(arguments.containers)) > 1


def targets(arguments: argparse.Namespace, found: ConnectedHardening) -> tuple[ConnectedEngine, tuple[str, ...]]:
    """The engine and the full ids, each once. Raises ProbeError where that is none, or ambiguous."""
    hits = [found.container(name) for name in arguments.containers]
    if chooses(arguments):
        hits += [(access, each.id) for access, each in chosen(arguments, found)]
    first = hits[0][0]
    if any(access is not first for access, _ in hits):
        engines = ", ".join(sorted({access.engine.id for access, _ in hits}))
        raise ProbeError(msg("These are on several engines. Choose one with --engine: {engines}.", engines=engines))
    return first, tuple(dict.fromkeys(number for _, number in hits))


def chosen(arguments: argparse.Namespace, found: ConnectedHardening) -> Sequence[tuple[ConnectedEngine, Container]]:
    """The running containers of the given project, service and image. Raises ProbeError."""
    hits = [
        (access, each)
        for access in found.accesses
        for each in of_project(
            access.containers(),
            project=arguments.project or "",
            service=arguments.service or "",
            image=arguments.image or "",
        )
    ]
    words = ", ".join(filter(None, (arguments.project, arguments.service, arguments.image)))
    if not hits:
        raise ProbeError(msg("No running container belongs to {name}.", name=words), words)
    projects = sorted({label(each, PROJECT) for _, each in hits})
    if arguments.service and not arguments.project and len(projects) > 1:
        raise ProbeError(msg("Several projects have a service {name}. Choose one with --project: {projects}.",
                             name=arguments.service, projects=", ".join(projects)), words)  # fmt: skip
    return hits


def choices_of(arguments: argparse.Namespace, hardening: Hardening, state: ContainerState) -> tuple[Choice, ...]:
    """For that container. Raises ToggleError, and what its engine raises."""
    found = {}
    if arguments.preset is not None:
        found = {item.toggle: item for item in hardening.preset(state, Preset(arguments.preset))}
    for text in arguments.set:
        item = parse(text)
        found[item.toggle] = item
    return tuple(found.values())
