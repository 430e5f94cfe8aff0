"""The port to the files of an engine's host: what is at a path, who owns it, and what is mounted there."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from stratascope.core.relaunch.file_owners import RootFolders
from stratascope.linux.mounts import Propagation
from stratascope.value import Value


class HostEntry(Value):
    """A file or folder below a mount, by its path in the container. Owner and group in the host's numbering."""

    path: str
    uid: int
    gid: int
    mode: int  # permission bits
    folder: bool


class HostPathKind(StrEnum):
    FOLDER = "folder"
    FILE = "file"
    SOCKET = "socket"
    OTHER = "other"  # a device, a pipe


class HostPath(Value):
    """What is at a path. `path`: with a final symlink resolved; `mounted`: the path itself is a mount point.

    `sockets`: whether the folder holds any; None if it has more entries than were looked at.
    """

    path: str
    kind: HostPathKind
    mounted: bool
    sockets: bool | None = False


class HostFiles(RootFolders, Protocol):
    """Files on an engine's host. Every method returns None where this program can't look."""

    def exists(self, path: str) -> bool | None: ...

    def replaced(self, pid: int, source: str, target: str) -> bool | None:
        """Whether `source` is no longer the file that the process `pid` has mounted at `target`."""

    def propagation(self, path: str) -> Propagation | None:
        """Of the mount that holds the path, as seen by the engine."""

    def entries(self, source: str, target: str, most: int) -> tuple[HostEntry, ...] | None:
        """Files at and below `source`, at most `most`, nearest first."""

    def place(self, path: str, most: int) -> HostPath | None:
        """What is at that path; looks at no more than `most` entries below it."""
