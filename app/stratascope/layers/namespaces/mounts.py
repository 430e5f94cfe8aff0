"""What of the host a container's mounts show: host paths, engine sockets, devices, masks.

A mount of the kernel's list counts as the host's if its file system was not made for the container and its path
is not one of the files or volumes that the engine keeps for it. The path on the host is found through the host's
own mounts; where these are not known, through what the engine was asked for.
"""

from __future__ import annotations

import re

from stratascope.core.container import AskedMount, Container
from stratascope.core.ground import Surroundings
from stratascope.layers.namespaces.mount_reach import MountReach, reach_of
from stratascope.layers.shared.engine_socket import is_engine_socket, sockets_in
from stratascope.layers.shared.host_paths import HostPath, within
from stratascope.linux.mounts import UNION, Mount, Propagation, is_mask, is_proc_read_only, root_mount, visible
from stratascope.value import Value

# File systems that are new in each container, or show only what a namespace holds
_OWN_TYPES = UNION | {"proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "nsfs", "ramfs"}
# Those of them that are judged in no way, unless one is a mask (`is_mask`); the root directory is judged by itself
_NEVER_LISTED = _OWN_TYPES - {"proc", "sysfs"}
# The standard nodes: rootless engines bind them, as they may not make any
_STANDARD_NODES = frozenset(
    f"/dev/{name}" for name in ("null", "zero", "full", "tty", "random", "urandom", "console", "ptmx", "pts", "shm")
)
_KEPT_FILES = frozenset({"/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/run/.containerenv", "/dev/shm"})
_KEPT_ROOT = re.compile(r"/(?:overlay-)?containers/[0-9a-f]{64}/").search
_VOLUME_ROOT = re.compile(r"/volumes/[^/]+/_data(?:/|$)").search
_INIT_TARGETS = frozenset({"/sbin/docker-init", "/run/podman-init", "/dev/init"})


class MountView(Value):
    """The mounts in sight, judged. Paths are in the order of the kernel's list."""

    UNPRINTED = ("seen", "container")

    root_read_only: bool | None  # None: its root directory is no mount
    masked: tuple[str, ...]
    read_only: tuple[str, ...]
    proc_guarded: bool  # /proc/sys read-only and something of /proc masked
    engine_sockets: tuple[str, ...]  # where they are inside
    host_paths: tuple[HostPath, ...]
    devices: tuple[str, ...]
    propagation: str  # the widest of all mounts: private, slave, shared
    shared_mounts: tuple[str, ...]
    writable_paths: tuple[str, ...]  # places of host files and folders that can be written: no socket, no kernel file
    set_uid_paths: tuple[str, ...]  # those of them where set-uid marks count
    reach: MountReach
    tmpfs: tuple[str, ...] = ()  # places of writable tmpfs
    seen: tuple[Mount, ...] = ()  # what was judged, so that a prediction can change it
    container: str = ""  # its id


def view_of(mounts: tuple[Mount, ...], container: Container, around: Surroundings) -> MountView:
    """Judge the mounts of one process."""
    return judged(mounts, container.id, container.asked.mounts, around)


def judged(
    mounts: tuple[Mount, ...], container: str, wishes: tuple[AskedMount, ...], around: Surroundings
) -> MountView:
    """The same from what counts of the container: its id, and the mounts that were asked for."""
    seen = visible(mounts)
    root = root_mount(seen)
    masked: list[str] = []
    read_only: list[str] = []
    sockets: list[str] = []
    paths: list[HostPath] = []
    devices: list[str] = []
    shared: list[str] = []
    writable: list[str] = []
    set_uid: list[str] = []
    propagation = Propagation.PRIVATE
    tmpfs: list[str] = []
    asked = {mount.target.rstrip("/"): mount for mount in wishes}
    host = frozenset(device for device, _, _ in around.ground.mounts)
    for mount in seen:
        if mount.optional:
            how = mount.propagation
            if how is Propagation.SHARED:
                propagation = how
                shared.append(mount.target)
            elif how is Propagation.SLAVE and propagation is Propagation.PRIVATE:
                propagation = how
        kind = mount.fs_type
        of_host = _of_the_host(mount, root, host)
        if kind in _NEVER_LISTED and not of_host and not mount.root.endswith("/.empty-directory"):
            continue
        target = mount.target
        if kind == "tmpfs" and mount.root == "/" and not mount.read_only:
            tmpfs.append(target)
        if target.startswith(("/proc/", "/sys/")):
            if is_mask(mount):
                masked.append(target)
                continue
            if is_proc_read_only(mount):
                read_only.append(target)
                continue
        if mount is root or (not of_host and _made_for_it(mount, container)):
            continue
        if target.startswith("/dev/") and (kind == "devtmpfs" or _made_node(mount)):
            if target not in _STANDARD_NODES:
                devices.append(target)
            continue
        source = host_source(mount, asked.get(target), around.ground.mounts)
        if kind == "tmpfs" and mount.root == "/" and target not in asked and source == "/":
            continue  # a tmpfs of the container's own
        if kind == "tmpfs" and mount.root == "/" and (wish := asked.get(target)) and wish.kind == "tmpfs":
            continue
        if _VOLUME_ROOT(source) is None:
            paths.append(HostPath(source, target, not mount.read_only))
            if (
                not mount.read_only
                and (of_host or kind not in _OWN_TYPES)
                and not is_engine_socket(source, target, around)
            ):
                writable.append(target)
                if "nosuid" not in mount.options:
                    set_uid.append(target)
        sockets.extend(sockets_in(source, target, mount.device, around))
    if root is not None and root.fs_type not in UNION and root.root == "/":
        source = host_source(root, None, around.ground.mounts)
        if source == "/" and around.ground.mounts and (root.device, "/", "/") in around.ground.mounts:
            paths.append(HostPath("/", "/", not root.read_only))
            if not root.read_only:
                writable.append("/")
                if "nosuid" not in root.options:
                    set_uid.append("/")
    guarded = "/proc/sys" in read_only and any(path.startswith("/proc/") for path in masked)
    return MountView(
        None if root is None else root.read_only,
        tuple(masked),
        tuple(read_only),
        guarded,
        tuple(dict.fromkeys(sockets)),
        tuple(paths),
        tuple(devices),
        propagation.value,
        tuple(shared),
        tuple(writable),
        tuple(set_uid),
        reach_of(seen, root, around.ground.mounts),
        tuple(tmpfs),
        seen,
        container,
    )


def _made_node(mount: Mount) -> bool:
    """Whether it is a device node as crun makes them for a user namespace: numbered, on a tmpfs without a name."""
    return mount.fs_type == "tmpfs" and mount.source == "none" and mount.root[1:].isdigit()


def _made_for_it(mount: Mount, container: str) -> bool:
    """Whether the engine or runtime made this mount for the container itself."""
    kind, target = mount.fs_type, mount.target
    if kind in _OWN_TYPES:
        # another /proc or /sys beside the container's own is the host's, without its masks
        if kind == "proc" and mount.root == "/" and target != "/proc":
            return False
        return not (kind == "sysfs" and mount.root == "/" and target != "/sys")
    if target in _INIT_TARGETS or (kind == "tmpfs" and target == "/dev"):
        return True
    if container and f"/{container}/" in mount.root:
        return True
    if kind == "tmpfs" and mount.root == "/" and mount.source in ("tmpfs", "shm") and "size=" in mount.super_options:
        return target == "/dev/shm"
    return (target in _KEPT_FILES or target.startswith("/run/secrets")) and _KEPT_ROOT(mount.root) is not None


def host_source(mount: Mount, asked: AskedMount | None, host: tuple[tuple[str, str, str], ...]) -> str:
    """The path on the host that a mount shows; the path inside its file system where nothing tells more."""
    if mount.fs_type == "proc":
        return "/proc"
    if mount.fs_type == "sysfs":
        return "/sys"
    fitting = [(root, target) for device, root, target in host if device == mount.device and within(mount.root, root)]
    if fitting:
        # the host's own root first; a volume that is itself a bind last: what it shows lies elsewhere
        root, target = min(
            fitting, key=lambda pair: (pair[1] != "/", _VOLUME_ROOT(pair[1]) is not None, -len(pair[0]), len(pair[1]))
        )
        return (target.rstrip("/") + mount.root[len(root.rstrip("/")) :]).rstrip("/") or "/"
    if asked is not None and asked.source:
        return asked.source.rstrip("/") or "/"
    # the whole of a file system that is mounted nowhere else: its device, never "/"
    return mount.root if mount.root != "/" or mount.fs_type == "tmpfs" else mount.source


def _of_the_host(mount: Mount, root: Mount | None, host: frozenset[str]) -> bool:
    """Whether an overlay is the host's (its root directory or /etc may be one), and no image of the container's."""
    if mount.fs_type not in UNION or (root is not None and mount.device == root.device):
        return False
    return mount.root != "/" or mount.device in host
