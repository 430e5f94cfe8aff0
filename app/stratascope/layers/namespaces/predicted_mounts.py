"""Mounts that a container would get in addition to its current ones, as the engine would make them. Pure.

A bind shows the file system mounted on the host above its source, including what is mounted below (rbind). If the
host's mounts are unknown, the source path is used instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratascope.core.container import WRITABLE_BELOW, Asked, AskedDevice, AskedMount, EngineKind
from stratascope.core.ground import Surroundings
from stratascope.core.special_files import SpecialFile, SpecialFiles
from stratascope.layers.shared.device_rules import is_block
from stratascope.layers.shared.engine_socket import plain_run
from stratascope.layers.shared.host_paths import within
from stratascope.linux.defaults.version import version_of
from stratascope.linux.mounts import Mount, is_mask, is_proc_read_only

_NO_DEVICE = "999:0"  # for an unknown file system
_WIDE = {"rshared": "shared", "shared": "shared", "rslave": "master", "slave": "master"}
_RECURSIVE = (25, 0, 0)  # since then Docker makes read-only binds recursively read-only (mount_setattr(2))
_NUMBERS = {"/dev/mem": (1, 1), "/dev/kmem": (1, 2), "/dev/port": (1, 4), "/dev/kmsg": (1, 11), "/dev/loop0": (7, 0)}
_LAST = frozenset(("/etc/resolv.conf", "/etc/hostname", "/etc/hosts"))  # what Docker mounts in order of path depth
_NO = frozenset(("nosuid", "nodev", "noexec"))
_GROUPS = "/sys/fs/cgroup"
_IPC = ("/dev/shm", "/dev/mqueue")


def wished(before: Asked, after: Asked, around: Surroundings) -> tuple[AskedMount, ...]:
    """Binds and volumes that are new in `after`, outer ones first."""
    have = {_place(mount.target) for mount in before.mounts}
    new = [mount for mount in after.mounts if mount.kind != "tmpfs" and _place(mount.target) not in have]
    if after.ipc_mode == "host" and before.ipc_mode != "host":
        taken = {_place(mount.target) for mount in after.mounts}
        new += [
            AskedMount("bind", place, place, True) for place in _IPC if place not in taken and _known(place, around)
        ]
    return tuple(sorted(new, key=lambda mount: _place(mount.target).count("/")))


def with_binds(mounts: list[Mount], new: Iterable[AskedMount], around: Surroundings) -> list[Mount]:
    """Add these, each over the mounts it covers; what the runtime mounts below one stays visible."""
    found = mounts
    for wish in new:
        target = _place(wish.target)
        if any(mount.target == target and guards(mount) for mount in found):
            continue  # runtimes mask and protect these after all mounts
        found = [mount for mount in found if mount.target != target and not _of_groups(mount, target)]
        below = [mount.target for mount in found if mount.target != "/" and within(mount.target, target)]
        for mount in _shown(wish, target, around):
            if mount.target == target or not any(within(mount.target, place) for place in below):
                _put(found, mount)
    return found if found is mounts else _numbered(found)


def _of_groups(mount: Mount, place: str) -> bool:
    """Whether it belongs to the runtime's mount at that place: one mount for each control group tree."""
    return place == _GROUPS and mount.fs_type in ("cgroup", "cgroup2") and within(mount.target, place)


def guards(mount: Mount) -> bool:
    """Whether it hides or protects something below /proc or /sys."""
    return mount.target.startswith(("/proc/", "/sys/")) and (is_mask(mount) or is_proc_read_only(mount))


def _put(mounts: list[Mount], new: Mount) -> None:
    """Insert a new mount at the end, but before any mounts below it."""
    folder, shallow = new.target.rstrip("/") + "/", new.target.count("/") == 1
    for place, each in enumerate(mounts):
        if each.target.startswith(folder) or each.target == new.target or (shallow and each.target in _LAST):
            mounts.insert(place, new)
            return
    mounts.append(new)


def _numbered(mounts: list[Mount]) -> list[Mount]:
    """Assign ids and parents as the kernel would."""
    places: dict[str, int] = {}
    found = []
    for number, mount in enumerate(mounts, 1):
        above = mount.target
        while above not in places and above != "/":
            above = above[: above.rindex("/")] or "/"
        found.append(mount._replace(id=number, parent=places.get(above, 0)))
        places[mount.target] = number
    return found


def _shown(wish: AskedMount, target: str, around: Surroundings) -> list[Mount]:
    source = plain_run(wish.source) if wish.source else wish.source
    words = wish.options.split(",")
    ground = around.ground
    known = tuple(zip(ground.mounts, ground.file_systems, strict=True)) if ground.file_systems else ()
    over = [each for each in known if within(source, each[0][2])] if source.startswith("/") else []
    top = _mount(_NO_DEVICE, source or "/", target, "ext4", "rw,relatime", "rw")
    if over:
        (device, root, place), (kind, options, super_options) = max(
            enumerate(over), key=lambda pair: (len(pair[1][0][2]), pair[0])
        )[1]
        inside = (root.rstrip("/") + source[len(place.rstrip("/")) :]) or "/"
        top = _mount(device, inside, target, kind, options, super_options)
    below = [
        _mount(device, root, target.rstrip("/") + place[len(source.rstrip("/")) :], kind, options, super_options)
        for (device, root, place), (kind, options, super_options) in known
        if wish.kind == "bind" and "bind" not in words and place != source and within(place, source)
    ]
    top = with_words(top, words)
    found = [top, *below]
    if not wish.writable:
        whole = (
            around.engine.kind is EngineKind.DOCKER
            and (version_of(around.engine.version) or _RECURSIVE) >= _RECURSIVE
            and WRITABLE_BELOW not in words
        )
        found = [read_only(mount) if whole or mount is top else mount for mount in found]
    word = _WIDE.get(wish.propagation, "")
    if wish.kind == "volume" and around.engine.kind is EngineKind.DOCKER and ground.peer_groups:
        word = "master"  # Docker gives no propagation, and the runtime makes all mounts slaves
    others = _others(source, target, around) if wish.kind == "bind" and "bind" not in words else None
    if others is not None:
        found.append(others)
        # moby, volume/mounts/linux_parser.go: a bind that contains the daemon's data becomes a slave implicitly
        word = word or ("master" if around.engine.kind is EngineKind.DOCKER else "")
    if word:
        group = next(iter(ground.peer_groups), 1)
        found = [mount._replace(optional=f"{word}:{group}") for mount in found]
    return found


def with_words(mount: Mount, words: Sequence[str]) -> Mount:
    """The mount with the requested `nosuid`, `suid` and the like."""
    left = [word for word in mount.options.split(",") if not (word.startswith("no") and word[2:] in words)]
    more = [word for word in words if word in _NO and word not in left]
    return mount._replace(options=",".join((*left, *more)))


def _others(source: str, target: str, around: Surroundings) -> Mount | None:
    """Root directories of other containers, in the engine's directory: writable whatever was requested, since they are
    already mounted there, or are mounted later.
    """
    usual = "/var/lib/docker" if around.engine.kind is EngineKind.DOCKER else "/var/lib/containers/storage"
    folder = around.engine.facts.data_root or ("" if around.engine.rootless else usual)
    if not folder or not within(folder, source):
        return None
    place = f"{target.rstrip('/')}{folder[len(source.rstrip('/')) :]}/overlay/CONTAINER/merged"
    return _mount(_NO_DEVICE, "/", place, "overlay", "rw,relatime", "rw")


def same_processes(mounts: list[Mount], around: Surroundings) -> list[Mount]:
    """In the host's PID namespace, a rootless runtime can only show the host's own proc."""
    host = next((device for device, root, place in around.ground.mounts if (root, place) == ("/", "/proc")), "")
    return [mount._replace(device=host) if host and mount.fs_type == "proc" else mount for mount in mounts]


def _mount(device: str, root: str, target: str, kind: str, options: str, super_options: str) -> Mount:
    return Mount(0, 0, device, root, target, options, "", kind, kind, super_options)


def _known(place: str, around: Surroundings) -> bool:
    return any(target == place for _, _, target in around.ground.mounts)


def with_devices(
    mounts: list[Mount], special: SpecialFiles | None, new: Sequence[AskedDevice], around: Surroundings
) -> tuple[list[Mount], SpecialFiles | None]:
    """Device nodes: bound by a rootless engine, else created in the container's own /dev."""
    files = [] if special is None else list(special.files)
    for device in new:
        place = device.target or device.source
        if around.engine.rootless:
            root = device.source.removeprefix("/dev")
            bound = _mount(_NO_DEVICE, root, place, "devtmpfs", "rw,relatime", "rw")
            mounts = [*(mount for mount in mounts if mount.target != place), bound]
        elif device.source in _NUMBERS or is_block(device.source):
            kind = "b" if is_block(device.source) else "c"
            major, minor = _NUMBERS.get(device.source, (259, 0))
            files.append(SpecialFile(kind, major, minor, 0, 0, 0o660, "0:0:0", place))
    if around.engine.rootless and new:
        mounts = _numbered(mounts)
    if special is None and not files:
        return mounts, None
    return mounts, SpecialFiles(tuple(files), special is not None and special.whole)


def privileged(mount: Mount) -> Mount:
    """/sys and the control groups are writable in a privileged container."""
    return (
        writable(mount) if mount.fs_type in ("sysfs", "cgroup", "cgroup2") and within(mount.target, "/sys") else mount
    )


def read_only(mount: Mount) -> Mount:
    """The mount, made read-only."""
    words = mount.options.split(",")
    return mount._replace(options=",".join(["ro", *(word for word in words if word not in ("rw", "ro"))]))


def writable(mount: Mount) -> Mount:
    """The mount and its file system, made writable."""
    words = ["rw", *(word for word in mount.options.split(",") if word not in ("rw", "ro"))]
    own = mount.super_options
    return mount._replace(options=",".join(words), super_options=f"rw{own[2:]}" if own.startswith("ro") else own)


def _place(target: str) -> str:
    return target.rstrip("/") or "/"
