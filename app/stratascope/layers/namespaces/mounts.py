"""What a container's mounts show of the host: host paths, engine sockets, devices, masks.

A mount in the kernel's list is the host's if its file system was not created for the container and its path is not one
of the files or volumes that the engine keeps for it. The host's own mounts give the path on the host; if these are
unknown, the requested options do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from stratascope.bounded_cache import Kept, alike
from stratascope.core.container import AskedMount, Container
from stratascope.core.ground import SpecialFile, SpecialFiles, Surroundings
from stratascope.layers.namespaces.mount_reach import MountReach, reach_of
from stratascope.layers.shared.buses import FoundBus, buses_among, buses_below
from stratascope.layers.shared.devices import STANDARD_NODES, node_kind
from stratascope.layers.shared.host_paths import (
    HostPath,
    engine_sockets,
    is_engine_socket,
    known_sockets,
    own_volume,
    plain,
    plain_run,
    sockets_in,
    within,
)
from stratascope.layers.shared.system_places import VOLUME_ROOT, HostMounts, runs_from
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import (
    UNION,
    Mount,
    Propagation,
    is_mask,
    is_proc_read_only,
    root_mount,
    visible_of,
)
from stratascope.linux.namespace import parse_link
from stratascope.value import Value, replace

# File systems that are new in each container, or only show a namespace's contents
_OWN_TYPES = UNION | {"proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "nsfs", "ramfs"}
# The kernel's own, in which nobody can keep a file: what can be done with those that are there are threats of their own
_OF_KERNEL = frozenset(("bpf", "configfs", "debugfs", "efivarfs", "fusectl", "pstore", "securityfs", "tracefs"))
# Usual targets of file systems filled by a namespace or the kernel; elsewhere they are bind mounts of the host's
_USUAL = {
    "proc": "/proc",
    "sysfs": "/sys",
    "cgroup": "/sys/fs/cgroup",
    "cgroup2": "/sys/fs/cgroup",
    "devpts": "/dev/pts",
    "mqueue": "/dev/mqueue",
}
# Types that are never judged, except as masks (`is_mask`); the root directory is judged separately
_NEVER_LISTED = _OWN_TYPES - _USUAL.keys()
_NOT_LISTED = STANDARD_NODES | {"/dev/ptmx", "/dev/pts", "/dev/shm"}
# Files that the engines bind for each container; a read-only root directory makes them read-only too
NAME_FILES = frozenset({"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"})
KEPT_FILES = NAME_FILES | {"/run/.containerenv"}
_KEPT_ROOT = re.compile(r"/(?:overlay-)?containers/[0-9a-f]{64}/").search
_INIT_TARGETS = frozenset({"/sbin/docker-init", "/run/podman-init", "/dev/init"})

_EMPTY = "/.empty-directory"  # crun's, bind-mounted over masked paths
# What systemd lays over what a service is not to reach, and what it makes for that service alone (core/namespace.c)
_INACCESSIBLE = re.compile(r"/systemd/inaccessible/(?:reg|dir|fifo|sock|chr|blk)").fullmatch
_PROPAGATED = re.compile(r"/systemd/propagate/[^/]+").fullmatch
_OWN_TMP = re.compile(r"(?:/var)?(?:/tmp)?/systemd-private-[0-9a-f]{32}-[^/]+-\w{6}/tmp").fullmatch
_TREES = frozenset({"cgroup", "cgroup2"})
_BOUND = _TREES | {"proc", "sysfs"}


class MountView(Value):
    """The visible mounts, judged. Paths are in the order of the kernel's list."""

    UNPRINTED = ("listed", "changed", "container", "special", "buses")

    root_read_only: bool | None  # None: its root directory is no mount
    masked: tuple[str, ...]
    read_only: tuple[str, ...]
    proc_guarded: bool  # /proc/sys is read-only, and something in /proc is masked
    engine_sockets: tuple[str, ...]  # their paths inside
    host_paths: tuple[HostPath, ...]
    devices: tuple[str, ...]
    propagation: str  # the widest of all mounts: private, slave, shared
    shared_mounts: tuple[str, ...]
    writable_paths: tuple[str, ...]  # paths of writable host files and directories, except sockets and kernel files
    set_uid_paths: tuple[str, ...]  # those of them where set-uid bits take effect
    reach: MountReach
    system_paths: tuple[str, ...] = ()  # those of them where lies what the host runs as root
    user_paths: tuple[str, ...] = ()  # where lies what a user of the host runs
    handles: tuple[tuple[str, int], ...] = ()  # kind and inode of each namespace that a mounted file stands for
    tmpfs: tuple[str, ...] = ()  # targets of writable tmpfs mounts
    listed: str = ""  # the kernel's list; the text is held anyway, and its decoded form is twice as large
    changed: tuple[Mount, ...] = ()  # the mounts judged, if this is a prediction
    container: str = ""  # the container's id
    special: SpecialFiles | None = None  # sockets and nodes found; None: not read
    nodes: tuple[str, ...] = ()  # kinds of those nodes, as in `core.devices`
    buses: tuple[FoundBus, ...] = ()  # sockets of D-Bus and systemd

    @property
    def seen(self) -> tuple[Mount, ...]:
        """The mounts judged, so that a prediction can change them."""
        return visible_of(self.listed) if self.listed else self.changed


def view_of(
    listed: str,
    container: Container,
    around: Surroundings,
    special: SpecialFiles | None = None,
    *,
    bound_root: bool = False,
) -> MountView:
    """Judge the mounts of a process, and the special files found in them. Raises DecodeError. `bound_root`: its root
    directory is a part of what is mounted in the container, to which a chroot keeps it.
    """
    seen, wishes = visible_of(listed), container.asked.mounts
    looked = special is not None and special.whole
    odd = bound_root or (special is not None and special.files)
    shape = None if odd else _shape(seen, container.id, wishes, around)
    if shape is None:
        own = judged(seen, container.id, wishes, around, special, looked=looked, bound_root=bound_root)
        return replace(own, listed=listed, changed=())
    ground = around.ground
    key = (
        *(shape, wishes, ground.mounts, ground.peer_groups, known_sockets(around), ground.buses, special is None),
        _stores(around),
    )
    view = _views.get(key)
    if view is None:
        view = replace(judged(seen, container.id, wishes, around, special, looked=looked), changed=())
        _views.put(key, view, _BYTES * len(seen))
    return replace(view, listed=listed, container=container.id, special=special)


_Shape = tuple[tuple[str | int, ...], ...]
_Texts = tuple[tuple[str, str], ...]
_Key = tuple[
    _Shape, tuple[AskedMount, ...], HostMounts, tuple[int, ...], tuple[str, ...], _Texts, bool, tuple[str, ...]
]  # fmt: skip
_views = Kept[_Key, MountView]()
_BYTES = 400  # a mount of a shape
# file systems for which a mount's root matters beyond whether it was made for the container
_TELLING = _OWN_TYPES | {"devtmpfs"}


def _shape(
    seen: tuple[Mount, ...], container: str, wishes: tuple[AskedMount, ...], around: Surroundings
) -> _Shape | None:
    """The cache key of `judged`: everything it uses of a process's mounts, equal for similar containers.

    Left out are mount ids, the layers of an image, and roots that contain the container's id, of files and control
    groups that were made for it (`_made_for_it`). File systems that the host does not have are numbered, since only
    their equality matters. None if the id is elsewhere, so that no other container has an equal key.
    """
    numbers: dict[str, str | int] = {device: device for device, _, _ in around.ground.mounts}
    numbers[""] = ""
    asked = {mount.target.rstrip("/") for mount in wishes}
    shape = []
    for mount in seen:
        _, _, device, root, target, options, optional, kind, source, of_all = mount
        place: str | int = root
        empty = root.endswith(_EMPTY)
        if kind in _TREES and not empty and _made_for_it(mount, container, asked, ()):
            place = 0
        elif container and f"/{container}/" in root:
            if empty or kind in _TELLING or target.startswith(("/proc/", "/sys/")) or target == "/":
                return None
            place = 1
        said = of_all[:2] if kind in UNION else of_all
        shape.append((numbers.setdefault(device, len(numbers)), place, target, options, optional, kind, source, said))
    return tuple(shape)


def _towards_host(mount: Mount, groups: tuple[int, ...]) -> Propagation:
    """The propagation towards the host; peer groups of containers alone (kind, Docker in Docker) never reach it."""
    how = mount.propagation
    among_them = how is Propagation.SHARED and groups and mount.peer_group not in groups
    return Propagation.PRIVATE if among_them else how


def judged(
    seen: tuple[Mount, ...],
    container: str,
    wishes: tuple[AskedMount, ...],
    around: Surroundings,
    special: SpecialFiles | None = None,
    *,
    looked: bool = False,
    bound_root: bool = False,
) -> MountView:
    """Judge the visible mounts, given the container's id and requested mounts. `looked`: all of them were searched for
    special files.
    """
    root = root_mount(seen)
    masked: list[str] = []
    read_only: list[str] = []
    sockets: list[str] = []
    paths: list[HostPath] = []
    devices: list[str] = []
    shared: list[str] = []
    writable: list[str] = []
    set_uid: list[str] = []
    system: list[str] = []
    users: list[str] = []
    stores = _stores(around)
    nulls = _null_devices(seen, around.ground.mounts)
    propagation = Propagation.PRIVATE
    tmpfs: list[str] = []
    buses: list[FoundBus] = []
    asked = {mount.target.rstrip("/"): mount for mount in wishes}
    host = frozenset(device for device, _, _ in around.ground.mounts)
    files = () if special is None else _still_there(special.files, seen)
    own_nodes = frozenset(item.path for item in files if item.kind in ("b", "c"))
    own_sockets = frozenset(item.path for item in engine_sockets(files, around))
    own_run = frozenset(device for device, root, target in around.ground.mounts if root == "/" and _RUN(target))
    exported = frozenset(device for device, _, target in around.ground.mounts if _EXPORTED(target))
    new = _made_anew(seen, host)
    for mount in seen:
        if mount.optional:
            how = _towards_host(mount, around.ground.peer_groups)
            if how is Propagation.SHARED:
                propagation = how
                shared.append(mount.target)
            elif how is Propagation.SLAVE and propagation is Propagation.PRIVATE:
                propagation = how
        kind = mount.fs_type
        of_host = kind in UNION and (_of_the_host(mount, root, host) or _shown_in(mount.target, paths) is not None)
        if kind in _NEVER_LISTED and not of_host and not mount.root.endswith(_EMPTY):
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
        if mount.device in own_run and _INACCESSIBLE(mount.root):
            masked += [target] if target.startswith(("/proc/", "/sys/")) else []
            continue
        if _of_service(mount, asked.get(target), own_run) or (mount.device in exported and target == _EXPORT):
            continue
        if (mount is root and not bound_root) or (not of_host and _made_for_it(mount, container, asked, host)):
            continue
        if (mount.root == "/null" and mount.device in nulls) or (mount.read_only and mount.root.endswith(_EMPTY)):
            continue  # a mask: it hides a file of the image, and shows none of the host's
        if kind in _TREES and any(
            mount.read_only is not path.writable and within(target, path.target) for path in paths
        ):
            continue  # reported with the directory that contains them all
        if target in own_nodes or (target.startswith("/dev/") and (kind == "devtmpfs" or _made_node(mount))):
            if target not in _NOT_LISTED:
                devices.append(target)
            continue
        if _covers(mount, asked.get(target), around, host):
            continue
        source = host_source(mount, asked.get(target), around.ground.mounts)
        if kind in UNION and not source.startswith("/") and (above := _shown_in(target, paths)) is not None:
            source = above.source.rstrip("/") + target[len(above.target.rstrip("/")) :]
        if kind == "tmpfs" and target not in asked and (source == "/" if mount.root == "/" else mount.device in new):
            continue  # the container's own tmpfs, or a part of it
        if kind == "tmpfs" and mount.root == "/" and (wish := asked.get(target)) and wish.kind == "tmpfs":
            continue
        if not own_volume(source, asked.get(target)):
            paths.append(HostPath(source, target, not mount.read_only))
            if (
                not mount.read_only
                and (of_host or (kind not in _OWN_TYPES and kind not in _OF_KERNEL))
                and target not in own_sockets
                and not is_engine_socket(source, target, around)
            ):
                writable.append(target)
                if "nosuid" not in mount.options:
                    set_uid.append(target)
                runs = runs_from(mount.device, mount.root, source, around.ground.mounts, stores)
                system += [target] if runs.root or kind == "binfmt_misc" else []  # the kernel starts what it names
                users += [target] if runs.user else []
            elif kind == "proc" and not mount.read_only and runs_from(mount.device, mount.root, source).root:
                system.append(target)
        sockets.extend(sockets_in(source, target, mount.device, around))
        buses += () if looked else buses_below(source, target, around, searched=special is not None)
    if root is not None and not bound_root and root.fs_type not in UNION and root.root == "/":
        source = host_source(root, None, around.ground.mounts)
        if source == "/" and around.ground.mounts and (root.device, "/", "/") in around.ground.mounts:
            paths.append(HostPath("/", "/", not root.read_only))
            if not root.read_only:
                writable.append("/")
                if "nosuid" not in root.options:
                    set_uid.append("/")
                system.append("/")
                users.append("/")
    sockets.extend(item.path for item in engine_sockets(files, around))
    buses += buses_among(files, around)
    nodes = [item for item in files if (kind := node_kind(item)) and _opens(item, seen)]
    devices.extend(item.path for item in nodes if item.path not in _NOT_LISTED)
    guarded = "/proc/sys" in read_only and any(path.startswith("/proc/") for path in masked)
    return MountView(
        None if root is None else root.read_only,
        tuple(masked),
        tuple(read_only),
        guarded,
        tuple(dict.fromkeys(sockets)),
        tuple(paths),
        tuple(dict.fromkeys(devices)),
        propagation.value,
        tuple(shared),
        tuple(writable),
        tuple(set_uid),
        alike(reach_of(seen, root, around.ground.mounts)),
        tuple(system),
        tuple(users),
        tuple(handle for mount in seen if mount.fs_type == "nsfs" and (handle := _handle(mount.root)) is not None),
        tuple(tmpfs),
        "",
        seen,
        container,
        special,
        tuple(dict.fromkeys(map(node_kind, nodes))),
        tuple(dict.fromkeys(buses)),
    )


def _made_anew(seen: tuple[Mount, ...], host: frozenset[str]) -> frozenset[str]:
    """Devices of tmpfs that it has whole and the host does not have; none where the host's are not known."""
    whole = {mount.device for mount in seen if mount.fs_type == "tmpfs" and mount.root == "/"}
    return frozenset(whole - host if host else ())


_RUN = re.compile(r"/run(?:/user/[0-9]+)?").fullmatch
# Where a machine of systemd-nspawn puts sockets for the host: a file system of its own (systemd-nspawn(1))
_EXPORT, _EXPORTED = "/run/host/unix-export", re.compile(r"/run/systemd/nspawn/unix-export/[^/]+").fullmatch


def _of_service(mount: Mount, wish: AskedMount | None, runs: frozenset[str]) -> bool:
    """Whether systemd made it for that service alone. `runs`: the file systems at /run."""
    if mount.device in runs:
        return mount.target == "/run/systemd/incoming" and _PROPAGATED(mount.root) is not None
    private = mount.target in ("/tmp", "/var/tmp") and _OWN_TMP(mount.root) is not None
    return private and (wish is None or not wish.source)


def _shown_in(target: str, paths: list[HostPath]) -> HostPath | None:
    """The host directory that contains that target: later mounts there on the host appear too."""
    return next((path for path in reversed(paths) if within(target, path.target)), None)


def deciding(path: str, seen: Sequence[Mount]) -> Mount | None:
    """The mount that shows that path."""
    holding = [mount for mount in seen if within(path, mount.target)]
    return max(holding, key=lambda mount: len(mount.target), default=None)


_NEW = "0:0"  # the device of a predicted file system that is empty


def _still_there(special: tuple[SpecialFile, ...], seen: tuple[Mount, ...]) -> tuple[SpecialFile, ...]:
    """Drop those whose mount is gone in a prediction, or hidden by an empty one; the root directory itself was not
    searched.
    """
    return tuple(item for item in special if within(item.path, "/dev") or _holds(deciding(item.path, seen), item))


def _holds(mount: Mount | None, item: SpecialFile) -> bool:
    """A predicted mount of an empty file system has no device, and holds nothing yet."""
    return mount is not None and mount.target != "/" and (mount.device != _NEW or mount.target == item.path)


def _handle(root: str) -> tuple[str, int] | None:
    """`net:[4026531840]`, as nsfs names it; None if it has another form."""
    try:
        link = parse_link(root)
    except DecodeError:
        return None
    return link.kind, link.inode


def _stores(around: Surroundings) -> tuple[str, ...]:
    """Where the engine keeps its containers, if that is known and belongs to root."""
    root = around.engine.facts.data_root
    return (root,) if root and not around.engine.rootless else ()


def _null_devices(seen: tuple[Mount, ...], host: HostMounts) -> frozenset[str]:
    """The file systems with the null device at their top: of /dev, the container's and the host's."""
    own = [mount.device for mount in seen if mount.target == "/dev" or mount.fs_type == "devtmpfs"]
    return frozenset((*own, *(device for device, root, target in host if (root, target) == ("/", "/dev"))))


def _opens(item: SpecialFile, seen: tuple[Mount, ...]) -> bool:
    """may_open_dev, fs/namei.c: nodev blocks opening a node; a read-only mount does not."""
    mount = deciding(item.path, seen)
    return mount is not None and "nodev" not in mount.options.split(",")


def _made_node(mount: Mount) -> bool:
    """Whether it is a device node as crun creates them for a user namespace: numbered, on a nameless tmpfs."""
    return mount.fs_type == "tmpfs" and mount.source == "none" and mount.root[1:].isdigit()


def _made_for_it(mount: Mount, container: str, asked: Collection[str], host: Collection[str]) -> bool:
    """Whether the engine or runtime made this mount for the container itself.

    `asked`: targets of the requested mounts; `host`: file systems that the host has mounted.
    """
    kind, target = mount.fs_type, mount.target
    if kind == "devpts" and target == "/dev/console":
        return mount.device not in host  # its terminal (-t), from its own /dev/pts
    if kind in _OWN_TYPES:
        usual = _USUAL.get(kind)
        if usual is None:
            return True
        # it may still be a bind mount there: of control groups for systemd, of /sys for disk tools
        bound = kind in _BOUND and any(within(usual, place) and within(target, place) for place in asked)
        return within(target, usual) and not bound
    if target in _INIT_TARGETS or (kind == "tmpfs" and target == "/dev"):
        return True
    if container and f"/{container}/" in mount.root:
        return True
    if kind == "tmpfs" and mount.root == "/" and mount.source in ("tmpfs", "shm") and "size=" in mount.super_options:
        return target == "/dev/shm" and mount.device not in host
    return target not in asked and made_for_it(mount)


def made_for_it(mount: Mount) -> bool:
    """Whether it is a file that an engine keeps for the container."""
    named = mount.target in KEPT_FILES or mount.target == "/dev/shm" or mount.target.startswith("/run/secrets")
    return named and _KEPT_ROOT(mount.root) is not None


# Where an engine in a mount namespace of its own may have a file system in memory that the host does not see
_PRIVATE = ("/run", "/var/run", "/tmp", "/var/tmp", "/dev/shm")


def _covers(mount: Mount, asked: AskedMount | None, around: Surroundings, host: Collection[str]) -> bool:
    """Whether it is a file system in memory of the container's own, over what was asked to be bound there."""
    if (
        asked is None
        or mount.fs_type != "tmpfs"
        or mount.root != "/"
        or mount.device in host
        or not around.ground.mounts
    ):
        return False
    source = plain(asked.source)
    if not source.startswith("/") or any(within(source, place) for place in _PRIVATE):
        return False
    over = [
        (len(target), number)
        for number, (_, _, target) in enumerate(around.ground.mounts)
        if within(source, target) and len(around.ground.file_systems) > number
    ]
    return bool(over) and around.ground.file_systems[max(over)[1]][0] != "tmpfs"


def host_source(mount: Mount, asked: AskedMount | None, host: tuple[tuple[str, str, str], ...]) -> str:
    """The host path that a mount shows; its path within the file system if that is unknown."""
    if mount.fs_type in ("proc", "sysfs"):
        return _USUAL[mount.fs_type] + mount.root.rstrip("/")
    fitting = [(root, target) for device, root, target in host if device == mount.device and within(mount.root, root)]
    if fitting:
        # prefer the host's own root; a volume that is itself a bind comes last, since its source is elsewhere
        root, target = min(
            fitting, key=lambda pair: (pair[1] != "/", VOLUME_ROOT(pair[1]) is not None, -len(pair[0]), len(pair[1]))
        )
        return (target.rstrip("/") + mount.root[len(root.rstrip("/")) :]).rstrip("/") or "/"
    if asked is not None and asked.source:
        return plain_run(plain(asked.source))
    # all of a file system that is mounted nowhere else: its device, never "/"
    return mount.root if mount.root != "/" or mount.fs_type == "tmpfs" else mount.source


def _of_the_host(mount: Mount, root: Mount | None, host: frozenset[str]) -> bool:
    """Whether an overlay is the host's (its root directory or /etc may be one) rather than the container's image."""
    if root is not None and mount.device == root.device:
        return False
    return mount.root != "/" or mount.device in host
