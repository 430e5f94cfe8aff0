"""Change the owners of all files of a volume, and restore them, as root on the engine's own machine.

Each file is held by a descriptor while it is examined and changed, so that the file that was seen is the one that is
changed, and a link itself instead of its target. Root only changes for an engine what that engine's user could change
without root: a rootless engine may report any directory. Decided against a container that would do it (`chown -R` by
root of the same image): images need not have such a program, a hostile image may have another one in its place, and it
reports nothing to restore.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import posixpath
import pwd
import re
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from stratascope.background_call import BackgroundCall
from stratascope.collector.paths import Sight, mount_of, open_here, reopen
from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.file_owners import FileOwner, VolumeChange
from stratascope.engines.shared.endpoint import peer_uid
from stratascope.engines.shared.host_files import LocalFiles
from stratascope.value import Value

FILES_MOST = 200_000  # in one volume: the container is stopped meanwhile
LISTED_MOST = 20_000  # files with an owner, set-uid bits or capabilities to restore
READ_MOST = 1 << 28  # bytes of files with set-uid bits or capabilities
_SHOWN = 5
_BITS = stat.S_ISUID | stat.S_ISGID
_CAPABILITY = "security.capability"


class Top(Value):
    """A volume's directory as a descriptor. `ids`: whose files may be changed; None: anybody's."""

    place: int
    ids: SubIds | None

    @property
    def root(self) -> int:
        """The host's number of root in the engine's containers."""
        return 0 if self.ids is None else self.ids.users[0].start

    def holds(self, uid: int, gid: int) -> bool:
        """Both owners must be mapped, as for root in a user namespace (chown(2), capable_wrt_inode_uidgid())."""
        return self.ids is None or self.ids.hold(uid, gid)


class VolumeFiles(LocalFiles):
    """Volumes of an engine behind `endpoint`. Errors are RefusedError."""

    def no_owners(self) -> Message | None:
        """See `core.relaunch.file_owners.VolumeOwners`."""
        if self._socket is None:
            return _out_of_reach()
        if os.geteuid() != 0:
            return msg("Changing the owners of its volumes' files requires root: run stratascope with sudo.")
        return None

    @contextmanager
    def top(self, source: str) -> Iterator[Top]:
        """Open the volume's directory."""
        with self._able(source) as ids, _folder(self._sight(), source) as found:
            with _folder(self._sight(), posixpath.dirname(source.rstrip("/"))) as above:
                if mount_of(found) != mount_of(above):
                    raise refused(
                        msg("Something is mounted at {path}, so the owners there are not changed.", path=source)
                    )
            yield Top(found, ids)

    @contextmanager
    def inside(self, pid: int, target: str) -> Iterator[Top]:
        """Open what a process has mounted there."""
        with self._able(target) as ids, _folder(Sight(f"/proc/{pid}/root", str(pid)), target) as found:
            yield Top(found, ids)

    @contextmanager
    def layers(self, source: str, lower: str, upper: str, work: str) -> Iterator[Top]:
        """Open the volume's directory in an overlay of these layers, mounted nowhere, and removed afterwards."""
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
        """The ids of the engine's user, None if that is root. Raises RefusedError if owners can't be changed."""
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
    """List what has to be restored. Raises RefusedError for too many files, for a hard link elsewhere, and if the
    engine's user does not have these ids.
    """
    if not (top.holds(change.was.uid, change.was.gid) and top.holds(change.becomes.uid, change.becomes.gid)):
        raise refused(msg("Its engine's user can't give files to that user: subuid(5) does not list these IDs."))
    files: list[FileOwner] = []
    now = time.time()
    names: dict[int, int] = {}  # of files with several links: how many are still to be found
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
    return VolumeChange(change.source, change.was, change.becomes, tuple(files), now)


def give(top: Top, change: VolumeChange) -> None:
    """Change to the new owner, keeping set-uid bits and capabilities: they now make a process the new user."""
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
    """Restore all as listed, however much there is by now.

    What came since stays with the new user where the old one was root. Set-uid bits and capabilities are only restored
    on files with the same content: whoever owned a file meanwhile could have it do anything as the old owner, which may
    be root.
    """
    known = {each.path: each for each in change.files}
    reads_all = change.was.uid == top.root
    for path, place, found in walk(top.place):
        was = None if path is None else known.get(_kept(path))
        stays = path != "" and was is None and reads_all and change.wrote_since(found.st_uid, found.st_mtime)
        if stays and _lost(place, found) == (0, ""):
            continue
        owner = change.taken_back(found.st_uid, found.st_gid) if was is None else (was.uid, was.gid)
        bits, capability = (was.bits, was.capability) if was is not None and _same(place, found, was) else (0, "")
        _owned(top, place, found, owner, bits, capability)


def not_given(top: Top, change: VolumeChange) -> tuple[str, ...]:
    """The first paths that still belong to the old owner."""
    found = (path or "/" for path, _, state in _walk(top, change.source) if state.st_uid == change.was.uid)
    return tuple(path for path, _ in zip(found, range(_SHOWN), strict=False))


def _owned(top: Top, place: int, found: os.stat_result, owner: tuple[int, int], bits: int, capability: str) -> None:
    """Change one file, with these bits and this capability in addition to its own."""
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
    """Whether it is the listed file, with the same content; only checked for files that had bits or a capability."""
    if not (was.bits or was.capability) or (found.st_ino, found.st_size) != (was.inode, was.size):
        return False
    return stat.S_ISREG(found.st_mode) and _content(place) == was.content


def _content(place: int) -> str:
    with os.fdopen(reopen(place, os.O_RDONLY), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lost(place: int, found: os.stat_result) -> tuple[int, str]:
    """The bits and capabilities that a change of owner removes: chown(2), capabilities(7)."""
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
    """`walk` within the limits. Raises OSError, and RefusedError for too many or too deep."""
    for count, (path, place, found) in enumerate(walk(top.place)):
        if path is None:
            raise refused(msg("{path} has more than {count} nested directories, so the owners there are not changed.",
                              path=source, count=DEPTH_MOST))  # fmt: skip
        if count >= FILES_MOST:
            raise _too_many(source)
        yield path, place, found


def _kept(path: str) -> str:
    return os.fsencode(path).decode("latin-1")


def refused(why: Message, words: str = "") -> RefusedError:
    """The error that owners are not changed, and why."""
    return RefusedError(EngineState.CONNECTED, why, words)


def _out_of_reach() -> Message:
    return msg("The files of its volumes can't be reached from here, so their owners can't be changed.")


def _too_many(source: str) -> RefusedError:
    return refused(msg("{path} holds too many files to change their owners and restore them.", path=source))


# -- walk everything below a directory, by descriptors, however deep, wide or volatile it is
# The author of a volume's content chooses its shape, and root walks it while the container is down. So a step down is
# one open, and a step up is one too, "..", compared with the directory that was left: neither time nor open files grow
# with the depth. Decided against resolving each directory from the top: with 4,000 nested that took a minute, and it
# grows with the square.

DEPTH_MOST = 256  # nested directories whose paths are reported: a text is made for each
_UP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.EXDEV, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # another mount; gone, or replaced meanwhile


class _Level:
    """A directory on the way from the top: its name, identity, and the subdirectories still to be walked.

    `path` is None below `DEPTH_MOST`.
    """

    def __init__(self, name: str, path: str | None, place: int) -> None:
        self.name, self.path, self.number = name, path, _number(place)
        self.below: list[str] = []


def walk(top: int) -> Iterator[tuple[str | None, int, os.stat_result]]:
    """Yield path below the top, descriptor (valid during the step) and stat of each file; the top first, as "".

    The path is None if too deep. No link is followed, no other mount entered; directories that are moved meanwhile may
    be left out. Raises OSError.
    """
    yield "", top, os.fstat(top)
    here, levels = os.dup(top), [_Level("", "", top)]
    try:
        yield from _listed(here, levels)
        while True:
            if levels[-1].below:
                there = _opened(levels[-1].below[-1], here)
                name = levels[-1].below.pop()
                if there is None:
                    continue
                os.close(here)
                here = there
                path = levels[-1].path if len(levels) < DEPTH_MOST else None
                levels.append(_Level(name, None if path is None else f"{path}/{name}", here))
                if stat.S_ISDIR(os.fstat(here).st_mode):
                    yield from _listed(here, levels)
                continue
            levels.pop()
            if not levels:
                return
            above = _above(top, here, levels)
            os.close(here)
            here = above
    finally:
        os.close(here)


def _listed(folder: int, levels: list[_Level]) -> Iterator[tuple[str | None, int, os.stat_result]]:
    level = levels[-1]
    readable = reopen(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
    try:
        with os.scandir(readable) as entries:
            for entry in entries:
                place = _opened(entry.name, folder)
                if place is None:
                    continue
                try:
                    found = os.fstat(place)
                    yield None if level.path is None else f"{level.path}/{entry.name}", place, found
                finally:
                    os.close(place)
                if stat.S_ISDIR(found.st_mode):
                    level.below.append(entry.name)
    finally:
        os.close(readable)


def _above(top: int, below: int, levels: list[_Level]) -> int:
    """Return to the parent level of `below`; if that was moved, resolve the names from the top.

    Levels that no longer exist are removed from `levels`.
    """
    place = os.dup(top) if len(levels) == 1 else os.open("..", _UP, dir_fd=below)
    while _number(place) != levels[-1].number:
        os.close(place)
        place = _down(top, levels[1:])
        if place < 0:
            levels.pop()
            place = os.dup(top)
    return place


def _down(top: int, levels: list[_Level]) -> int:
    """A descriptor; -1 if it is gone."""
    place = os.dup(top)
    for level in levels:
        there = _opened(level.name, place)
        os.close(place)
        if there is None:
            return -1
        place = there
        if _number(place) != level.number:
            os.close(place)
            return -1
    return place


def _opened(name: str, folder: int) -> int | None:
    try:
        return open_here(name, folder)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise


def _number(place: int) -> tuple[int, int]:
    found = os.fstat(place)
    return found.st_dev, found.st_ino


# -- a twin's overlay mounted for a moment, detached and for us alone, to change owners in it before the twin starts
# Docker mounts it with the container and runs the program at once; a detached mount (fsopen(2)) is visible to nobody,
# and disappears with its descriptor, also after SIGKILL. Decided against writing into the upper directory ourselves:
# how it represents a file of the lower one is up to the kernel.

# include/uapi/linux/mount.h, since Linux 5.2; the same numbers on every architecture except alpha
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOEXEC, _SET_STRING, _CREATE = 1, 1, 6
_CLONE_FS, _CLONE_NEWNS = 0x200, 0x20000


@contextmanager
def overlay(lower: int, upper: int, work: int, namespace: str) -> Iterator[int]:
    """Mount an overlay of these layers and yield its root as a descriptor. `namespace`: the file of the layers' mount
    namespace (/proc/PID/ns/mnt): the kernel only accepts layers of its caller's (clone_private_mount). Raises OSError.
    """
    # a thread of its own, which ends with the call: no other part of this program may switch to other files
    top = BackgroundCall(lambda: _mounted(lower, upper, work, namespace)).result()
    try:
        yield top
    finally:
        os.close(top)


def _mounted(lower: int, upper: int, work: int, namespace: str) -> int:
    place = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("unshare", _CLONE_FS)  # else setns(2) is refused to one of several threads
        _call("setns", place, _CLONE_NEWNS)
    finally:
        os.close(place)
    made = _call("syscall", ctypes.c_long(_FSOPEN), b"overlay", _CLOEXEC)
    try:
        for name, layer in (("lowerdir", lower), ("upperdir", upper), ("workdir", work)):
            words = (name.encode(), b"/proc/self/fd/%d" % layer)  # not a path, which may lead elsewhere by now
            _call("syscall", ctypes.c_long(_FSCONFIG), made, _SET_STRING, *words, 0)
        _call("syscall", ctypes.c_long(_FSCONFIG), made, _CREATE, None, None, 0)
        return _call("syscall", ctypes.c_long(_FSMOUNT), made, _CLOEXEC, 0)
    finally:
        os.close(made)


def _call(name: str, *arguments: Any) -> int:
    if os.uname().machine == "alpha":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    call = getattr(ctypes.CDLL(None, use_errno=True), name)
    call.restype = ctypes.c_long
    done: int = call(*arguments)
    if done < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return done


# -- the ids of a user of this machine: its own, and those that the administrator assigned to it (subuid(5))
# A rootless engine's user can change owners among these and no others, so neither does root on that engine's behalf.
# Decided against the id map of the process that answers: if systemd holds the socket, it is in no user namespace, and
# whoever answers could join one.

_FILES = ("/etc/subuid", "/etc/subgid")
_SWITCH = Path("/etc/nsswitch.conf")
_ELSEWHERE = re.compile(r"^subid:(?!\s*files\s*$)", re.M).search
# A number as strtoul(3) accepts it, in the base of its prefix; shadow's getulong
_NUMBER = re.compile(
    r"\s*(?:0[xX](?P<hex>[0-9a-fA-F]{1,16})|0(?P<octal>[0-7]{0,16})|(?P<decimal>[1-9][0-9]{0,15}))"
).fullmatch


class SubIds(Value):
    """Ranges of users and of groups: the user's own id first, then the assigned ranges, in the order of the file."""

    users: tuple[range, ...]
    groups: tuple[range, ...]

    def hold(self, uid: int, gid: int) -> bool:
        """Whether a file of that owner may be changed: both must be among them (user_namespaces(7))."""
        return any(uid in each for each in self.users) and any(gid in each for each in self.groups)


def ids_of(uid: int, files: tuple[str, str] = _FILES, switch: Path = _SWITCH) -> SubIds:
    """The ids of that user. Raises OSError if it does not exist, or its ranges are unreadable or kept elsewhere."""
    if switch.exists() and _ELSEWHERE(switch.read_text("utf-8", "replace")):
        raise OSError("the ranges come from elsewhere: nsswitch.conf(5), subid")
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        raise OSError(f"no user has the number {uid}") from None
    users, groups = (_ranges(each, (user.pw_name, str(uid))) for each in files)
    return SubIds((range(uid, uid + 1), *users), (range(user.pw_gid, user.pw_gid + 1), *groups))


def _ranges(path: str, names: tuple[str, str]) -> tuple[range, ...]:
    """Malformed lines are ignored, as by newuidmap(1) (shadow: lib/subordinateio.c, subordinate_parse)."""
    found = []
    for line in Path(path).read_text("utf-8", "replace").split("\n"):
        owner, *rest = line.split(":")
        numbers = [_parsed(word) for word in rest[:2]]
        if owner in names and len(numbers) == 2 and None not in numbers:
            first, count = (number or 0 for number in numbers)
            if first and count:  # root can't be assigned
                found.append(range(first, first + count))
    return tuple(found)


def _parsed(word: str) -> int | None:
    found = _NUMBER(word)
    if found is None:
        return None
    if found["hex"]:
        return int(found["hex"], 16)
    return int(found["decimal"]) if found["decimal"] else int(found["octal"] or "0", 8)
