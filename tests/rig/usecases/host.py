"""A fake host whose files a test defines; by default, nothing is known about them."""

from __future__ import annotations

from dataclasses import dataclass

from stratascope.core.ports import HostEntry, HostPath
from stratascope.core.relaunch.file_owners import FileMarks, Folder
from stratascope.linux.mounts import Propagation


@dataclass(frozen=True, slots=True)
class Host:
    """The same answer for every path."""

    there: bool | None = None
    other: bool | None = None
    travels: Propagation | None = None
    lies: HostPath | None = None
    marked: FileMarks | None = None

    def exists(self, path: str) -> bool | None:
        return self.there

    def replaced(self, pid: int, source: str, target: str) -> bool | None:
        return self.other

    def propagation(self, path: str) -> Propagation | None:
        return self.travels

    def entries(self, source: str, target: str, most: int) -> tuple[HostEntry, ...] | None:
        return None

    def marks(self, pid: int, paths: tuple[str, ...]) -> FileMarks | None:
        return self.marked

    def folders(self, pid: int, paths: tuple[str, ...], before: float) -> tuple[Folder, ...] | None:
        return None

    def place(self, path: str, most: int) -> HostPath | None:
        return self.lies
