"""The port to the files of an engine's host: what lies at a path, whose it is, and what is mounted there."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from stratascope.core.relaunch.image_folders import RootFolders
from stratascope.linux.mounts import Propagation
from stratascope.value import Value


class Entry(Value):
    """A file or folder below a mount, by its path in the container. Owner and group as the host counts."""

    path: str
    uid: int
    gid: int
    mode: int  # permission bits
    folder: bool


class PlaceKind(StrEnum):
    FOLDER = "folder"
    FILE = "file"
    SOCKET = "socket"
    OTHER = "other"  # a device, a pipe


class Place(Value):
    """What lies at a path. `path`: with no link at its end; `mounted`: something is mounted just there.

    `sockets`: whether any lies in that folder, None where it holds more than was looked at.
    """

    path: str
    kind: PlaceKind
    mounted: bool
    sockets: bool | None = False


class HostFiles(RootFolders, Protocol):
    """What lies on an engine's host. None everywhere: this program can't tell."""

    def exists(self, path: str) -> bool | None: ...

    def replaced(self, pid: int, source: str, target: str) -> bool | None:
        """Whether `source` is another file by now than the one that the process `pid` has at `target`."""

    def propagation(self, path: str) -> Propagation | None:
        """Of the mount that the path lies on, in the engine's own sight."""

    def entries(self, source: str, target: str, most: int) -> tuple[Entry, ...] | None:
        """What lies at and below `source`, not more than `most`, nearest first."""

    def place(self, path: str, most: int) -> Place | None:
        """What lies at that path; below it, not more than `most` are looked at."""
