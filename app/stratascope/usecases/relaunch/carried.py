"""Whether what a stopped container wrote is whole in its replacement: in the image made of its writable layer, or in
new volumes. Compared by path, size, mode, owner and a hash of each file's beginning, before the replacement starts.

Of a layer with many changes a sample, for a limited time: the container is stopped meanwhile.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from itertools import islice

from stratascope.core.ports import Relauncher
from stratascope.core.relaunch.data_volume import DataVolume, Entry, missing
from stratascope.core.relaunch.evidence import Clock
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.usecases.plan.written_files import leaves, volatile

_PLACES, _ENTRIES, _SECONDS = 200, 100_000, 30.0  # of one container's image at most


def lost_in_volume(port: Relauncher, old: str, new: str, volume: DataVolume) -> tuple[str, ...]:
    """Paths below the volume that differ. Raises EngineError, NoSuchContainerError."""
    there = tuple(port.contents(old, volume.target))
    return missing(there, port.contents(new, volume.target, there))


def lost_in_image(port: Relauncher, clock: Clock, old: str, new: str, changes: Sequence[FileChange]) -> tuple[str, ...]:
    """Changed paths, or paths below them, that differ. Raises EngineError, NoSuchContainerError."""
    until = clock.now() + _SECONDS
    places = outermost([change for change in changes if not volatile(change.path)])
    for change in places[:: max(1, -(-len(places) // _PLACES))]:
        if clock.now() >= until:
            break
        path = change.path
        if change.kind == "deleted":
            if port.has_path(new, path):
                return (path,)
        else:
            most = _ENTRIES if change.kind == "added" else 1  # of a changed directory only what it is itself
            below = missing(_entries(port, old, path, most), _entries(port, new, path, most))
            if below:
                return tuple(posixpath.join(path, each) if each else path for each in below)
    return ()


def outermost(changes: Sequence[FileChange]) -> list[FileChange]:
    """What was added, without what is below it; and of the rest what is not listed for something below it."""
    new = {change.path for change in changes if change.kind == "added"}
    rest = leaves([change for change in changes if change.kind != "added"])
    return [*(each for each in changes if each.path in new and posixpath.dirname(each.path) not in new), *rest]


def _entries(port: Relauncher, container: str, path: str, most: int) -> list[Entry]:
    return list(islice(port.contents(container, path), most))
