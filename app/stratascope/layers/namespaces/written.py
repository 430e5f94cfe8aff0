"""Where a container writes outside its mounts: which of it is temporary and which is data, which directories could be a
tmpfs, and which could be a volume. Pure.

Everything written counts as data unless it is clearly temporary: a directory that is empty in the image may be where a
program keeps its database. Temporary: places that the Filesystem Hierarchy Standard defines so, pid files and
sockets, and files in /var/cache that the program was seen recreating.

Data could be in a volume where nothing of the image is hidden by it once the image is newer: in the places for variable
data, in directories that the container made itself, and in those that are empty in the image. Not a directory for the
files of the whole system, such as /etc or /var/lib.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.owner import has_owner
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.shared.host_paths import plain, within
from stratascope.layers.shared.signs_of_use import runs_scripts
from stratascope.layers.shared.toggle_values import is_docker

KERNEL = ("/proc", "/sys", "/dev")
TEMPORARY = ("/tmp", "/var/tmp", "/run", "/var/run", "/var/lock")
_CACHE = "/var/cache"
_MARKS = (".pid", ".sock", ".socket")  # files of a running process, meaningless after it ends
_SHOWN = 5  # paths in one sentence
_STARTS = 2  # with an empty directory, and once more


def some(paths: Sequence[str]) -> str:
    """The first few, for one sentence."""
    return ", ".join(paths[:_SHOWN]) + (" …" if len(paths) > _SHOWN else "")


def in_temporary_place(path: str) -> bool:
    """Whether it is in a place where nothing needs to outlive the container."""
    return any(within(path, place) for place in TEMPORARY)


def temporary(path: str) -> bool:
    """Whether it need not outlive the container, by its place or its name."""
    return in_temporary_place(path) or any(within(path, place) for place in KERNEL) or path.endswith(_MARKS)


def written(subject: Subject) -> tuple[str, ...]:
    """Paths outside its mounts that are in its layer or were seen written, without their parent directories."""
    paths = {*(subject.changes or ()), *subject.lasting, *(() if subject.seen is None else subject.seen.written)}
    above = {posixpath.dirname(path) for path in paths}
    mounts = [plain(mount.target) for mount in subject.container.asked.mounts]
    return tuple(
        path
        for path in sorted(paths - above)
        if not any(within(path, place) for place in (*mounts, *KERNEL))
        and not any(within(place, path) for place in mounts)
    )


def data(subject: Subject) -> tuple[str, ...]:
    """Those of `written` that are data: a tmpfs would lose them, and a read-only root would refuse them."""
    marks = subject.marks
    passing = frozenset(() if marks is None else marks.passing)
    return tuple(
        path
        for path in written(subject)
        if path not in passing and (not (temporary(path) or _made_anew(path, subject)) or _lasts(path, subject))
    )


def _lasts(path: str, subject: Subject) -> bool:
    """Whether a program was seen leaving it as it is at a start, which no place or name speaks against."""
    return path in subject.lasting and not in_temporary_place(path)


def _made_anew(path: str, subject: Subject) -> bool:
    seen = subject.seen
    return within(path, _CACHE) and seen is not None and seen.seen.starts >= _STARTS and path in seen.written


# Directories that all of a system's programs share, and those for data that a program changes: hier(7)
_SHARED = frozenset(
    ("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root",
     "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin",
     "/usr/local/etc", "/usr/local/lib", "/usr/local/share", "/usr/sbin", "/usr/share", "/usr/src", "/var",
     "/var/cache", "/var/lib", "/var/lib/misc", "/var/local", "/var/opt", "/var/spool", "/var/tmp", "/var/www")
)  # fmt: skip
_VARIABLE = (_CACHE, "/srv", "/var/lib", "/var/local", "/var/log", "/var/mail", "/var/opt", "/var/spool")
_MOST_VOLUMES = 8


def attributes_lost(paths: Sequence[str], subject: Subject) -> Message:
    """For `uncarried` paths."""
    if is_docker(subject):
        return msg("Docker copies neither access lists nor user attributes, which these have: {paths}.",
                   paths=some(paths))  # fmt: skip
    return msg("Podman does not copy access lists, which these have: {paths}.", paths=some(paths))


def volume_folders(subject: Subject) -> tuple[str, ...]:
    """The directories whose volumes would hold all of its data and are filled with it: not where its owner re-creates
    it, whose volumes start empty.
    """
    return () if has_owner(subject.container) else folders_of_data(subject)


def folders_of_data(subject: Subject) -> tuple[str, ...]:
    """The directories that hold all of its data, outermost only. () where none can hold some of it, since what is left
    has to be carried over anyway.
    """
    found = {path: _folder_for(path, subject) for path in data(subject)}
    places = set(found.values())
    if "" in places:
        return ()
    outer = [place for place in places if not any(place != other and within(place, other) for other in places)]
    return tuple(sorted(outer)) if len(outer) <= _MOST_VOLUMES else ()


def _folder_for(path: str, subject: Subject) -> str:
    """The largest directory around it that is for such data alone; "" if there is none."""
    places = [path[:place] for place in range(1, len(path)) if path[place] == "/"]
    places = [place for place in places if place not in _SHARED]
    empty = {folder.path for folder in subject.folders or () if not folder.names}
    made = (place for place in places if any(within(place, folder) for folder in (*_VARIABLE, *subject.made)))
    return next(made, "") or next((place for place in places if place in empty), "")


def kept_in_root(subject: Subject) -> tuple[str, ...]:
    """Its data where volumes can't hold all of it, so that the root directory has to stay writable."""
    return () if volume_folders(subject) and not uncarried(subject) else data(subject)


def uncarried(subject: Subject) -> tuple[str, ...]:
    """Of its data, with its directories: paths whose access lists or other extended attributes its engine would not
    copy into a volume or an image.

    Docker's archives have none but capabilities (moby, pkg/archive), Podman's those of user.* too (containers/storage,
    pkg/archive).
    """
    known = () if subject.marks is None else subject.marks.attributes
    lost = {path for path, name in known if is_docker(subject) or not name.startswith("user.")}
    if not lost:
        return ()
    kept = data(subject)
    return tuple(sorted(path for path in lost if any(within(each, path) or within(path, each) for each in kept)))


def memory_folders(subject: Subject) -> tuple[str, ...]:
    """The smallest set of the image's directories that holds all temporary files it writes.

    Apart from temporary places, only directories that are empty in the image and hold nothing else. What it creates
    itself, it creates again.
    """
    known = {folder.path: folder for folder in subject.folders or ()}
    kept = data(subject)
    found: set[str] = set()
    for path in set(written(subject)) - set(kept):
        while path not in known and path not in ("", "/"):
            path = posixpath.dirname(path)  # noqa: PLW2901
        if path not in known or any(within(each, path) for each in kept):
            continue
        if not known[path].names or in_temporary_place(path):
            found.add(path)
    return tuple(path for path in sorted(found) if not any(path != other and within(path, other) for other in found))


def tmpfs_options(place: str, asked: Asked, subject: Subject) -> str:
    """tmpfs options to match the image's directory, as far as known. `asked`: with the user it is to start as."""
    folder = next((each for each in subject.folders or () if each.path == place), None)
    before, after = _ids(subject.container.asked.user), _ids(asked.user)
    words = []
    if folder is not None and before is not None and after is not None:
        uid = after[0] if folder.uid == before[0] else folder.uid
        gid = after[1] if folder.gid == before[1] else folder.gid
        words = [f"uid={uid}", f"gid={gid}", f"mode={folder.mode:o}"]
    return ",".join((*words, *(("exec",) if executes(place, subject) else ())))


def executes(place: str, subject: Subject) -> bool:
    """Whether programs can be started in a new tmpfs there: it was seen starting one, or runs scripts, of which nothing
    shows whether they start what they write (compilers, test runners, Java's native libraries).
    """
    executed = () if subject.seen is None else subject.seen.executed
    return runs_scripts(subject) or any(within(path, place) for path in executed)


def _ids(user: str) -> tuple[int, int] | None:
    """The user's uid and gid; None for names, which are resolved in the image."""
    uid, _, gid = user.partition(":")
    if uid in ("", "root", "0"):
        return 0, int(gid) if gid.isdecimal() else 0
    if not uid.isdecimal() or (gid and not gid.isdecimal()):
        return None
    return int(uid), int(gid or 0)
