"""Volumes that a relaunch makes for what its container keeps outside its volumes, and what is in them.

The engine fills such a volume itself: it copies what an image has at a mount point into an empty volume, with owner,
mode and extended attributes. So the stopped container is committed, and a container of that image, which is never
started, has the volume. This works for every engine, remote and rootless, without root. Decided against its archive
calls: Podman's send every file as root's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from stratascope.core.container import Asked
from stratascope.value import Value


class DataVolume(Value):
    """A new volume, mounted at `target`."""

    name: str
    target: str


def new_volumes(before: Asked, wanted: Asked) -> tuple[DataVolume, ...]:
    """Volumes that these options add, to be filled with what the container has there."""
    there = {mount.target.rstrip("/") for mount in before.mounts}
    return tuple(
        DataVolume(mount.volume, mount.target)
        for mount in wanted.mounts
        if mount.kind == "volume" and mount.volume and mount.target.rstrip("/") not in there
    )


class Entry(Value):
    """A file or directory below a path of a container. `path`: relative to it, empty for itself.

    `kind`: one letter as in `find -type`; a further name of a file is listed as that file. Owner and group as the
    engine sends them, which is root for all of Podman's. `moment`: seconds since the epoch. `content`: SHA-256 of the
    first bytes of a regular file, else the target of a symlink.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    moment: int
    content: str = ""

    @property
    def kept(self) -> tuple[object, ...]:
        """All of it that a copy has too: not when a directory changed."""
        return self.path, self.kind, self.mode, self.uid, self.gid, self.size, self.content


class Sum(Value):
    """How many files, and how many bytes are in them."""

    files: int = 0
    size: int = 0


def summed(entries: Iterable[Entry]) -> Sum:
    """Of regular files."""
    sizes = [entry.size for entry in entries if entry.kind == "f"]
    return Sum(len(sizes), sum(sizes))


def missing(before: Iterable[Entry], after: Iterable[Entry]) -> tuple[str, ...]:
    """Paths that differ between the two, or that only one of them has. A directory that was not there is made with the
    volume.
    """
    first, second = ({entry.path: entry.kept for entry in entries} for entries in (before, after))
    if not first:
        second.pop("", None)
    return tuple(sorted(path for path in first.keys() | second.keys() if first.get(path) != second.get(path)))


class DataVolumes(Protocol):
    """Calls to an engine. Raise as `core.ports.Relauncher`."""

    def volume_names(self) -> tuple[str, ...]:
        """Of all of its volumes."""

    def make_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """A new, empty one. Raises RefusedError if there is one of that name."""

    def remove_volumes(self, label: str, value: str) -> None:
        """All with that label. One that is in use stays."""

    def filling(self, body: str, volumes: tuple[DataVolume, ...]) -> str:
        """Pure: the create request of a container whose volumes the engine fills from the image."""

    def contents(self, container: str, path: str, expected: Collection[Entry] = ()) -> Iterator[Entry]:
        """The directory, in its root directory or a volume, whether it runs or not. Not sockets and devices. Nothing if
        there is no such path. Of what an engine never lists, those expected that are there, as they are expected.
        """
