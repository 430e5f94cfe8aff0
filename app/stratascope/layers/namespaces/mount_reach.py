"""What a process can reach through its mounts: kernel files, devices, host file systems, control groups.

The namespace stances are based on this. A kernel file is reached through any mount of proc or sysfs that shows it and
is not covered there: `-v /proc:/host/proc` exposes again what is masked below /proc. Which mounts are masks does not
matter: whatever else is mounted on a file hides it.

A bind mount of /sys/fs/cgroup shows groups above the process's own, and so a way out of all limits and device rules. A
mount's root in mountinfo, compared with the process's own path in /proc/PID/cgroup, says which part of the tree it
shows: both are relative to the reader's cgroup namespace (cgroup_namespaces(7)), and so comparable. Decided against
going by paths below /sys/fs/cgroup: a bind mount may be anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from stratascope.bounded_cache import remembered
from stratascope.core.threats.needs import GroupUse
from stratascope.linux.cgroup import Membership
from stratascope.linux.mounts import UNION, Mount
from stratascope.value import Value

# The kernel's file systems, and where each usually is. One below another is a file system of its own
_KERNEL = {
    "proc": "/proc",
    "sysfs": "/sys",
    "binfmt_misc": "/proc/sys/fs/binfmt_misc",
    "bpf": "/sys/fs/bpf",
    "configfs": "/sys/kernel/config",
    "debugfs": "/sys/kernel/debug",
    "efivarfs": "/sys/firmware/efi/efivars",
    "fusectl": "/sys/fs/fuse/connections",
    "pstore": "/sys/fs/pstore",
    "securityfs": "/sys/kernel/security",
    "tracefs": "/sys/kernel/tracing",
}
_WITHIN = tuple(place for place in _KERNEL.values() if place not in ("/proc", "/sys"))
# File systems that hold no file of the host and can't store anything for long
_PSEUDO = frozenset({"proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "nsfs", "debugfs", "tracefs"})
_PROCESS = re.compile(r"/[0-9]+(?:/|$)").match
_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})


class KernelPath(StrEnum):
    """How a file of proc or sysfs can be reached."""

    WRITABLE = "writable"
    READ_ONLY = "read-only"
    COVERED = "covered"
    ABSENT = "absent"  # no such file system is visible


_Kernel = tuple[str, str, bool]  # the target of a mount of proc or sysfs, what it shows ("/proc/sys"), writable


class MountReach(Value, cache_hash=True):
    """What the mounts give access to. Places are paths inside the container; "" means none."""

    kernel: tuple[_Kernel, ...]
    covered: tuple[str, ...]  # targets below these where something else is mounted
    root_writable: bool | None  # None: its root directory is no mount
    root_set_uid: bool | None  # whether set-uid files on the root directory's file system take effect
    node_place: str  # where a created device node can be opened: writable, and without nodev
    disk_place: str  # where it can fill a disk, or a tmpfs of the host
    host_file_system: str  # a file or directory on a file system of the host
    host_writable: str  # one of those not mounted read-only
    # the host's settings below /proc/sys that are writable through a bind mount elsewhere: the kind of namespace that
    # they belong to ("": the whole machine's), and the place
    settings: tuple[tuple[str, str], ...] = ()
    host_processes: str = ""  # the host's proc, with all its processes
    foreign_processes: str = ""  # a proc, or a part of one, that shows unknown processes
    host_first: str = ""  # the directory of the host's first process in its proc


def reach_of(seen: tuple[Mount, ...], root: Mount | None, host: tuple[tuple[str, str, str], ...]) -> MountReach:
    """Compute it from the visible mounts, the one at `/`, and the host's own (device, root, target)."""
    kernel: list[_Kernel] = []
    others: list[str] = []
    node_place = disk_place = host_place = host_writable = ""
    devices = _devices(host)
    own_dev = host_processes = foreign_processes = host_first = ""
    own_proc = next((mount.device for mount in seen if mount.target == "/proc"), "")
    for mount in seen:
        kind, target, inside = mount.fs_type, mount.target, mount.root
        shown = _KERNEL.get(kind)
        if shown is not None:
            kernel.append((target, shown if inside == "/" else shown + inside, not mount.read_only))
            if kind == "proc" and (inside == "/" or _PROCESS(inside)):
                # before Linux 5.8 all procs of a PID namespace are one file system; since then each mount is its own
                if inside == "/1" and mount.device in devices:
                    host_first = host_first or target
                if inside == "/" and mount.device in devices:
                    host_processes = host_processes or target
                elif mount.device in devices or (mount.device != own_proc and target != "/proc"):
                    foreign_processes = foreign_processes or target
            continue
        others.append(target)
        if kind in _PSEUDO:
            continue
        if kind == "tmpfs" and target == "/dev" and inside == "/":
            own_dev = mount.device
        whole = inside == "/"
        if not whole and (mount.device == own_dev or inside == "/null" or (kind == "tmpfs" and mount.source == "none")):
            continue  # a mask (engines hide files with their null device), or a device node made by the runtime
        if host_writable and disk_place and node_place:
            continue
        # a whole file system that only this container has is its own; a bind mount shows a part of another one
        union = kind in UNION
        foreign = mount.device in devices or (not union and (not whole or kind not in _MEMORY))
        if foreign and not host_place:
            host_place = target
        if not mount.read_only:
            if foreign and not host_writable and kind not in _MEMORY:  # a file system in memory has no quota
                host_writable = target
            if not node_place and "nodev" not in mount.options:
                node_place = target
            if not disk_place and kind != "devtmpfs" and (union or foreign):
                disk_place = target
    below = tuple([f"{place}/" for place, _, _ in kernel])
    covered = tuple([target for target in others if target.startswith(below)])
    return MountReach(
        tuple(kernel),
        covered,
        None if root is None else not root.read_only,
        None if root is None else "nosuid" not in root.options,
        node_place,
        disk_place,
        host_place,
        host_writable,
        _settings(kernel, covered),
        host_processes,
        foreign_processes,
        host_first,
    )


def kernel_path(reach: MountReach, path: str, *, bound: bool = False) -> KernelPath:
    """The best access any mount gives to that file, named by its usual path (`/proc/sys/kernel/modprobe`).

    `bound`: only by mounts that show it at another path.
    """
    best, kind = KernelPath.ABSENT, _kind(path)
    for place, shown, writable in reach.kernel:
        if not _within(path, shown) or _kind(shown) != kind or (bound and place == shown):
            continue
        if _decisive(reach.kernel, reach.covered, place + path[len(shown) :]) != place:
            best = KernelPath.COVERED if best is KernelPath.ABSENT else best
        elif writable:
            return KernelPath.WRITABLE
        else:
            best = KernelPath.READ_ONLY
    return best


def _kind(path: str) -> str:
    """Where the file system that has this path usually is; empty: proc or sysfs."""
    return next((place for place in _WITHIN if _within(path, place)), "")


def covering(reach: MountReach, path: str) -> str:
    """The target of the mount that decides access to a path."""
    return _decisive(reach.kernel, reach.covered, path)


def _decisive(kernel: Iterable[_Kernel], covered: Iterable[str], path: str) -> str:
    places: Iterable[str] = (*(place for place, _, _ in kernel), *covered)
    return max((place for place in places if _within(path, place)), key=len, default="")


_SYSCTLS = "/proc/sys"
# Settings of a namespace: the file shows those of whoever opens it, wherever it was bound from
_OF_NAMESPACES = {
    "/proc/sys/net": "net",
    "/proc/sys/fs/mqueue": "ipc",
    **{f"/proc/sys/kernel/{name}": "ipc" for name in ("auto_msgmni", "msg_next_id", "msgmax", "msgmnb", "msgmni", "sem",
       "sem_next_id", "shm_next_id", "shm_rmid_forced", "shmall", "shmmax", "shmmni")},
    "/proc/sys/kernel/hostname": "uts",
    "/proc/sys/kernel/domainname": "uts",
    "/proc/sys/kernel/ns_last_pid": "pid",
    "/proc/sys/vm/memfd_noexec": "pid",
    "/proc/sys/user": "user",
}  # fmt: skip
# Mode 0444, for root as well (test_perm, fs/proc/proc_sysctl.c)
_NEVER_WRITABLE = re.compile(
    r"/proc/sys/(?:kernel/(?:arch|bootloader_(?:type|version)|cap_last_cap|core_modes|hung_task_detect_count|ngroups_max"
    r"|osrelease|ostype|pty/nr|random/(?:boot_id|entropy_avail|poolsize|uuid)|seccomp/actions_avail|version)"
    r"|fs/(?:aio-nr|dentry-state|file-nr|inode-nr|inode-state|quota/(?!warnings).+))"
).fullmatch
_SAMPLES = ("kernel/modprobe", "vm/overcommit_memory", "fs/suid_dumpable")


def _settings(kernel: list[_Kernel], covered: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = []
    for place, shown, writable in kernel:
        if not writable or place == shown or not (_within(shown, _SYSCTLS) or _within(_SYSCTLS, shown)):
            continue
        if _within(_SYSCTLS, shown):
            samples = [f"{place}{_SYSCTLS[len(shown) :]}/{name}" for name in _SAMPLES]
            if any(_decisive(kernel, covered, sample) == place for sample in samples):
                found.append(("", place))
        elif not _NEVER_WRITABLE(shown):
            kind = next((kind for part, kind in _OF_NAMESPACES.items() if _within(shown, part)), "")
            found.append((kind, place))
    return tuple(found)


@remembered()
def _devices(host: tuple[tuple[str, str, str], ...]) -> frozenset[str]:
    return frozenset(device for device, _, _ in host)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


_TREES = frozenset({"cgroup", "cgroup2"})


class Shown(StrEnum):
    """The part of its tree that a mount shows."""

    TOP = "top"  # all of it
    ABOVE = "above"  # from a group between the root and its own
    OWN = "own"
    BESIDE = "beside"  # not including its own group


class Tree(Value):
    """A writable mount of a tree. `controllers` is empty for v2."""

    place: str
    controllers: tuple[str, ...]
    shown: Shown


class GroupReach(Value):
    """The visible trees, and which controllers are in which version; see `group_reach`."""

    trees: tuple[Tree, ...]
    old: tuple[str, ...]  # controllers on v1; all others are on v2
    delegated: bool | None  # whether v2 restricts writes across a cgroup namespace (nsdelegate); None: unknown


def group_reach(seen: tuple[Mount, ...], memberships: tuple[Membership, ...]) -> GroupReach:
    """Compute it from the visible mounts and the lines of /proc/PID/cgroup."""
    trees: list[Tree] = []
    delegated: bool | None = None
    for mount in seen:
        if mount.fs_type not in _TREES:
            continue
        second = mount.fs_type == "cgroup2"
        words = frozenset(mount.super_options.split(","))
        if second:
            delegated = "nsdelegate" in words
        if mount.read_only:
            continue
        line = next((line for line in memberships if _is_of(line, words, second=second)), None)
        if line is not None:
            trees.append(Tree(mount.target, line.controllers, _shown(mount.root, line.path)))
    old = [name for line in memberships if line.hierarchy for name in line.controllers]
    return GroupReach(tuple(trees), tuple(old), delegated)


def tree_for(reach: GroupReach, controller: str, use: GroupUse, *, hosts: bool) -> Tree | None:
    """The tree that allows that use. `hosts`: the process is in the host's cgroup namespace.

    On v2 with nsdelegate, a cgroup namespace of its own prevents it: cgroup_procs_write_permission and
    cgroup_file_write, kernel/cgroup/cgroup.c.
    """
    for tree in reach.trees:
        if use is GroupUse.AGENT:
            if tree.controllers and tree.shown is Shown.TOP:
                return tree
            continue
        if controller in tree.controllers or (not tree.controllers and controller not in reach.old):
            free = bool(tree.controllers) or hosts or reach.delegated is False
            if free and (tree.shown is Shown.TOP or (use is GroupUse.LIMIT and tree.shown is not Shown.BESIDE)):
                return tree
    return None


def _is_of(line: Membership, words: frozenset[str], *, second: bool) -> bool:
    if second:
        return line.hierarchy == 0
    return line.hierarchy != 0 and bool(line.controllers) and words.issuperset(line.controllers)


def _shown(root: str, own: str) -> Shown:
    # "/.." is above the root of the reader's own cgroup namespace; only the initial one has nothing above
    if root == "/" or not root.strip("/."):
        return Shown.TOP
    if root == own:
        return Shown.OWN
    return Shown.ABOVE if own.startswith(f"{root}/") else Shown.BESIDE
