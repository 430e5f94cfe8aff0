"""Who on the host runs what lies at a place that is bound in: its root, its users, or nobody.

Whoever writes to such a place (`collector/host_places.py`), to a part of it or to a folder above decides what is run.

A bind mount is looked up by where its files are in the host's own tree: its device and its root on it, in the host's
list of mounts. So neither the name that was typed nor a link on the way to it matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from stratascope.bounded_cache import remembered
from stratascope.collector.host_places import SYSTEM, THEMSELVES, USERS
from stratascope.value import Value

HostMounts = tuple[tuple[str, str, str], ...]  # device, root, target
_Parts = tuple[str, ...]

VOLUME_ROOT = re.compile(r"/volumes/[^/]+/_data(?:/|$)").search
_CONTAINER_ROOT = re.compile(r"/overlay2?/[0-9a-z]{25,64}/merged(?:/|$)").search


class Runs(Value):
    """Who runs what lies at a place of the host, or below it: its root, one of its users."""

    root: bool = False
    user: bool = False


_NOTHING = Runs()


def _parts(path: str) -> _Parts:
    return tuple([part for part in path.split("/") if part])


class _Place(Value):
    """A place in parts, and the path up to its first pattern."""

    parts: _Parts
    plain: str

    @property
    def length(self) -> int:
        return len(self.parts)


def _compiled(places: Iterable[str]) -> tuple[_Place, ...]:
    return tuple([_Place(_parts(place), _plain(place)) for place in dict.fromkeys(places)])


def _plain(place: str) -> str:
    return place.partition("*")[0].rpartition("/")[0] if "*" in place else place


_SYSTEM, _USERS = _compiled(SYSTEM), _compiled(USERS)
_ALONE = _compiled(THEMSELVES)


@remembered()
def runs_from(device: str, root: str, source: str, mounts: HostMounts = (), stores: tuple[str, ...] = ()) -> Runs:
    """Who runs what a bind mount of `root` on that file system shows.

    `source`: its path on the host, for where the host's mounts do not tell. `stores`: further folders in which engines
    keep their containers.
    """
    engines = _compiled(stores)
    found = [_runs(path, device, mounts, engines) for path in _on_host(device, root, mounts) or (source,)]
    return Runs(any(each.root for each in found), any(each.user for each in found))


def _on_host(device: str, root: str, mounts: HostMounts) -> list[str]:
    """Where the host has these files: below mounts that show them, and mounts of a part of them."""
    found = []
    for number, top, target in mounts:
        if number != device:
            continue
        if root == top or root.startswith(f"{top.rstrip('/')}/"):
            found.append((target.rstrip("/") + root[len(top.rstrip("/")) :]).rstrip("/") or "/")
        elif top.startswith(f"{root.rstrip('/')}/"):
            found.append(target)
    return found


def _runs(path: str, device: str, mounts: HostMounts, engines: tuple[_Place, ...]) -> Runs:
    if path == "/":
        return Runs(True, True)
    if VOLUME_ROOT(path) or _CONTAINER_ROOT(path):
        return _NOTHING  # data, or what a container runs, though it lies in an engine's store
    own = _parts(path)

    def shows(place: _Place) -> bool:
        return _same(own, place.parts) and (len(own) >= place.length or _is_there(path, place.plain, device, mounts))

    root = any(map(shows, _SYSTEM)) or any(map(shows, engines)) or any(own == place.parts for place in _ALONE)
    return Runs(root, any(map(shows, _USERS)))


def _same(one: _Parts, other: _Parts) -> bool:
    """Whether one of them is the other, or a folder above it."""
    return all(mine == its or ("*" in its and fnmatchcase(mine, its)) for mine, its in zip(one, other, strict=False))


def _is_there(path: str, place: str, device: str, mounts: HostMounts) -> bool:
    """Whether a place below that path is on the same file system. What is mounted there is bound in by a mount of its
    own, if at all.
    """
    over, over_device = "", device
    for number, _, target in mounts:
        below = target.startswith(f"{path}/") and f"{place}/".startswith(f"{target}/")
        if below and len(target) >= len(over):
            over, over_device = target, number
    return over_device == device
