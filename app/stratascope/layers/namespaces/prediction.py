"""Predicts the namespaces and mounts of a relaunched container. Pure.

The current mounts are changed as the engine would change them, and judged by the same code as those read. A namespace
that is yet to be created has no inode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from stratascope.core.container import Asked
from stratascope.core.ground import Surroundings
from stratascope.core.options.capabilities import bounding, same_start, starts_as_root
from stratascope.core.sharing import OWN_MODES
from stratascope.core.special_files import SpecialFile
from stratascope.layers.namespaces.facts import NamespaceFact, NamespacesFacts
from stratascope.layers.namespaces.mounts import MountView, judged
from stratascope.layers.namespaces.predicted_mounts import (
    guards,
    privileged,
    read_only,
    same_processes,
    wished,
    with_binds,
    with_devices,
    with_words,
    writable,
)
from stratascope.layers.shared.host_paths import within
from stratascope.layers.shared.toggle_values import hosts_after, own_user_namespace_after, shared_mode
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.defaults.settings import surely_masked
from stratascope.linux.mounts import Mount, visible
from stratascope.linux.namespace import Kind
from stratascope.value import replace

_TAKE_IDS = CapabilitySet.of(("CAP_SETUID", "CAP_SYS_PTRACE"))
# Paths that engines mask and make read-only by default (linux/defaults/settings.py), limited to those that every kernel
# has or that a threat reads: a file that this kernel lacks is not masked.
_OF_FEATURE = {"/proc/kcore": "kcore", "/proc/sysrq-trigger": "sysrq"}  # files that only exist with this feature
_MASKED = ("/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware")
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_FOLDERS = frozenset(("/proc/acpi", "/sys/firmware"))
# Files that the engines bind for each container; a read-only root directory makes them read-only too
_KEPT = frozenset(("/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/run/.containerenv"))
_STANDARD = frozenset(f"/dev/{name}" for name in ("null", "zero", "full", "tty", "random", "urandom", "console"))


def predict(facts: NamespacesFacts | None, before: Asked, after: Asked, around: Surroundings) -> NamespacesFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    found = {
        kind: _with_others(
            _fact(kind, facts.of(kind), getattr(before, field), getattr(after, field), around),
            around.peers.requested_of(kind),
        )
        for kind, field in OWN_MODES
    }
    own = own_user_namespace_after(before, after, around.engine)
    user = facts.user if own is None else _new(facts.user) if own else _hosts(facts.user)
    foreign = after.foreign_mounts and not before.foreign_mounts
    view = None if facts.mounts is None or foreign else _view(facts.mounts, before, after, around)
    return replace(
        facts,
        pid=found["pid"],
        ipc=found["ipc"],
        uts=found["uts"],
        net=found["net"],
        cgroup=found["cgroup"],
        mnt=_again(facts.mnt),
        user=user,
        root_read_only=None if view is None else view.root_read_only,
        masked_paths=None if view is None else len(view.masked),
        read_only_paths=None if view is None else len(view.read_only),
        engine_sockets=None if view is None else view.engine_sockets,
        host_paths=None if view is None else view.host_paths,
        # the nodes a privileged container gets are unknown before it starts
        devices=None if view is None or _nodes_unknown(before, after) else view.devices,
        propagation=None if view is None else view.propagation,
        mounts=view,
        host_root=_host_root(facts.host_root, before, after, own),
        takes_ids=_takes_ids(facts.takes_ids, before, after, around),
        without_root=facts.without_root if own is None else (),
        ids_unread=facts.ids_unread if own is None else (*facts.without_root, *facts.ids_unread),
    )


def _fact(
    kind: str, fact: NamespaceFact | None, was: str, mode: str, around: Surroundings
) -> NamespaceFact | None:  # fmt: skip
    if was != mode:
        if hosts_after(mode, around, network=kind == Kind.NET):
            return _hosts(fact)
        if mode == "pod" and kind == Kind.PID and fact is not None:
            # its pod's first process's; who else will be in it is unknown
            return replace(fact, inode=None, shared_with_host=False, shared_with=None)
        return None if shared_mode(mode) else _new(fact)
    return fact if shared_mode(mode) else _again(fact)


def _with_others(fact: NamespaceFact | None, others: tuple[str, ...]) -> NamespaceFact | None:
    """Containers that will join a namespace of its own, or its pod's, share it."""
    if fact is None or not others or fact.shared_with or fact.shared_with_host is not False:
        return fact
    return replace(fact, shared_with=others)


def _new(fact: NamespaceFact | None) -> NamespaceFact | None:
    """One that the engine will create for it alone; None if the kind could not be read."""
    return None if fact is None else replace(fact, inode=None, shared_with_host=False, shared_with=())


def _hosts(fact: NamespaceFact | None) -> NamespaceFact | None:
    return None if fact is None else replace(fact, inode=None, shared_with_host=True, shared_with=())


def _again(fact: NamespaceFact | None) -> NamespaceFact | None:
    """What was not private though requested (a kernel without that kind) won't be then either."""
    return None if fact is None else replace(fact, inode=None)


def _host_root(now: bool | None, before: Asked, after: Asked, own: bool | None) -> bool | None:
    if before.user != after.user and not starts_as_root(after):
        return False
    if own is False:
        return starts_as_root(after)
    if own:
        return None if now else now
    return now if before.user == after.user or (starts_as_root(before) and starts_as_root(after)) else None


def _takes_ids(now: bool | None, before: Asked, after: Asked, around: Surroundings) -> bool | None:
    if same_start(before, after):
        return now
    if not bounding(after, around.engine) & _TAKE_IDS:
        return False
    return now if now is False or starts_as_root(after) else False


def _nodes_unknown(before: Asked, after: Asked) -> bool:
    if after.privileged and not before.privileged:
        return True
    return any(mount.source in ("/", "/dev") for mount in after.mounts if mount not in before.mounts)


_Change = Callable[[Mount], Mount | None]


def _view(view: MountView, before: Asked, after: Asked, around: Surroundings) -> MountView:
    mounts = list(view.seen)
    for change in _changes(before, after):
        mounts = [changed for mount in mounts if (changed := change(mount)) is not None]
    for target, template in _additions(view, before, after, around):
        mounts = _added(mounts, target, template)
    special = None if view.special is None else replace(view.special, files=_special(view.special.files, before, after))
    if after.pid_mode == "host" and before.pid_mode != "host" and around.engine.rootless:
        mounts = same_processes(mounts, around)
    mounts = with_binds(mounts, wished(before, after, around), around)
    devices = [device for device in after.devices if device not in before.devices]
    mounts, special = with_devices(mounts, special, devices, around)
    if (tuple(mounts), after.mounts, special) == (view.seen, before.mounts, view.special):
        return view
    return judged(visible(tuple(mounts)), view.container, after.mounts, around, special)


def _special(files: tuple[SpecialFile, ...], before: Asked, after: Asked) -> tuple[SpecialFile, ...]:
    """Without the device nodes that are no longer passed in."""
    given = {device.target or device.source for device in after.devices}
    if before.privileged and not after.privileged:
        return tuple(item for item in files if not within(item.path, "/dev") or item.path in given)
    left = {device.target or device.source for device in before.devices} - given
    return tuple(item for item in files if item.path not in left)


def _changes(before: Asked, after: Asked) -> Iterable[_Change]:
    if after.read_only_root and not before.read_only_root:
        yield lambda mount: read_only(mount) if mount.target == "/" or mount.target in _KEPT else mount
    wanted = {_place(mount.target): mount for mount in after.mounts}
    gone = tuple(place for place in map(_place, (mount.target for mount in before.mounts)) if place not in wanted)
    if gone:
        yield lambda mount: None if any(within(mount.target, place) for place in gone) else mount
    protected = {
        _place(mount.target)
        for mount in before.mounts
        if mount.writable and (other := wanted.get(_place(mount.target))) is not None and not other.writable
    }
    if protected:
        yield lambda mount: read_only(mount) if mount.target in protected else mount
    given = {
        _place(mount.target)
        for mount in before.mounts
        if not mount.writable and (other := wanted.get(_place(mount.target))) is not None and other.writable
    }
    if before.read_only_root and not after.read_only_root:
        given |= {"/", *_KEPT}
    if given:
        yield lambda mount: writable(mount) if mount.target in given else mount
    bare = _unmasked(after) and not _unmasked(before)
    shown = tuple(place for place in after.unmasked if place not in before.unmasked)
    if bare or shown:
        yield lambda mount: None if guards(mount) and (bare or _named(mount.target, shown)) else mount
    free = {_place(mount.target): mount.options.split(",") for mount in after.mounts if mount.options}
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
    """Go's filepath.Match: `*` matches anything but slashes."""
    return any(PurePosixPath(place).match(pattern) for pattern in patterns if pattern.startswith("/"))


def _unprivileged(mount: Mount) -> Mount | None:
    """/sys and the control groups become read-only, and a rootless engine only binds the standard device nodes."""
    if mount.fs_type in ("sysfs", "cgroup", "cgroup2") and within(mount.target, "/sys"):
        return read_only(mount)
    node = mount.fs_type == "devtmpfs" and mount.target.startswith("/dev/")
    return None if node and mount.target not in _STANDARD else mount


def _additions(view: MountView, before: Asked, after: Asked, around: Surroundings) -> Iterable[tuple[str, Mount]]:
    """Targets of mounts to be added, and each mount without its ids and target."""
    empty = Mount(0, 0, "0:0", "/", "", "rw,nosuid,nodev,noexec", "", "tmpfs", "tmpfs", "rw")
    have = {_place(mount.target) for mount in before.mounts}
    for wish in after.mounts:
        if wish.kind == "tmpfs" and _place(wish.target) not in have:
            yield _place(wish.target), with_words(empty, wish.options.split(","))
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
    masked = surely_masked(around.engine.kind, around.engine.version)
    for place in _MASKED:
        if place in masked and place not in targets and place not in lacking:
            hidden = read_only(empty) if place in _FOLDERS else empty._replace(root="/null", fs_type="devtmpfs")
            yield place, hidden


def _unmasked(asked: Asked) -> bool:
    return asked.privileged or asked.masked_paths == ()


def _added(mounts: list[Mount], target: str, template: Mount) -> list[Mount]:
    above = max(
        (mount for mount in mounts if within(target, mount.target)), key=lambda mount: len(mount.target), default=None
    )
    number = max((mount.id for mount in mounts), default=0) + 1
    return [*mounts, template._replace(id=number, parent=0 if above is None else above.id, target=target)]


def _place(target: str) -> str:
    return target.rstrip("/") or "/"
