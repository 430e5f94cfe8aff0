"""Folders of a container's image where it writes, with owner, mode and content, as candidates for a tmpfs.

Read in the running container's root directory, without what was added since it was created. Decided against the
engine's archive call, which sends a folder with all its content.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from stratascope.core.relaunch.image_folders import Folder
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Choice, Subject, Unit
from stratascope.layers.toggles import toggle
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.usecases.engine_access import EngineAccess
from stratascope.value import replace

_SCRATCH = ("/tmp", "/var/tmp", "/run")
_MOST = 400  # folders


def with_chosen(
    access: EngineAccess, subject: Subject, changes: Sequence[FileChange], chosen: Sequence[Choice]
) -> Subject:
    """Adds the folders that choices name."""
    places = {
        place.partition(":")[0]
        for item in chosen
        if toggle(item.toggle).unit is Unit.PATHS
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
