"""Predict the mounts of a relaunched container. Pure.

The current mounts are changed as the engine would change them, and judged by the same code as those read. A new bind
mount shows the file system mounted on the host above its source, including what is mounted below (rbind); if the host's
mounts are unknown, the source path is used instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from stratascope.core.container import WRITABLE_BELOW, Asked, AskedDevice, AskedMount
from stratascope.core.ground import SpecialFile, SpecialFiles, Surroundings
from stratascope.core.options.rules import rules_of
from stratascope.layers.namespaces.mounts import KEPT_FILES, NAME_FILES, MountView, deciding, judged
from stratascope.layers.shared.devices import NUMBERS, STANDARD_NODES, is_block
from stratascope.layers.shared.host_paths import plain, plain_run, within
from stratascope.layers.shared.whose_namespace import own_user_namespace
from stratascope.linux.defaults import surely_masked, version_of
from stratascope.linux.mounts import Mount, is_mask, is_proc_read_only, visible
from stratascope.value import replace

NO_DEVICE = "999:0"  # for an unknown file system
_WIDE = {"rshared": "shared", "shared": "shared", "rslave": "master", "slave": "master"}
_NO = frozenset(("nosuid", "nodev", "noexec"))
_GROUPS = "/sys/fs/cgroup"
_IPC = ("/dev/shm", "/dev/mqueue")
MOUNTS_MOST = 1500  # a bind of / shows some dozens
_NODES_MOST = 10_000


def wished(before: Asked, after: Asked, around: Surroundings) -> tuple[AskedMount, ...]:
    """Binds and volumes that are new in `after`, outer ones first."""
    have = {plain(mount.target) for mount in before.mounts}
    new = [mount for mount in after.mounts if mount.kind != "tmpfs" and plain(mount.target) not in have]
    if after.ipc_mode == "host" and before.ipc_mode != "host":
        taken = {plain(mount.target) for mount in after.mounts}
        new += [
            AskedMount("bind", place, place, True) for place in _IPC if place not in taken and _known(place, around)
        ]
    return tuple(sorted(new, key=lambda mount: plain(mount.target).count("/")))


class TooManyError(Exception):
    """There are more mounts than can be judged."""


def with_binds(mounts: list[Mount], new: Iterable[AskedMount], around: Surroundings) -> list[Mount]:
    """Add bind mounts, each over the mounts it covers; what the runtime mounts below one stays visible. Raises
    TooManyError.
    """
    found, own = mounts, [mount for mount in mounts if _of_runtime(mount)]
    for wish in new:
        target = plain(wish.target)
        if any(mount.target == target and guards(mount) for mount in found):
            continue  # runtimes mask and protect these after all mounts
        found = [mount for mount in found if mount.target != target and not _of_groups(mount, target, around)]
        below = [mount.target for mount in found if mount.target != "/" and within(mount.target, target)]
        for mount in _shown(wish, target, own, around):
            if mount.target == target or not any(within(mount.target, place) for place in below):
                _put(found, mount)
        if len(found) > MOUNTS_MOST:
            raise TooManyError
    return found if found is mounts else _numbered(found)


def _of_runtime(mount: Mount) -> bool:
    """Whether it is one of what the runtime mounts at /proc and /sys, before it masks and protects what is below."""
    return (within(mount.target, "/proc") or within(mount.target, "/sys")) and not guards(mount)


def _of_groups(mount: Mount, place: str, around: Surroundings) -> bool:
    """Whether it belongs to the runtime's mount of the control groups that a bind there hides. Podman sorts all mounts
    by depth; Docker puts what is asked for after its own (moby, daemon/oci_linux.go, WithMounts).
    """
    hidden = within(_GROUPS, place) if not rules_of(around.engine).own_users else place == _GROUPS
    return hidden and mount.fs_type in ("cgroup", "cgroup2", "tmpfs") and within(mount.target, _GROUPS)


def guards(mount: Mount) -> bool:
    """Whether it hides or protects something below /proc or /sys."""
    return mount.target.startswith(("/proc/", "/sys/")) and (is_mask(mount) or is_proc_read_only(mount))


def _put(mounts: list[Mount], new: Mount) -> None:
    """Insert a new mount at the end, but before any mounts below it."""
    folder, shallow = new.target.rstrip("/") + "/", new.target.count("/") == 1
    for place, each in enumerate(mounts):
        if each.target.startswith(folder) or each.target == new.target or (shallow and each.target in NAME_FILES):
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


_LINK = re.compile(r"/proc/([0-9]+)/ns/(cgroup|ipc|net|time|user|uts)").fullmatch
_NETWORK = re.compile(r"/run/(?:docker/)?netns/([^/]+)").fullmatch


def _handle(source: str, around: Surroundings) -> str:
    """The root of the mount if a file that stands for a namespace is bound in; empty if it is none."""
    link, network = _LINK(source), _NETWORK(source)
    if link is None and network is None:
        return ""
    kind = "net" if link is None else link[2]
    # the first two processes are in the host's; the engine calls its own network `default`
    hosts = link[1] in ("1", "2") if link is not None else network is not None and network[1] == "default"
    return f"{kind}:[{(around.ground.namespace(kind) if hosts else None) or 1}]"


def _shown(wish: AskedMount, target: str, own: Iterable[Mount], around: Surroundings) -> list[Mount]:
    """`own`: what the runtime mounts at /proc and /sys."""
    source = plain_run(wish.source) if wish.source else wish.source
    if handle := _handle(source, around):
        return [_mount(NO_DEVICE, handle, target, "nsfs", "rw", "rw")]
    words = wish.options.split(",")
    ground, rules = around.ground, rules_of(around.engine)
    known = ground.bindable
    over = [each for each in known if within(source, each[0][2])] if source.startswith("/") else []
    top = _mount(NO_DEVICE, source or "/", target, "ext4", "rw,relatime", "rw")
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
    whole = False
    if not wish.writable:
        since = rules.recursive_read_only_since
        recursive = since is not None and (version_of(around.engine.version) or since) >= since
        whole = recursive and WRITABLE_BELOW not in words
        found = [read_only(mount) if whole or mount is top else mount for mount in found]
    word = _WIDE.get(wish.propagation, "")
    if wish.kind == "volume" and rules.slave_mounts:
        word = "master"  # the daemon makes its directory a shared mount (moby, daemon/daemon_linux.go, setupDaemonRoot)
    others = _others(source, target, own, around) if wish.kind == "bind" and "bind" not in words else []
    if others:
        found += [read_only(mount) if whole and mount is not others[0] else mount for mount in others]
        word = word or ("master" if rules.slave_mounts else "")
    if word:
        group = next(iter(ground.peer_groups), 1)
        found = [mount._replace(optional=f"{word}:{group}") for mount in found]
    return found


def with_words(mount: Mount, words: Sequence[str]) -> Mount:
    """The mount with the requested `nosuid`, `suid` and the like."""
    left = [word for word in mount.options.split(",") if not (word.startswith("no") and word[2:] in words)]
    more = [word for word in words if word in _NO and word not in left]
    return mount._replace(options=",".join((*left, *more)))


def _others(source: str, target: str, own: Iterable[Mount], around: Surroundings) -> list[Mount]:
    """A mount for other containers' root directories below the engine's directory: writable whatever was requested,
    since they are mounted there already, or will be later. And its own, with the runtime's `own` mounts, which are
    there by then, and not masked.
    """
    folder = around.engine.facts.data_root or ("" if around.engine.rootless else rules_of(around.engine).storage)
    if not folder or not within(folder, source):
        return []
    place = f"{target.rstrip('/')}{folder[len(source.rstrip('/')) :]}/overlay/CONTAINER/merged"
    root = _mount(NO_DEVICE, "/", place, "overlay", "rw,relatime", "rw")
    # crun makes them read-only later
    later = not rules_of(around.engine).slave_mounts and not around.engine.rootless
    return [root, *((writable(each) if later else each)._replace(target=place + each.target) for each in own)]


def same_processes(mounts: list[Mount], around: Surroundings) -> list[Mount]:
    """The mounts in the host's PID namespace, where a rootless runtime can only bind the host's own proc."""
    host = next((device for (device, root, place), _ in around.ground.bindable if (root, place) == ("/", "/proc")), "")
    return [mount._replace(device=host) if host and mount.fs_type == "proc" else mount for mount in mounts]


def _mount(device: str, root: str, target: str, kind: str, options: str, super_options: str) -> Mount:
    return Mount(0, 0, device, root, target, options, "", kind, kind, super_options)


def _known(place: str, around: Surroundings) -> bool:
    return any(target == place for _, _, target in around.ground.engine_mounts or around.ground.mounts)


def with_devices(
    mounts: list[Mount], special: SpecialFiles | None, new: Sequence[AskedDevice], around: Surroundings, *, bound: bool
) -> tuple[list[Mount], SpecialFiles | None]:
    """Add device nodes: `bound`, as in a user namespace, else created in the container's own /dev."""
    files = [] if special is None else list(special.files)
    known = {node.path: node for node in around.ground.nodes or ()}
    for device in new:
        place = device.target or device.source
        if device.source in known and not bound:
            files.append(replace(known[device.source], path=place))
        elif bound:
            if device.source in known and around.engine.rootless:  # crun binds nodes that it makes
                files.append(replace(known[device.source], path=place))
            root = device.source.removeprefix("/dev")
            node = _mount(NO_DEVICE, root, place, "devtmpfs", "rw,relatime", "rw")
            mounts = [*(mount for mount in mounts if mount.target != place), node]
        elif device.source in NUMBERS or is_block(device.source):
            kind = "b" if is_block(device.source) else "c"
            major, minor = NUMBERS.get(device.source, (259, 0))
            files.append(SpecialFile(kind, major, minor, 0, 0, 0o660, "0:0:0", place))
    if bound and new:
        mounts = _numbered(mounts)
    if special is None and not files:
        return mounts, None
    return mounts, SpecialFiles(tuple(files), special is not None and special.whole)


def privileged(mount: Mount) -> Mount:
    """The mount in a privileged container, where /sys and the control groups are writable."""
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


# Paths that engines mask and make read-only by default (linux/defaults.py), limited to those that every kernel
# has or that a threat reads: a file that this kernel lacks is not masked.
_OF_FEATURE = {"/proc/kcore": "kcore", "/proc/sysrq-trigger": "sysrq"}  # files that only exist with this feature
_MASKED = ("/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware")
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_FOLDERS = frozenset(("/proc/acpi", "/sys/firmware"))


def nodes_unknown(before: Asked, after: Asked, around: Surroundings) -> bool:
    if around.ground.nodes is not None:
        return False
    if after.privileged and not before.privileged:
        return True
    return any(mount.source in ("/", "/dev") for mount in after.mounts if mount not in before.mounts)


_Change = Callable[[Mount], Mount | None]


def predicted_view(view: MountView, before: Asked, after: Asked, around: Surroundings) -> MountView:
    """The mounts of a container with these options, judged. Raises TooManyError."""
    mounts = list(view.seen)
    for change in _changes(before, after):
        mounts = [changed for mount in mounts if (changed := change(mount)) is not None]
    for target, template in _additions(view, before, after, around):
        mounts = _added(mounts, target, template)
    special = None if view.special is None else replace(view.special, files=_special(view.special.files, before, after))
    bound = around.engine.rootless or own_user_namespace(after)
    if after.pid_mode == "host" and before.pid_mode != "host" and bound:
        mounts = same_processes(mounts, around)
        if rules_of(around.engine).rootlesskit:  # it can't bind it read-only (moby, rootless/specconv, isHostNS)
            mounts = [mount for mount in mounts if not (is_proc_read_only(mount) and within(mount.target, "/proc"))]
    mounts = with_binds(mounts, wished(before, after, around), around)
    devices = [device for device in after.devices if device not in before.devices]
    if after.privileged and not before.privileged:
        devices += [
            AskedDevice(node.path, node.path, "rwm") for node in around.ground.nodes or () if _given(node, around)
        ]
    mounts, special = with_devices(mounts, special, devices, around, bound=bound)
    special = _with_bound_nodes(special, mounts, after, around)
    if special is not None and len(special.files) > _NODES_MOST:
        raise TooManyError
    if (tuple(mounts), after.mounts, special) == (view.seen, before.mounts, view.special):
        return view
    looked = around.ahead.special is not None and around.ahead.special.whole
    return judged(visible(tuple(mounts)), view.container, after.mounts, around, special, looked=looked)


_TERMINAL = re.compile(r"/dev/tty[0-9]+").fullmatch
_NOT_GIVEN = ("/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue", "/dev/.lxc", "/dev/.lxd-mounts", "/dev/.udev")


def _given(node: SpecialFile, around: Surroundings) -> bool:
    """Whether `--privileged` passes it in: runc, libcontainer/devices (GetDevices), whose list Podman's equals, without
    terminals if rootless.
    """
    if around.engine.rootless and rules_of(around.engine).own_users and _TERMINAL(node.path):
        return False
    if node.path in STANDARD_NODES or node.path == "/dev/console":
        return False
    return not any(within(node.path, place) for place in _NOT_GIVEN)


def _with_bound_nodes(
    special: SpecialFiles | None, mounts: Iterable[Mount], after: Asked, around: Surroundings
) -> SpecialFiles | None:
    """Add the host's nodes that its bind mounts show."""
    looked, nodes = around.ahead.special, around.ground.nodes
    if looked is not None:
        files = () if special is None else special.files
        return SpecialFiles((*files, *looked.files), looked.whole)
    if nodes is None:
        return special
    shown = {mount.target for mount in mounts if mount.fs_type == "devtmpfs" or mount.target.endswith("/dev")}
    shown_files = [] if special is None else list(special.files)
    for wish in after.mounts:
        source, target = plain_run(wish.source), plain(wish.target)
        if wish.kind != "bind" or not (within(source, "/dev") or within("/dev", source)):
            continue
        if within("/dev", source) and target.rstrip("/") + "/dev"[len(source.rstrip("/")) :] not in shown:
            continue  # not recursive
        shown_files += [
            replace(node, path=target.rstrip("/") + node.path[len(source.rstrip("/")) :])
            for node in nodes
            if within(node.path, source)
        ]
    return SpecialFiles(tuple(shown_files), special is None or special.whole)


def _special(files: tuple[SpecialFile, ...], before: Asked, after: Asked) -> tuple[SpecialFile, ...]:
    """The special files without device nodes that are no longer passed in."""
    given = {device.target or device.source for device in after.devices}
    if before.privileged and not after.privileged:
        return tuple(item for item in files if not within(item.path, "/dev") or item.path in given)
    left = {device.target or device.source for device in before.devices} - given
    return tuple(item for item in files if item.path not in left)


def _changes(before: Asked, after: Asked) -> Iterable[_Change]:
    if after.read_only_root and not before.read_only_root:
        yield lambda mount: read_only(mount) if mount.target == "/" or mount.target in KEPT_FILES else mount
    wanted = {plain(mount.target): mount for mount in after.mounts}
    gone = tuple(place for place in map(plain, (mount.target for mount in before.mounts)) if place not in wanted)
    if gone:
        yield lambda mount: None if any(within(mount.target, place) for place in gone) else mount
    protected = {
        plain(mount.target)
        for mount in before.mounts
        if mount.writable and (other := wanted.get(plain(mount.target))) is not None and not other.writable
    }
    if protected:
        yield lambda mount: read_only(mount) if mount.target in protected else mount
    given = {
        plain(mount.target)
        for mount in before.mounts
        if not mount.writable and (other := wanted.get(plain(mount.target))) is not None and other.writable
    }
    if before.read_only_root and not after.read_only_root:
        given |= {"/", *KEPT_FILES}
    if given:
        yield lambda mount: writable(mount) if mount.target in given else mount
    bare = _unmasked(after) and not _unmasked(before)
    shown = tuple(place for place in after.unmasked if place not in before.unmasked)
    if bare or shown:
        yield lambda mount: None if guards(mount) and (bare or _named(mount.target, shown)) else mount
    free = {plain(mount.target): mount.options.split(",") for mount in after.mounts if mount.options}
    if free:
        yield lambda mount: with_words(mount, free.get(mount.target, [])) if mount.fs_type == "tmpfs" else mount
    devices = {device.target or device.source for device in before.devices}
    left = devices - {device.target or device.source for device in after.devices}
    if left:
        yield lambda mount: None if mount.target in left else mount
    if before.privileged and not after.privileged:
        yield _unprivileged
    if after.privileged and not before.privileged:
        yield privileged
    if after.ipc_mode in ("none", "host") and before.ipc_mode != after.ipc_mode:
        yield lambda mount: None if mount.target in ("/dev/shm", "/dev/mqueue") else mount


def _named(place: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern matches, as Go's filepath.Match: `*` matches anything but slashes."""
    return any(PurePosixPath(place).match(pattern) for pattern in patterns if pattern.startswith("/"))


def _unprivileged(mount: Mount) -> Mount | None:
    """The mount without `--privileged`: /sys and control groups read-only, and for a rootless engine only the standard
    device nodes.
    """
    if mount.fs_type in ("sysfs", "cgroup", "cgroup2") and within(mount.target, "/sys"):
        return read_only(mount)
    node = mount.fs_type == "devtmpfs" and mount.target.startswith("/dev/")
    return None if node and mount.target not in STANDARD_NODES else mount


def _additions(view: MountView, before: Asked, after: Asked, around: Surroundings) -> Iterable[tuple[str, Mount]]:
    """Targets of mounts to be added, and each mount without its ids and target."""
    empty = Mount(0, 0, "0:0", "/", "", "rw,nosuid,nodev,noexec", "", "tmpfs", "tmpfs", "rw")
    have = {plain(mount.target) for mount in before.mounts}
    for wish in after.mounts:
        if wish.kind == "tmpfs" and plain(wish.target) not in have:
            made = with_words(empty, wish.options.split(","))
            yield plain(wish.target), made if wish.writable else read_only(made)
    if (
        around.engine.rootless
        and rules_of(around.engine).own_users
        and after.network_mode == "host"
        and not _unmasked(after)
        and not _named("/sys/kernel", after.unmasked)
    ):
        # it has to bind the host's /sys, and masks this (containers/podman, pkg/specgen/generate/oci_linux.go)
        yield "/sys/kernel", read_only(empty)
    for place in after.masked:
        if place not in before.masked and place.startswith(("/proc/", "/sys/")):
            yield place, read_only(empty)
    if not (_unmasked(before) and not _unmasked(after)):
        return
    proc = next((mount for mount in view.seen if mount.target == "/proc" and mount.fs_type == "proc"), None)
    targets = {mount.target for mount in view.seen}
    if proc is None:
        return
    lacking = {place for place, feature in _OF_FEATURE.items() if around.ground.feature(feature) is False}
    for place in _READ_ONLY:
        if place not in targets and place not in lacking:
            yield place, read_only(proc._replace(root=place.removeprefix("/proc")))
    masked = surely_masked(rules_of(around.engine).measure, around.engine.version)
    for place in _MASKED:
        if place in masked and place not in targets and place not in lacking:
            hidden = read_only(empty) if place in _FOLDERS else empty._replace(root="/null", fs_type="devtmpfs")
            yield place, hidden


def _unmasked(asked: Asked) -> bool:
    return asked.privileged or asked.masked_paths == ()


def _added(mounts: list[Mount], target: str, template: Mount) -> list[Mount]:
    above = deciding(target, mounts)
    number = max((mount.id for mount in mounts), default=0) + 1
    return [*mounts, template._replace(id=number, parent=0 if above is None else above.id, target=target)]
