"""The menu of exports: each kind with its title, the name of its file, and its text when it is wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from stratascope.core.message import Message, msg
from stratascope.export.shared import ExportKind
from stratascope.ui.harden.exporting import Exported
from stratascope.usecases.plan.plan import Plan

Texts = Callable[[Plan], Sequence[tuple[ExportKind, Callable[[], str]]]]

_TITLES: dict[ExportKind, Message] = {
    ExportKind.DOCKER_RUN: msg("docker run"),
    ExportKind.PODMAN_RUN: msg("podman run"),
    ExportKind.COMPOSE: msg("Compose override file"),
    ExportKind.QUADLET: msg("Quadlet drop-in"),
    ExportKind.KUBERNETES: msg("Kubernetes pod"),
    ExportKind.SECCOMP: msg("seccomp profile"),
}
_FILES = {
    ExportKind.DOCKER_RUN: "{name}.sh",
    ExportKind.PODMAN_RUN: "{name}.sh",
    ExportKind.COMPOSE: "compose.{name}.yaml",
    ExportKind.QUADLET: "{name}.conf",
    ExportKind.KUBERNETES: "{name}-pod.yaml",
    ExportKind.SECCOMP: "{name}-seccomp.json",
}


def exported(plan: Plan, texts: Texts) -> tuple[Exported, ...]:
    """All kinds, in the order of the command line's."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", plan.spec.name).strip("-.") or "container"
    return tuple(Exported(_TITLES[kind], _FILES[kind].format(name=name), text) for kind, text in texts(plan))
