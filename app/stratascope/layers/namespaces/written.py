"""The folders to which a container writes, outside of its mounts, and what a tmpfs has to be like there.

The image's owner and mode are taken over, or the program may not write where it did, and others may; where it starts as
another user than before, what that one owned is the new one's. Pure.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from stratascope.core.container import Asked
from stratascope.core.relaunch.image_folders import Folder
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.shared.host_paths import within

_KERNEL = ("/proc", "/sys", "/dev")


def written_folders(subject: Subject, unfit: Callable[[Folder], bool]) -> tuple[str, ...]:
    """The smallest set of the image's folders in which all lies that it was seen to write, or has in its layer,
    less those that are unfit and what lies next to the root. What it makes itself, it makes again.
    """
    known = {folder.path: folder for folder in subject.folders or ()}
    mounts = [mount.target.rstrip("/") for mount in subject.container.asked.mounts]
    found: set[str] = set()
    changed = subject.changes or ()
    ways = {posixpath.dirname(path) for path in changed}  # the folders that lead there are told too
    ends = (path for path in changed if path not in ways)
    for path in (*ends, *(() if subject.seen is None else subject.seen.written)):
        while path not in known and path not in ("", "/"):
            path = posixpath.dirname(path)  # noqa: PLW2901
        if path in known and not any(within(path, place) for place in (*mounts, *_KERNEL)):
            found.add(path)
    fit = sorted(path for path in found if not unfit(known[path]))
    return tuple(path for path in fit if not any(path != other and within(path, other) for other in fit))


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
