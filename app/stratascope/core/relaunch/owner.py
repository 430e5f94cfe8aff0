"""Owners: programs that made a container and would make it again their own way, Compose and systemd with Quadlet.

A change goes through their files then: text of ours is put into a file that the owner reads, and the owner creates the
container again. The way back is to take just that text out. What a file held before is never written back as a whole:
somebody may have added to it since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stratascope.core.container import Container, EngineState
from stratascope.core.message import Message
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.launch_spec import LaunchSpec


class OwnerKind(StrEnum):
    COMPOSE = "compose"
    SYSTEMD = "systemd"


class OwnerError(EngineError):
    """An owner could not do what was asked; `message` says what to do, `words` are the owner's own."""

    def __init__(self, message: Message, words: str = "") -> None:
        super().__init__(EngineState.CONNECTED, message, words)


class OwnerFailedError(OwnerError):
    """The owner's command ended with an error: what it was told to make may not have come up."""


class OwnerGoneError(OwnerError):
    """The files that it was made from are gone: nobody can create it again from them."""


@dataclass(frozen=True, slots=True)
class OwnerFile:
    """Text that goes into a file. `before`: what the file held, None where it was not there. No secret is in here.

    `joint` stands between the two where it held something, as the file's format wants it.
    """

    path: str
    text: str
    before: str | None = None
    joint: str = ""

    @property
    def content(self) -> str:
        """The whole file once the text is in it."""
        return f"{self.before}{self.joint}{self.text}" if self.before else self.text


@dataclass(frozen=True, slots=True)
class Owned:
    """All that it takes to let the owner create one container again, today or after a crash.

    `labels`: the containers with all of these are this service's. `stamp`: what was seen of the owner's own files, to
    notice that they were changed. `undoes`: the transaction that this one takes back.
    """

    kind: OwnerKind
    service: str  # the service's name, or the unit's
    labels: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]  # the files that the owner makes it from
    files: tuple[OwnerFile, ...]
    patience: float  # seconds that creating it again may take
    stamp: str = ""
    endpoint: str = ""
    project: str = ""
    directory: str = ""
    environment_files: tuple[str, ...] = ()
    user: bool = False  # of systemd's manager for this user
    undoes: str = ""

    @property
    def key(self) -> str:
        """One service, whichever container it has at the moment."""
        return f"{self.kind}:{self.project}:{self.service}"


@dataclass(frozen=True, slots=True)
class OwnerPlan:
    """What is going to be written, and what the owner is going to be told; commands as they can be typed."""

    owned: Owned
    title: Message
    commands: tuple[str, ...]
    warnings: tuple[Message, ...] = ()

    @property
    def kind(self) -> OwnerKind:
        return self.owned.kind

    @property
    def service(self) -> str:
        return self.owned.service

    @property
    def files(self) -> tuple[OwnerFile, ...]:
        return self.owned.files


@dataclass(frozen=True, slots=True)
class OwnerRefusal:
    """Why a container that has an owner can't be changed through it, and what to do instead."""

    kind: OwnerKind
    text: Message
    instead: Message


@dataclass(frozen=True, slots=True)
class OwnerText:
    """What is to be written: the override or drop-in, and a seccomp profile with the name that the text calls it by."""

    text: str
    profile: str = ""
    profile_name: str = ""


class Owners(Protocol):
    """What hardening asks of owners. Every call has a time limit."""

    def plan(
        self,
        container: Container,
        spec: LaunchSpec,
        others: Sequence[Container],
        text: Callable[[OwnerKind], OwnerText],
    ) -> OwnerPlan | OwnerRefusal | None:
        """Looks only. None where nobody owns it. `text` may raise OwnerError."""

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
        """What the service's container said last, where the owner keeps it; empty where that can't be told."""
