"""Owners: programs that created a container and would recreate it their own way, Compose and systemd with Quadlet.

A change then goes through their files: our text is put into a file that the owner reads, and the owner recreates the
container. To undo it, just that text is removed. A file's former content is never restored as a whole: somebody may
have added to it since. Types only; the port is `core.ports.Owners`.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.container import Container
from stratascope.core.message import Message
from stratascope.value import Value

COMPOSED = frozenset({"com.docker.compose.project", "io.podman.compose.project"})  # labels
SYSTEMD_UNIT = "PODMAN_SYSTEMD_UNIT"


def has_owner(container: Container) -> bool:
    """Whether Compose or systemd made it, by its labels."""
    names = {name for name, _ in container.labels}
    return SYSTEMD_UNIT in names or not COMPOSED.isdisjoint(names)


class OwnerKind(StrEnum):
    COMPOSE = "compose"
    SYSTEMD = "systemd"


class OwnerFile(Value):
    """Text that goes into a file. `before`: the file's former content, None if it did not exist. Contains no secret.

    `joint` separates the two if the file had content, as its format requires.
    """

    path: str
    text: str
    before: str | None = None
    joint: str = ""

    @property
    def content(self) -> str:
        """The whole file with the text in it."""
        return f"{self.before}{self.joint}{self.text}" if self.before else self.text


class Owned(Value):
    """Everything needed to let the owner recreate one container, now or after a crash.

    `labels`: containers with all of these belong to this service. `stamp`: state of the owner's own files, to
    detect changes. `undoes`: the transaction that this one undoes. `earlier`: text of ours that is in the files
    already, from an earlier change; once this one stays, an undo removes both: the way back leads to before the first.
    """

    kind: OwnerKind
    service: str  # the service's name, or the unit's
    labels: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]  # the files that the owner creates it from
    files: tuple[OwnerFile, ...]
    patience: float  # seconds that recreating it may take
    stamp: str = ""
    endpoint: str = ""
    project: str = ""
    directory: str = ""
    environment_files: tuple[str, ...] = ()
    user: bool = False  # of systemd's user manager
    undoes: str = ""
    joins: tuple[tuple[str, str, str], ...] = ()  # namespaces of others: Compose's key, its container, its service
    also: tuple[
        tuple[str, tuple[tuple[str, str], ...]], ...
    ] = ()  # services that join it, re-created too; their labels
    earlier: tuple[OwnerFile, ...] = ()

    @property
    def key(self) -> str:
        """Identity of the service, independent of its current container."""
        return f"{self.kind}:{self.project}:{self.service}"


class OwnerPlan(Value):
    """What will be written, and the commands that the owner will run, as they can be typed.

    `takes`: ids of the containers that use its namespaces, which the owner re-creates with it, unchanged.
    """

    owned: Owned
    title: Message
    commands: tuple[str, ...]
    warnings: tuple[Message, ...] = ()
    takes: frozenset[str] = frozenset()

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
    """Why a container can't be changed through its owner, and what to do instead."""

    kind: OwnerKind
    text: Message
    instead: Message


class OwnerText(Value):
    """What is to be written: the override or drop-in, and a seccomp profile with the name that the text uses for it."""

    text: str
    profile: str = ""
    profile_name: str = ""
