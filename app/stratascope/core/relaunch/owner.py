"""Owners: programs that made a container and would make it again their own way, Compose and systemd with Quadlet.

A change goes through their files then: text of ours is put into a file that the owner reads, and the owner creates the
container again. The way back is to take just that text out. What a file held before is never written back as a whole:
somebody may have added to it since. Types only; the port is `core.owners.Owners`.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.value import Value


class OwnerKind(StrEnum):
    COMPOSE = "compose"
    SYSTEMD = "systemd"


class OwnerFile(Value):
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


class Owned(Value):
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


class OwnerPlan(Value):
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


class OwnerRefusal(Value):
    """Why a container that has an owner can't be changed through it, and what to do instead."""

    kind: OwnerKind
    text: Message
    instead: Message


class OwnerText(Value):
    """What is to be written: the override or drop-in, and a seccomp profile with the name that the text calls it by."""

    text: str
    profile: str = ""
    profile_name: str = ""
