"""What a container stands on, besides its options: what its engine says, and what lies on its engine's host.

The launch spec is enough to create a container again; this is what tells whether the original could start again, and
what a relaunch would cut off. `Footing` is read with the spec; `HostFiles` is asked only for what a plan needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stratascope.linux.mounts import Propagation


class Health(StrEnum):
    NONE = "none"  # it has no healthcheck
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Footing:
    """As the engine says. The defaults are those of a container about which there is nothing to tell."""

    restarts: int = 0  # how often the engine started it again after it had ended by itself
    attached: bool = False  # it was started in the foreground, or its input is kept open
    sessions: int = 0  # exec sessions that run now, but for its own healthcheck
    healthcheck: bool = False
    log: bool = False  # its engine keeps what it printed, and removes that with it
    networks: tuple[str, ...] = ()  # whose name leads to another network by now, or to none
    edited: tuple[str, ...] = ()  # files that the engine makes, changed by hand: /etc/hosts …
    health: Health = Health.NONE  # what its healthcheck says now


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder below a mount, by its path in the container. Owner and group as the host counts."""

    path: str
    uid: int
    gid: int
    mode: int  # permission bits
    folder: bool


class HostFiles(Protocol):
    """What lies on an engine's host. None everywhere: this program can't tell."""

    def exists(self, path: str) -> bool | None: ...

    def replaced(self, pid: int, source: str, target: str) -> bool | None:
        """Whether `source` is another file by now than the one that the process `pid` has at `target`."""

    def propagation(self, path: str) -> Propagation | None:
        """Of the mount that the path lies on, in the engine's own sight."""

    def entries(self, source: str, target: str, most: int) -> tuple[Entry, ...] | None:
        """What lies at and below `source`, not more than `most`, nearest first."""
