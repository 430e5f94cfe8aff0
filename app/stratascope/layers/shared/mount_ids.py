"""The id maps of mounts that have some of their own, where they are known: read with privilege only (statmount(2))."""

from __future__ import annotations

from stratascope.core.capture import Capture, or_none
from stratascope.linux.idmap import MountIdMap, parse_mount_idmaps, to_host
from stratascope.linux.mounts import Mount

MOUNT_IDMAPS = "mnt:idmaps"


def id_maps(capture: Capture) -> dict[int, MountIdMap]:
    """By the number of the mount in mountinfo."""
    return {each.mount: each for each in or_none(capture.decoded(MOUNT_IDMAPS, parse_mount_idmaps)) or ()}


def has_ids(mount: Mount) -> bool:
    """Whether it has id maps of its own."""
    return "idmapped" in mount.options.split(",")


def without_root(capture: Capture, mounts: tuple[Mount, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Places of those whose map leaves out the disk's root, and of those whose map is not known.

    In the former nobody writes as root, nor to what is root's. inode_permission and may_create, fs/namei.c: EACCES for
    what belongs to an id that is not mapped, EOVERFLOW for whoever is not.
    """
    maps = id_maps(capture)
    found = [(mount.target, maps.get(mount.id)) for mount in mounts if has_ids(mount)]
    known = tuple(target for target, ids in found if ids is not None and to_host(ids.uids, 0) is None)
    return known, tuple(target for target, ids in found if ids is None)
