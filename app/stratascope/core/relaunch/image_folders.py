"""Folders in a container's root directory: what a tmpfs mounted there would hide, or must resemble.

Not in `toggle`, because ports use it and every command imports those.
"""

from __future__ import annotations

from typing import Protocol

from stratascope.value import Value


class Folder(Value):
    """`names`: its entries, as far as they were read. Owner and group in the numbering of whoever returns it."""

    path: str
    uid: int
    gid: int
    mode: int  # permission bits, with set-gid and sticky
    names: tuple[str, ...] = ()


class RootFolders(Protocol):
    """Folders of containers on an engine's host."""

    def folders(self, pid: int, paths: tuple[str, ...], before: float) -> tuple[Folder, ...] | None:
        """Those of `paths` that are folders in that process's root directory and on the same mount. Owners in the
        host's numbering; only names unchanged since `before` (seconds since the epoch). None if they can't be read.
        """
