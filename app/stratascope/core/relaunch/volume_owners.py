"""Volumes whose files get another owner, so that a container may start as an ordinary user: what is changed, and back.

Only the user and group that it starts as are exchanged for the new ones, wherever a file has them. What can't be told
from that afterwards is listed: files that had something of the new owner before, other mixtures, and what the kernel
takes from a file with its owner (set-uid bits, file capabilities: chown(2)). So the list is short for most volumes
however many files they hold, and the way back also fits what was written since. Decided against a list of all files.
"""

from __future__ import annotations

from typing import Protocol

from stratascope.core.message import Message
from stratascope.core.relaunch.twin import TwinMount
from stratascope.value import Value, replace


class Ids(Value):
    """User and group, as the host counts."""

    uid: int
    gid: int


class FileOwner(Value):
    """One file as it was. `path`: below the volume's top, empty for that; its bytes as Latin-1, which JSON can hold.

    `bits`: set-uid and set-gid; `capability`: `security.capability` in hexadecimal. Both are for that inode only, with
    that content: bytes and SHA-256 (nothing for other files).
    """

    path: str
    uid: int
    gid: int
    inode: int
    bits: int = 0
    capability: str = ""
    size: int = 0
    content: str = ""


class VolumeChange(Value):
    """One volume. Whoever is not in `files` and belongs to `becomes` afterwards belonged to `was`, or is new."""

    source: str  # its folder on the engine's host
    was: Ids
    becomes: Ids
    files: tuple[FileOwner, ...] = ()

    def given(self, uid: int, gid: int) -> tuple[int, int]:
        """Whom a file of that owner belongs to after the change."""
        return (
            self.becomes.uid if uid == self.was.uid else uid,
            self.becomes.gid if gid == self.was.gid else gid,
        )

    def taken_back(self, uid: int, gid: int) -> tuple[int, int]:
        """Whom a file of that owner, which is not in `files`, belonged to before."""
        return (
            self.was.uid if uid == self.becomes.uid else uid,
            self.was.gid if gid == self.becomes.gid else gid,
        )


def over(first: tuple[VolumeChange, ...], then: tuple[VolumeChange, ...]) -> tuple[VolumeChange, ...]:
    """Both as one change: back from it leads to where the first one began."""
    later = {change.source: change for change in then}
    known = {change.source for change in first}
    joined = (
        replace(change, becomes=later[change.source].becomes) if change.source in later else change for change in first
    )
    return (*joined, *(change for change in then if change.source not in known))


class VolumeOwners(Protocol):
    """The files of volumes on an engine's machine. No link is followed, no other mount entered.

    All but `no_owners` raise RefusedError for what can't be done, with the reason, and EngineError.
    """

    def no_owners(self) -> Message | None:
        """Why no file's owner can be changed from here; None where it can."""

    def volume_change(self, source: str, was: Ids, becomes: Ids) -> VolumeChange:
        """What a change would have to put back. Looks only."""

    def give_volume(self, change: VolumeChange) -> None:
        """To the new owner. May be repeated."""

    def take_volume_back(self, change: VolumeChange) -> None:
        """All as it was listed. May be repeated, also after a half of `give_volume`."""

    def not_given(self, change: VolumeChange) -> tuple[str, ...]:
        """Some of the paths below the source that belong to the old owner still."""

    def give_twin(
        self, container: str, number: str, mounts: tuple[TwinMount, ...], changes: tuple[VolumeChange, ...]
    ) -> None:
        """The same in the layers that a twin of this number writes to, before its start: no volume changes."""
