"""Id maps of idmapped mounts, if known: readable only with privilege (statmount(2))."""

from __future__ import annotations

from stratascope.core.capture import Capture, or_none
from stratascope.linux.idmap import MountIdMap, parse_mount_idmaps, to_host
from stratascope.linux.mounts import Mount

MOUNT_IDMAPS = "mnt:idmaps"


def id_maps(capture: Capture) -> dict[int, MountIdMap]:
    """By the mount's id in mountinfo."""
    return {each.mount: each for each in or_none(capture.decoded(MOUNT_IDMAPS, parse_mount_idmaps)) or ()}


def has_ids(mount: Mount) -> bool:
    """Whether it is idmapped."""
    return "idmapped" in mount.options.split(",")


def without_root(capture: Capture, mounts: tuple[Mount, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Targets of mounts whose map leaves out the disk's root, and of those whose map is unknown.

    Through the former nobody writes as root or to root's files. inode_permission and may_create, fs/namei.c: EACCES for
    files of an unmapped id, EOVERFLOW for a caller that is unmapped.
    """
    maps = id_maps(capture)
    found = [(mount.target, maps.get(mount.id)) for mount in mounts if has_ids(mount)]
    known = tuple(target for target, ids in found if ids is not None and to_host(ids.uids, 0) is None)
    return known, tuple(target for target, ids in found if ids is None)
