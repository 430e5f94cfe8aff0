"""What a container changed in its image: which files are its own, and which of them a new container would lack."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stratascope.core.container import Asked, Container
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.layers.namespaces.written import KERNEL, TEMPORARY
from stratascope.layers.shared.host_paths import within
from stratascope.usecases.plan.preflight_warnings import some

_LOG = re.compile(r"/[^/]*\.log(\.\d+|-\d+)?(\.(gz|bz2|xz|zst))?$").search
# Where programs keep what they recreate, or can recreate, at each start: caches are checked once the replacement runs
VOLATILE = (*TEMPORARY, "/var/cache", *KERNEL)


def lost_files(container: Container, changes: Sequence[FileChange], *, logs: bool = True) -> str:
    """The files outside its volumes that a new container would lack, in words; empty if none.

    `logs`: whether log files count.
    """
    kept = [change.path for change in leaves(own_files(container, changes)) if not volatile(change.path)]
    return some([path for path in kept if logs or not is_log(path)])


def written(container: Container, changes: Sequence[FileChange]) -> tuple[str, ...]:
    """Paths of its own that it wrote over its image, without parent folders."""
    return tuple(change.path for change in leaves(own_files(container, changes)))


def own_files(container: Container, changes: Sequence[FileChange]) -> list[FileChange]:
    """Without its mount points, and parent folders."""
    places = [mount.target.rstrip("/") for mount in container.asked.mounts]
    return [
        change
        for change in changes
        if not any(place == change.path or place.startswith(f"{change.path}/") for place in places)
    ]


def own_changes(container: Container, changes: Sequence[FileChange]) -> bool:
    """Whether its writable layer contains anything that it wrote itself."""
    return bool(own_files(container, changes))


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
    """Whether it is recreated at each start, judging by its path."""
    return any(within(path, folder) for folder in VOLATILE)
