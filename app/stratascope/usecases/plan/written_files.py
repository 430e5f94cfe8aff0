"""What a container changed in its image, which of it a new container would lack, and the folders where it writes.

These folders, with owner, mode and content, are candidates for a tmpfs. They are read in the running container's root
directory, without what was added since it was created. Decided against the engine's archive call, which sends a folder
with all its content.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from stratascope.core.container import Asked, Container
from stratascope.core.relaunch.data_volume import DataVolume
from stratascope.core.relaunch.file_owners import FileMarks, Folder
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Choice, Subject, Unit
from stratascope.layers.namespaces.written import some, temporary
from stratascope.layers.shared.host_paths import within
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.usecases.engine_access import EngineAccess
from stratascope.value import replace

_MARKED_MAX = 5000  # paths looked at
_LOG = re.compile(r"/[^/]*\.log(\.\d+|-\d+)?(\.(gz|bz2|xz|zst))?$").search
_CACHE = "/var/cache"  # what programs can recreate: checked once the replacement runs


def lost_files(
    container: Container,
    changes: Sequence[FileChange],
    volumes: Sequence[DataVolume] = (),
    marks: FileMarks | None = None,
    *,
    logs: bool = True,
) -> str:
    """The files outside its volumes that a new container would lack, in words; empty if none.

    `volumes`: new ones, filled with what is there; `logs`: whether log files count.
    """
    own = own_files(container, changes, volumes, marks)
    kept = [change.path for change in leaves(own) if not volatile(change.path)]
    return some([path for path in kept if logs or not is_log(path)])


def written(container: Container, changes: Sequence[FileChange]) -> tuple[str, ...]:
    """Paths of its own that it wrote over its image, without parent folders."""
    return tuple(change.path for change in leaves(own_files(container, changes)))


def marks_of(access: EngineAccess, container: Container, changes: Sequence[FileChange]) -> FileMarks | None:
    """Of what it changed, while it runs; None if not readable."""
    if not container.pid:
        return None
    return access.host.marks(container.pid, tuple(change.path for change in changes[:_MARKED_MAX]))


def own_files(
    container: Container,
    changes: Sequence[FileChange],
    volumes: Sequence[DataVolume] = (),
    marks: FileMarks | None = None,
) -> list[FileChange]:
    """Without its mount points, and parent folders. `volumes`: without what new ones take over. `marks`: without what
    passes with its processes, and its directories if nothing else is in them.
    """
    taken = [volume.target for volume in volumes]
    passing = frozenset(() if marks is None else marks.passing)
    lasting = {folder for change in leaves(changes) if change.path not in passing for folder in _ways(change.path)}
    places = [*taken, *(mount.target.rstrip("/") for mount in container.asked.mounts)]
    return [
        change
        for change in changes
        if change.path in lasting
        and not any(place == change.path or place.startswith(f"{change.path}/") for place in places)
        and not any(within(change.path, place) for place in taken)
    ]


def leaves(changes: Sequence[FileChange]) -> list[FileChange]:
    """Without folders that are listed only because something below them changed."""
    paths = {change.path for change in changes}
    above = {path[:place] for path in paths for place in range(1, len(path)) if path[place] == "/"}
    return [change for change in changes if change.path not in above]


def is_log(path: str) -> bool:
    """Whether it is a log file, including rotated ones, judging by path and name."""
    return path.startswith("/var/log/") or _LOG(path) is not None


def hidden(paths: Sequence[str], before: Asked, wanted: Asked) -> list[str]:
    """Those that a newly added tmpfs would cover."""
    new = in_memory(wanted) - in_memory(before)
    return [path for path in paths if any(within(path, place) for place in new)]


def in_memory(asked: Asked) -> frozenset[str]:
    """Paths where it was asked to mount a tmpfs."""
    return frozenset(mount.target.rstrip("/") for mount in asked.mounts if mount.kind == "tmpfs")


def volatile(path: str) -> bool:
    """Whether it is recreated at each start, judging by its path and name."""
    return temporary(path) or within(path, _CACHE)


_SCRATCH = ("/tmp", "/var/tmp", "/run")
_MOST = 400  # folders


def with_chosen(
    access: EngineAccess, subject: Subject, changes: Sequence[FileChange], chosen: Sequence[Choice]
) -> Subject:
    """Adds the folders that choices name."""
    places = {
        place.partition(":")[0]
        for item in chosen
        if item.toggle.unit is Unit.PATHS
        for place in item.value.split(",")
        if place
    }
    if places <= {folder.path for folder in subject.folders or ()}:
        return subject
    return replace(subject, folders=image_folders(access, subject, changes, tuple(places)))


def image_folders(
    access: EngineAccess, subject: Subject, changes: Sequence[FileChange], places: tuple[str, ...] = ()
) -> tuple[Folder, ...] | None:
    """Folders leading to what it wrote, and `places`; owners in its numbering. None if not readable."""
    pid = subject.container.pid
    facts: UsermapFacts | None = subject.of("usermap")
    if not pid or not subject.container.created or facts is None or facts.uid_map is None or facts.gid_map is None:
        return None
    added = {change.path for change in changes if change.kind == "added"}
    written = (*added, *(change.path for change in changes), *(subject.seen.written if subject.seen else ()))
    paths = sorted({*_SCRATCH, *places, *(folder for path in written for folder in _ways(path))} - added)
    found = access.host.folders(pid, tuple(paths[:_MOST]), subject.container.created)
    if found is None:
        return None
    return tuple(
        replace(
            folder,
            uid=uid,
            gid=gid,
        )
        for folder in found
        if (uid := _inside(facts.uid_map, folder.uid)) is not None
        and (gid := _inside(facts.gid_map, folder.gid)) is not None
    )


def _inside(ids: tuple[tuple[int, int, int], ...], outside: int) -> int | None:
    return next((first + outside - there for first, there, count in ids if there <= outside < there + count), None)


def _ways(path: str) -> Iterator[str]:
    """The path and all its parents, without the root."""
    while path.startswith("/") and path != "/":
        yield path
        path = posixpath.dirname(path)
