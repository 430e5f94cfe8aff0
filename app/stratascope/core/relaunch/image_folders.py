"""Folders of a container's root directory as they are: what a file system in memory there would hide or has to be like.

Apart from `toggle`, since ports name it and every command loads these.
"""

from __future__ import annotations

from typing import Protocol

from stratascope.value import Value


class Folder(Value):
    """`names`: what lies in it, as far as it was looked at. Owner and group as whoever gives it counts."""

    path: str
    uid: int
    gid: int
    mode: int  # permission bits, with set-gid and sticky
    names: tuple[str, ...] = ()


class RootFolders(Protocol):
    """The folders of containers on an engine's host."""

    def folders(self, pid: int, paths: tuple[str, ...], before: float) -> tuple[Folder, ...] | None:
        """Those of the paths that are folders of that process's root directory, on no other mount; owners as the host
        counts, names that are as they were `before` (seconds since the epoch). None where they can't be read.
        """
