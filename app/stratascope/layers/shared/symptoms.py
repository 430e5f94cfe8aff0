"""The symptoms of toggles: each says what it takes as its own, by how programs complain (`core.denials.complaints`).

Decided against one table of all symptoms, which would have to know every toggle by name.
"""

from __future__ import annotations

from collections.abc import Callable

from stratascope.core.denials.complaints import find
from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Failure, Subject, Suspicion
from stratascope.layers.shared.host_paths import within


def mounted(path: str, subject: Subject, kind: str) -> bool:
    """Whether that path lies in a mount of that kind of the original."""
    return any(mount.kind == kind and within(path, mount.target.rstrip("/") or "/") for mount in
               subject.container.asked.mounts)  # fmt: skip


def of_kernel(path: str) -> bool:
    """Whether that path is of the kernel's own file systems, which a read-only root directory leaves alone."""
    return any(within(path, folder) for folder in ("/proc", "/sys"))


Symptoms = Callable[[Failure, str, Subject], Suspicion | None]


def in_log(*rules: tuple[int, str, Message]) -> Symptoms:
    """The symptoms of a toggle that is suspected by words alone: the first rule whose pattern is found."""

    def symptoms(failure: Failure, value: str, subject: Subject) -> Suspicion | None:
        for weight, pattern, text in rules:
            if find(failure, pattern) is not None:
                return Suspicion(weight, text)
        return None

    return symptoms
