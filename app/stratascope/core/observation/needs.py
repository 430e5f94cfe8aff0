"""What was learned of a program, by its image and command: kept over restarts and relaunches of its containers.

Hardening changes options of a container, and neither image nor command, so what was learned before holds after it, and
of all replicas together. Decided against keeping it by the container's id: a relaunch makes a new one.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from stratascope.core.container import Container
from stratascope.core.observation.observation import Observation
from stratascope.value import Value


class Needs(Value):
    """All observations of one image and command, added up. `containers`: names that they were made of, newest last.

    `updated`: seconds since the epoch.
    """

    image: str
    command: str
    observation: Observation = Observation()
    containers: tuple[str, ...] = ()
    updated: float = 0.0


class NeedsError(Exception):
    """What was learned can't be written down or read: `words` say what and why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class NeedsStore(Protocol):
    """Where needs are kept. All raise NeedsError."""

    def of(self, container: Container) -> Needs | None:
        """What was learned of such a container; None: nothing."""

    def add(self, container: Container, observation: Observation) -> Needs:
        """Remember it too, and return all that is known now."""

    def forget(self, container: Container) -> bool:
        """Whether there was something."""


def needs_key(container: Container) -> str:
    """32 hexadecimal digits: the same for all containers of that image and command."""
    return hashlib.sha256(f"{container.image}\0{container.command}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
