"""The port to a container's owner (Compose, or systemd with Quadlet): the files that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from stratascope.core.container import Container, EngineState
from stratascope.core.message import Message
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import Owned, OwnerKind, OwnerPlan, OwnerRefusal, OwnerText


class OwnerError(EngineError):
    """An owner could not do what was asked; `message` says what to do, `words` is the owner's own output."""

    def __init__(self, message: Message, words: str = "") -> None:
        super().__init__(EngineState.CONNECTED, message, words)


class OwnerFailedError(OwnerError):
    """The owner's command failed; what it was asked to create may not be running."""


class OwnerGoneError(OwnerError):
    """The files that the container was made from are gone, so nobody can recreate it from them."""


class Owners(Protocol):
    """What hardening asks of owners. Every call has a time limit."""

    def plan(
        self,
        container: Container,
        spec: LaunchSpec,
        others: Sequence[Container],
        text: Callable[[OwnerKind], OwnerText],
        along: frozenset[str] = frozenset(),
    ) -> OwnerPlan | OwnerRefusal | None:
        """Reads only. None if the container has no owner. `text` may raise OwnerError. `along`: ids of those changed
        with it.
        """

    def check(self, owned: Owned) -> None:
        """Raise OwnerError if the owner's files changed since planning."""

    def holds(self, owned: Owned) -> bool:
        """Whether every file has our text in it, unchanged. Raises OwnerError."""

    def put(self, owned: Owned) -> None:
        """Write our text into the files; a crash leaves all of it or nothing. Idempotent. Raises OwnerError."""

    def take(self, owned: Owned) -> None:
        """Remove our text; a file that holds nothing else is deleted. Idempotent. Raises OwnerError."""

    def recreate(self, owned: Owned) -> None:
        """Let the owner recreate this service's container from the files as they are. Raises OwnerError,
        OwnerGoneError.
        """

    def last_words(self, owned: Owned) -> str:
        """The last output of the service's container, if the owner keeps it; else empty."""
