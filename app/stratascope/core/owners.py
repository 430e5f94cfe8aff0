"""The port to who owns a container (Compose, systemd by Quadlet): the files that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from stratascope.core.container import Container, EngineState
from stratascope.core.message import Message
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import Owned, OwnerKind, OwnerPlan, OwnerRefusal, OwnerText


class OwnerError(EngineError):
    """An owner could not do what was asked; `message` says what to do, `words` are the owner's own."""

    def __init__(self, message: Message, words: str = "") -> None:
        super().__init__(EngineState.CONNECTED, message, words)


class OwnerFailedError(OwnerError):
    """The owner's command ended with an error: what it was told to make may not have come up."""


class OwnerGoneError(OwnerError):
    """The files that it was made from are gone: nobody can create it again from them."""


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
        """Looks only. None where nobody owns it. `text` may raise OwnerError. `along`: ids of those changed with it."""

    def check(self, owned: Owned) -> None:
        """Raises OwnerError where the owner's files were changed since."""

    def holds(self, owned: Owned) -> bool:
        """Whether every file of it has our text in it, unchanged. Raises OwnerError."""

    def put(self, owned: Owned) -> None:
        """Our text into the files, so that a crash leaves all of it or nothing. May be repeated. Raises OwnerError."""

    def take(self, owned: Owned) -> None:
        """Our text out of the files; a file with nothing else goes. May be repeated. Raises OwnerError."""

    def recreate(self, owned: Owned) -> None:
        """Let the owner create this service's container again, from the files as they are. Raises OwnerError,
        OwnerGoneError."""

    def last_words(self, owned: Owned) -> str:
        """What the service's container said last, where the owner keeps it; empty where that is not known."""
