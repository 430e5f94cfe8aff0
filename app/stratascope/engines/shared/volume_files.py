"""The owners of all files of a volume, listed, changed and put back by root on the engine's own machine.

Each file is held by a descriptor while it is looked at and changed, so that what is changed is what was seen, a link
itself and never where it leads. Decided against a container that would do it (`chown -R` by root of the same image):
images need not have such a program, it follows what a hostile one has in its place, and tells nothing to put back.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stratascope.collector.paths import Sight, mount_of, open_here, reopen
from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.volume_owners import FileOwner, VolumeChange
from stratascope.engines.shared.host_files import LocalFiles
from stratascope.engines.shared.overlay_mount import overlay

FILES_MOST = 200_000  # in one volume: the container stands still meanwhile
LISTED_MOST = 20_000  # of them with something that has to be written down
_SHOWN = 5
_BITS = stat.S_ISUID | stat.S_ISGID
_CAPABILITY = "security.capability"

Ask = Callable[[str, os.stat_result], "tuple[int, int, FileOwner | None]"]


class VolumeFiles(LocalFiles):
    """For an engine behind `endpoint`. Errors are RefusedError."""

    def no_owners(self) -> Message | None:
        """See `core.relaunch.volume_owners.VolumeOwners`."""
        if self._socket is None:
            return msg("The files of its volumes are out of reach from here, so their owners can't be changed.")
        if os.geteuid() != 0:
            return msg("To change the owners of its volumes' files takes root: run stratascope with sudo.")
        return None

    @contextmanager
    def top(self, source: str) -> Iterator[int]:
        """The volume's folder."""
        with self._able(source), _folder(self._sight(), source) as found:
            with _folder(self._sight(), posixpath.dirname(source.rstrip("/"))) as above:
                if mount_of(found) != mount_of(above):
                    raise refused(msg("Something is mounted at {path}, so its owners are not changed.", path=source))
            yield found

    @contextmanager
    def inside(self, pid: int, target: str) -> Iterator[int]:
        """What a process has mounted there."""
        with self._able(target), _folder(Sight(f"/proc/{pid}/root", str(pid)), target) as found:
            yield found

    @contextmanager
    def layers(self, source: str, lower: str, upper: str, work: str) -> Iterator[int]:
        """The volume's folder in an overlay of these, which is mounted nowhere, and gone afterwards."""
        namespace = f"/proc/{self._peer() or 'thread-self'}/ns/mnt"
        with self._able(source), overlay(lower, upper, work, namespace) as top:
            found = open_here(posixpath.basename(source.rstrip("/")), top)
            try:
                yield found
            finally:
                os.close(found)

    @contextmanager
    def _able(self, path: str) -> Iterator[None]:
        """RefusedError where it can't be done."""
        why_not = self.no_owners()
        if why_not is not None:
            raise refused(why_not)
        try:
            yield
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


def listed(top: int, change: VolumeChange) -> VolumeChange:
    """With what has to be put back. Raises RefusedError for more than is kept, and for a file with a name elsewhere."""
    files: list[FileOwner] = []
    names: dict[int, int] = {}  # of files with several: how many are still to be found
    for path, place, found in _walk(top, change.source):
        owner = (found.st_uid, found.st_gid)
        changed = change.given(*owner) != owner
        bits, capability = _lost(place, found) if changed else (0, "")
        ours = changed or change.taken_back(*owner) != owner
        if (ours and owner != (change.was.uid, change.was.gid)) or bits or capability:
            files.append(FileOwner(_kept(path), *owner, found.st_ino, bits, capability))
            if len(files) > LISTED_MOST:
                raise _too_many(change.source)
        if changed and found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            names[found.st_ino] = names.get(found.st_ino, found.st_nlink) - 1
    if any(names.values()):
        raise refused(msg("A file in {path} has another name outside of it, so its owners are not changed.",
                          path=change.source))  # fmt: skip
    return VolumeChange(change.source, change.was, change.becomes, tuple(files))


def give(top: int, change: VolumeChange) -> None:
    """To the new owner."""
    known = {each.path: each for each in change.files}
    _set(top, change.source, lambda path, found: (*change.given(found.st_uid, found.st_gid), known.get(_kept(path))))


def take_back(top: int, change: VolumeChange) -> None:
    """All as it was listed."""
    known = {each.path: each for each in change.files}

    def owner(path: str, found: os.stat_result) -> tuple[int, int, FileOwner | None]:
        was = known.get(_kept(path))
        if was is not None:
            return was.uid, was.gid, was
        return (*change.taken_back(found.st_uid, found.st_gid), None)

    _set(top, change.source, owner)


def not_given(top: int, change: VolumeChange) -> tuple[str, ...]:
    """The first paths that belong to the old owner still."""
    found = (path or "/" for path, _, state in _walk(top, change.source) if state.st_uid == change.was.uid)
    return tuple(path for path, _ in zip(found, range(_SHOWN), strict=False))


def _set(top: int, source: str, wanted: Ask) -> None:
    for path, place, found in _walk(top, source):
        uid, gid, was = wanted(path, found)
        same = was is not None and was.inode == found.st_ino
        bits, capability = was.bits if was and same else 0, was.capability if was and same else ""
        this = f"/proc/self/fd/{place}"
        if (uid, gid) != (found.st_uid, found.st_gid):
            now, held = _lost(place, found)
            bits, capability = bits | now, capability or held
            os.chown(this, uid, gid)
        if not stat.S_ISREG(found.st_mode):
            continue
        mode = stat.S_IMODE(os.fstat(place).st_mode)
        if mode | bits != mode:
            os.chmod(this, mode | bits)  # noqa: PTH101
        if capability and not _capability(place):
            os.setxattr(this, _CAPABILITY, bytes.fromhex(capability))


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


def _walk(top: int, source: str) -> Iterator[tuple[str, int, os.stat_result]]:
    """Path below the top, descriptor (for as long as the step takes) and state of each; the top first, as "".

    Breadth first. Raises OSError, and RefusedError for too many.
    """
    yield "", top, os.fstat(top)
    waiting, count = deque([""]), 1
    while waiting:
        inside = waiting.popleft()
        folder = _down(top, inside)
        try:
            readable = reopen(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
            try:
                names = os.listdir(readable)  # noqa: PTH208
            finally:
                os.close(readable)
            for name in names:
                count += 1
                if count > FILES_MOST:
                    raise _too_many(source)
                try:
                    place = open_here(name, folder)
                except OSError as error:
                    if error.errno in (errno.EXDEV, errno.ENOENT):  # another mount; gone meanwhile
                        continue
                    raise
                try:
                    found = os.fstat(place)
                    path = f"{inside}/{name}"
                    yield path, place, found
                finally:
                    os.close(place)
                if stat.S_ISDIR(found.st_mode):
                    waiting.append(path)
        finally:
            os.close(folder)


def _down(top: int, path: str) -> int:
    """A folder below the top, by no link."""
    place = os.dup(top)
    for name in filter(None, path.split("/")):
        above, place = place, -1
        try:
            place = open_here(name, above)
        finally:
            os.close(above)
    return place


def _kept(path: str) -> str:
    return os.fsencode(path).decode("latin-1")


def refused(why: Message, words: str = "") -> RefusedError:
    """Why owners are not changed."""
    return RefusedError(EngineState.CONNECTED, why, words)


def _too_many(source: str) -> RefusedError:
    return refused(msg("{path} holds too many files to change their owners and put them back.", path=source))
