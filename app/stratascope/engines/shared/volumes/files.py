"""The owners of all files of a volume, listed, changed and put back by root on the engine's own machine.

Each file is held by a descriptor while it is looked at and changed, so that what is changed is what was seen, a link
itself and never where it leads. Root changes for an engine what that engine's user could change without it, no more: an
answer of a rootless engine may name any folder. Decided against a container that would do it (`chown -R` by root of the
same image): images need not have such a program, it follows what a hostile one has in its place, and tells nothing to
put back.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from stratascope.collector.paths import Sight, mount_of, open_here, reopen
from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.volume_owners import FileOwner, VolumeChange
from stratascope.engines.shared.endpoint import peer_uid
from stratascope.engines.shared.host_files import LocalFiles
from stratascope.engines.shared.volumes.overlay_mount import overlay
from stratascope.engines.shared.volumes.sub_ids import SubIds, ids_of
from stratascope.engines.shared.volumes.walk import DEPTH_MOST, walk
from stratascope.value import Value

FILES_MOST = 200_000  # in one volume: the container stands still meanwhile
LISTED_MOST = 20_000  # of them with something that has to be written down
READ_MOST = 1 << 28  # bytes of those with set-uid bits or capabilities
_SHOWN = 5
_BITS = stat.S_ISUID | stat.S_ISGID
_CAPABILITY = "security.capability"


class Top(Value):
    """A volume's folder as a descriptor. `ids`: whose files may be changed; None: anybody's."""

    place: int
    ids: SubIds | None

    def holds(self, uid: int, gid: int) -> bool:
        """What chown(2) asks of root in a user namespace, of both owners: capable_wrt_inode_uidgid()."""
        return self.ids is None or self.ids.hold(uid, gid)


class VolumeFiles(LocalFiles):
    """For an engine behind `endpoint`. Errors are RefusedError."""

    def no_owners(self) -> Message | None:
        """See `core.relaunch.volume_owners.VolumeOwners`."""
        if self._socket is None:
            return _out_of_reach()
        if os.geteuid() != 0:
            return msg("Changing the owners of its volumes' files requires root: run stratascope with sudo.")
        return None

    @contextmanager
    def top(self, source: str) -> Iterator[Top]:
        """The volume's folder."""
        with self._able(source) as ids, _folder(self._sight(), source) as found:
            with _folder(self._sight(), posixpath.dirname(source.rstrip("/"))) as above:
                if mount_of(found) != mount_of(above):
                    raise refused(
                        msg("Something is mounted at {path}, so the owners there are not changed.", path=source)
                    )
            yield Top(found, ids)

    @contextmanager
    def inside(self, pid: int, target: str) -> Iterator[Top]:
        """What a process has mounted there."""
        with self._able(target) as ids, _folder(Sight(f"/proc/{pid}/root", str(pid)), target) as found:
            yield Top(found, ids)

    @contextmanager
    def layers(self, source: str, lower: str, upper: str, work: str) -> Iterator[Top]:
        """The volume's folder in an overlay of these, which is mounted nowhere, and gone afterwards."""
        namespace = f"/proc/{self._peer() or 'thread-self'}/ns/mnt"
        with self._able(source) as ids, ExitStack() as held:
            sight = self._sight()
            below, above, beside = (held.enter_context(_folder(sight, path)) for path in (lower, upper, work))
            for place in (above, beside):
                state = os.fstat(place)
                if not Top(place, ids).holds(state.st_uid, state.st_gid):
                    raise PermissionError(errno.EPERM, "a layer is not of the engine's user")
            top = held.enter_context(overlay(below, above, beside, namespace))
            found = open_here(posixpath.basename(source.rstrip("/")), top)
            try:
                yield Top(found, ids)
            finally:
                os.close(found)

    @contextmanager
    def _able(self, path: str) -> Iterator[SubIds | None]:
        """The ids of the engine's user, None where that is root. RefusedError where it can't be done."""
        why_not = self.no_owners()
        if why_not is not None:
            raise refused(why_not)
        user = None if self._socket is None else peer_uid(self._socket)
        if user is None:
            raise refused(_out_of_reach())
        try:
            yield ids_of(user) if user else None
        except (OSError, ValueError) as error:
            text = msg("The owners of the files in {path} can't be read or changed.", path=path)
            raise refused(text, str(error)) from error


@contextmanager
def _folder(sight: Sight, path: str) -> Iterator[int]:
    found = sight.answering(path)
    try:
        if not stat.S_ISDIR(os.fstat(found).st_mode):
            raise NotADirectoryError(path)
        yield found
    finally:
        os.close(found)


def listed(top: Top, change: VolumeChange) -> VolumeChange:
    """With what has to be put back. Raises RefusedError for more than is kept, for a file with a name elsewhere, and
    where the engine's user does not have these ids.
    """
    if not (top.holds(change.was.uid, change.was.gid) and top.holds(change.becomes.uid, change.becomes.gid)):
        raise refused(msg("Its engine's user can't give files to that user: subuid(5) does not list these IDs."))
    files: list[FileOwner] = []
    names: dict[int, int] = {}  # of files with several: how many are still to be found
    left = READ_MOST
    for path, place, found in _walk(top, change.source):
        owner = (found.st_uid, found.st_gid)
        changed = change.given(*owner) != owner and top.holds(*owner)
        bits, capability = _lost(place, found) if changed else (0, "")
        ours = changed or change.taken_back(*owner) != owner
        if (ours and owner != (change.was.uid, change.was.gid)) or bits or capability:
            size = content = None
            if bits or capability:
                size, left = found.st_size, left - found.st_size
                if left < 0:
                    raise _too_many(change.source)
                content = _content(place)
            files.append(FileOwner(_kept(path), *owner, found.st_ino, bits, capability, size or 0, content or ""))
            if len(files) > LISTED_MOST:
                raise _too_many(change.source)
        if changed and found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            names[found.st_ino] = names.get(found.st_ino, found.st_nlink) - 1
    if any(names.values()):
        raise refused(msg("A file in {path} has another name outside it, so the owners there are not changed.",
                          path=change.source))  # fmt: skip
    return VolumeChange(change.source, change.was, change.becomes, tuple(files))


def give(top: Top, change: VolumeChange) -> None:
    """To the new owner, set-uid bits and capabilities with it: whom they make a process is the new one too."""
    known = {each.path: each for each in change.files}
    for path, place, found in _walk(top, change.source):
        uid, gid = change.given(found.st_uid, found.st_gid)
        was = known.get(_kept(path))
        bits, capability = (was.bits, was.capability) if was and was.inode == found.st_ino else (0, "")
        if (uid, gid) != (found.st_uid, found.st_gid):
            now, held = _lost(place, found)
            bits, capability = bits | now, capability or held
        _owned(top, place, found, (uid, gid), bits, capability)


def take_back(top: Top, change: VolumeChange) -> None:
    """All as it was listed, however much it has become.

    Set-uid bits and capabilities only for what holds the same as then: whoever owned it meanwhile could have it do
    anything as the old owner, which may be root.
    """
    known = {each.path: each for each in change.files}
    for path, place, found in walk(top.place):
        was = None if path is None else known.get(_kept(path))
        owner = change.taken_back(found.st_uid, found.st_gid) if was is None else (was.uid, was.gid)
        bits, capability = (was.bits, was.capability) if was is not None and _same(place, found, was) else (0, "")
        _owned(top, place, found, owner, bits, capability)


def not_given(top: Top, change: VolumeChange) -> tuple[str, ...]:
    """The first paths that belong to the old owner still."""
    found = (path or "/" for path, _, state in _walk(top, change.source) if state.st_uid == change.was.uid)
    return tuple(path for path, _ in zip(found, range(_SHOWN), strict=False))


def _owned(top: Top, place: int, found: os.stat_result, owner: tuple[int, int], bits: int, capability: str) -> None:
    """Changes one file, with these bits and this capability beside those that it keeps."""
    this = f"/proc/self/fd/{place}"
    if not (top.holds(found.st_uid, found.st_gid) and top.holds(*owner)):
        return
    if owner != (found.st_uid, found.st_gid):
        os.chown(this, *owner)
    if not stat.S_ISREG(found.st_mode):
        return
    mode = stat.S_IMODE(os.fstat(place).st_mode)
    if mode | bits != mode:
        os.chmod(this, mode | bits)  # noqa: PTH101
    if capability and not _capability(place):
        os.setxattr(this, _CAPABILITY, bytes.fromhex(capability))


def _same(place: int, found: os.stat_result, was: FileOwner) -> bool:
    """Whether it is what was listed, in its content too; only asked of what had bits or a capability."""
    if not (was.bits or was.capability) or (found.st_ino, found.st_size) != (was.inode, was.size):
        return False
    return stat.S_ISREG(found.st_mode) and _content(place) == was.content


def _content(place: int) -> str:
    with os.fdopen(reopen(place, os.O_RDONLY), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lost(place: int, found: os.stat_result) -> tuple[int, str]:
    """What a change of the owner takes from it: chown(2), capabilities(7)."""
    if not stat.S_ISREG(found.st_mode):
        return 0, ""
    return found.st_mode & _BITS, _capability(place) if found.st_mode & 0o111 else ""


def _capability(place: int) -> str:
    try:
        return os.getxattr(f"/proc/self/fd/{place}", _CAPABILITY).hex()
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return ""
        raise


def _walk(top: Top, source: str) -> Iterator[tuple[str, int, os.stat_result]]:
    """`walk` within the limits. Raises OSError, and RefusedError for too many, or too deep."""
    for count, (path, place, found) in enumerate(walk(top.place)):
        if path is None:
            raise refused(msg("{path} has more than {count} nested folders, so the owners there are not changed.",
                              path=source, count=DEPTH_MOST))  # fmt: skip
        if count >= FILES_MOST:
            raise _too_many(source)
        yield path, place, found


def _kept(path: str) -> str:
    return os.fsencode(path).decode("latin-1")


def refused(why: Message, words: str = "") -> RefusedError:
    """Why owners are not changed."""
    return RefusedError(EngineState.CONNECTED, why, words)


def _out_of_reach() -> Message:
    return msg("The files of its volumes can't be reached from here, so their owners can't be changed.")


def _too_many(source: str) -> RefusedError:
    return refused(msg("{path} holds too many files to change their owners and restore them.", path=source))
