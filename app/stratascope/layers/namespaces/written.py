"""Where a container writes outside of its mounts: what of it is temporary by its nature, what is data, and the folders
that may be a file system in memory. Pure.

Whatever is written is data unless its nature says otherwise: a folder that is empty in the image may be where a
program keeps its database. Temporary are the places that the Filesystem Hierarchy Standard calls so, pid files and
sockets, and of /var/cache what the program was seen to make anew.
"""

from __future__ import annotations

import posixpath

from stratascope.core.container import Asked
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.shared.host_paths import within

KERNEL = ("/proc", "/sys", "/dev")
TEMPORARY = ("/tmp", "/var/tmp", "/run", "/var/run", "/var/lock")
_CACHE = "/var/cache"
_MARKS = (".pid", ".sock", ".socket")  # of a process that runs: they say nothing once it has ended
_STARTS = 2  # from an empty place, and again


def in_temporary_place(path: str) -> bool:
    """Whether it lies where everything is meant to be gone when the container stops."""
    return any(within(path, place) for place in TEMPORARY)


def temporary(path: str) -> bool:
    """Whether it is meant to be gone then, by its place or its name."""
    return in_temporary_place(path) or any(within(path, place) for place in KERNEL) or path.endswith(_MARKS)


def written(subject: Subject) -> tuple[str, ...]:
    """Paths outside of its mounts that it has in its layer or was seen to write, without those that lead there."""
    paths = {*(subject.changes or ()), *(() if subject.seen is None else subject.seen.written)}
    above = {posixpath.dirname(path) for path in paths}
    mounts = [mount.target.rstrip("/") or "/" for mount in subject.container.asked.mounts]
    return tuple(
        path
        for path in sorted(paths - above)
        if not any(within(path, place) for place in (*mounts, *KERNEL))
        and not any(within(place, path) for place in mounts)
    )


def data(subject: Subject) -> tuple[str, ...]:
    """Those of them that a file system in memory would lose, and that a read-only root directory would refuse."""
    return tuple(path for path in written(subject) if not temporary(path) and not _made_anew(path, subject))


def _made_anew(path: str, subject: Subject) -> bool:
    seen = subject.seen
    return within(path, _CACHE) and seen is not None and seen.seen.starts >= _STARTS and path in seen.written


def memory_folders(subject: Subject) -> tuple[str, ...]:
    """The smallest set of the image's folders in which all lies that it writes and that is temporary.

    Beside the places that are temporary, only those that the image has empty and that hold nothing else. What it makes
    itself, it makes again.
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
    """As the image has the folder; empty where that is not known. `asked`: with the user that it is to start as."""
    folder = next((each for each in subject.folders or () if each.path == place), None)
    before, after = _ids(subject.container.asked.user), _ids(asked.user)
    if folder is None or before is None or after is None:
        return ""
    uid = after[0] if folder.uid == before[0] else folder.uid
    gid = after[1] if folder.gid == before[1] else folder.gid
    words = [f"uid={uid}", f"gid={gid}", f"mode={folder.mode:o}"]
    executed = () if subject.seen is None else subject.seen.executed
    if any(within(path, place) for path in executed):
        words.append("exec")
    return ",".join(words)


def _ids(user: str) -> tuple[int, int] | None:
    """None for names, which stand in the image's files."""
    uid, _, gid = user.partition(":")
    if uid in ("", "root", "0"):
        return 0, int(gid) if gid.isdecimal() else 0
    if not uid.isdecimal() or (gid and not gid.isdecimal()):
        return None
    return int(uid), int(gid or 0)
