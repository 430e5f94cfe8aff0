"""Change the owner of a volume's files, so that a container can start as an ordinary user, and change it back.

Only the user and group that it starts as are replaced by the new ones, wherever a file has them. Whatever can't be
reversed from that alone is listed: files that already had the new user or group, other combinations, and what the
kernel
clears when the owner changes (set-uid bits, file capabilities: chown(2)). So for most volumes the list is short however
many files they hold, and the way back also fits files written since. Decided against a list of all files.

What was written since stays with the user that wrote it where the old one was root: root reads it, and a program that
starts as root and becomes that user by itself (php-fpm, postfix) could not if it were given to root.
"""

from __future__ import annotations

from typing import Protocol

from stratascope.core.message import Message
from stratascope.core.relaunch.launch_spec import TwinMount
from stratascope.value import Value, replace


class Ids(Value):
    """User and group, in the host's numbering."""

    uid: int
    gid: int


class FileOwner(Value):
    """One file before the change. `path`: relative to the volume's root, empty for the root; its bytes as Latin-1,
    which JSON can hold.

    `bits`: set-uid and set-gid; `capability`: `security.capability` in hexadecimal. Restored only to the same inode
    with the same content: size and SHA-256 (empty for other files).
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
    """The change for one volume. A file of `becomes` that is not in `files` belonged to `was` before, or is new."""

    source: str  # its folder on the engine's host
    was: Ids
    becomes: Ids
    files: tuple[FileOwner, ...] = ()
    listed: float = 0.0  # when, in seconds since the epoch: nobody wrote there then; 0: not known
    new: bool = False  # a volume that the relaunch makes and fills, so that there is nothing to list before

    def given(self, uid: int, gid: int) -> tuple[int, int]:
        """The owner after the change of a file with this owner."""
        return (
            self.becomes.uid if uid == self.was.uid else uid,
            self.becomes.gid if gid == self.was.gid else gid,
        )

    def wrote_since(self, uid: int, modified: float) -> bool:
        """Whether a file of this owner was written by the new user, given when it was last modified."""
        return uid == self.becomes.uid and 0 < self.listed < modified

    def taken_back(self, uid: int, gid: int) -> tuple[int, int]:
        """The owner before the change of a file with this owner that is not in `files`."""
        return (
            self.was.uid if uid == self.becomes.uid else uid,
            self.was.gid if gid == self.becomes.gid else gid,
        )


def combined(first: tuple[VolumeChange, ...], then: tuple[VolumeChange, ...]) -> tuple[VolumeChange, ...]:
    """Combine two changes into one that is undone to the state before the first."""
    later = {change.source: change for change in then}
    known = {change.source for change in first}
    joined = (
        replace(change, becomes=later[change.source].becomes) if change.source in later else change for change in first
    )
    return (*joined, *(change for change in then if change.source not in known))


class VolumeOwners(Protocol):
    """Files of volumes on an engine's machine. Symlinks are not followed, other mounts not entered.

    All but `no_owners` raise RefusedError, with the reason, for what can't be done, and EngineError.
    """

    def no_owners(self) -> Message | None:
        """Why file owners can't be changed from here; None if they can."""

    def volume_change(self, source: str, was: Ids, becomes: Ids) -> VolumeChange:
        """What undoing a change would have to restore. Reads only."""

    def give_volume(self, change: VolumeChange) -> None:
        """Change to the new owner. Idempotent."""

    def take_volume_back(self, change: VolumeChange) -> None:
        """Restore everything as listed. Idempotent; also after an incomplete `give_volume`."""

    def not_given(self, change: VolumeChange) -> tuple[str, ...]:
        """Some of the paths below the source that still belong to the old owner."""

    def give_twin(
        self, container: str, number: str, mounts: tuple[TwinMount, ...], changes: tuple[VolumeChange, ...]
    ) -> None:
        """Change owners in the overlays of this twin before its start; the volumes themselves stay unchanged."""


# -- folders in a container's root directory: what a tmpfs mounted there would hide, or must resemble
#
# Not in `toggle`, because ports use it and every command imports those.


class Folder(Value):
    """A folder. `names`: its entries, as far as they were read. Owner and group in the numbering of the reader."""

    path: str
    uid: int
    gid: int
    mode: int  # permission bits, with set-gid and sticky
    names: tuple[str, ...] = ()


class FileMarks(Value):
    """What sets some written paths apart. `passing`: sockets, and files that hold the number of one of its processes,
    neither of which means anything once it has ended. `attributes`: paths with their extended attributes, as access
    lists are stored too (acl(5), xattr(7)); not those that engines keep themselves (security labels, capabilities).
    """

    passing: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


class RootFolders(Protocol):
    """Folders of containers on an engine's host."""

    def marks(self, pid: int, paths: tuple[str, ...]) -> FileMarks | None:
        """Of those paths that are in that process's root directory and on the same mount, without following a link at
        the end. None if they can't be read.
        """

    def folders(self, pid: int, paths: tuple[str, ...], before: float) -> tuple[Folder, ...] | None:
        """Those of `paths` that are folders in that process's root directory and on the same mount. Owners in the
        host's numbering; only names unchanged since `before` (seconds since the epoch). None if they can't be read.
        """
