"""/proc/PID/mountinfo: parses it, finds which mounts are visible and which paths are masked or read-only.

Written for speed: a container has some 30 lines and a report hundreds of containers, so options stay text and the full
path walk only runs where mounts cover one another. Fields and escapes: proc_pid_mountinfo(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError

UNION = frozenset({"overlay", "fuse.fuse-overlayfs"})  # file system types that stack on others
_ESCAPE = re.compile(r"\\([0-7]{3})")
_SPECIAL = re.compile(r"[ \t\n\\#]")


class Propagation(StrEnum):
    """How mount events propagate, mount_namespaces(7)."""

    PRIVATE = "private"
    SLAVE = "slave"  # receives from a master
    SHARED = "shared"  # sends to its peers and receives from them
    UNBINDABLE = "unbindable"


class Mount(NamedTuple):
    """One line. A NamedTuple, as thousands are made per second: four times faster than a frozen dataclass.

    `root` is the path inside its file system that appears at `target`; `optional` the propagation fields as text
    (`shared:1 master:2`); `options` of this mount and `super_options` of the file system start with `ro` or `rw`.
    """

    id: int
    parent: int
    device: str  # "254:0"
    root: str
    target: str
    options: str
    optional: str
    fs_type: str
    source: str
    super_options: str

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written through it: this mount or the whole file system is read-only."""
        return self.options.startswith("ro") or self.super_options.startswith("ro")

    @property
    def propagation(self) -> Propagation:
        """Shared wins over slave if a mount is both: it still sends mount events."""
        if not self.optional:
            return Propagation.PRIVATE
        if "shared:" in self.optional:
            return Propagation.SHARED
        if "master:" in self.optional:
            return Propagation.SLAVE
        return Propagation.UNBINDABLE if "unbindable" in self.optional else Propagation.PRIVATE

    @property
    def peer_group(self) -> int | None:
        """The peer group whose members share mount events (mount_namespaces(7)); None if it is not shared."""
        for word in self.optional.split():
            kind, _, number = word.partition(":")
            if kind == "shared" and number.isascii() and number.isdigit():
                return int(number)
        return None


def _unescape(text: str) -> str:
    # the kernel writes space, tab, newline, backslash (and # in a source) as octal, three digits each
    return _ESCAPE.sub(lambda found: _character(int(found.group(1), 8)), text)


def _character(value: int) -> str:
    return chr(value) if value < 0x80 else chr(0xDC00 + (value & 0xFF))  # a byte, as surrogateescape maps it


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """Parse all lines, in order; raises DecodeError, which gives the line number."""
    mounts = []
    escaped = "\\" in text
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        words = line.split(" ", 4)
        rest = _rest(words[4]) if len(words) == 5 else None
        if rest is None or words[3] == "-" or words[2] == "-" or (escaped and "\\" in line):
            mounts.append(_mount(number, line))
            continue
        try:
            ids = int(words[0]), int(words[1])
            mounts.append(_new(Mount, (*ids, words[2], words[3], *rest)))
        except ValueError:
            mounts.append(_mount(number, line))  # raises with the reason
    return tuple(mounts)


_new = tuple.__new__  # what Mount(…) ends up calling, without its overhead


@remembered()
def _rest(text: str) -> tuple[str, str, str, str, str, str] | None:
    """A line without escapes, from its target on; cached, as an engine's containers share most. None: parse fully."""
    head, dash, tail = text.partition(" - ")
    first = head.split(" ", 2)
    last = tail.split(" ", 2)
    if not dash or len(first) < 2 or len(last) < 3 or not first[0].startswith("/"):
        return None
    return first[0], first[1], first[2] if len(first) > 2 else "", last[0], last[1], last[2]


def _mount(number: int, line: str) -> Mount:
    """Parse one line with escapes; raises with the reason if it is invalid."""
    head, dash, tail = line.partition(" - ")
    first = head.split(" ", 6)
    last = tail.split(" ", 2)
    if not dash or len(first) < 6 or len(last) < 3:
        raise DecodeError(f"mountinfo, line {number}: fields are missing: {line[:80]!r}")
    try:
        mount = Mount(
            int(first[0]),
            int(first[1]),
            first[2],
            _unescape(first[3]),
            _unescape(first[4]),
            first[5],
            first[6] if len(first) > 6 else "",
            last[0],
            _unescape(last[1]),
            last[2],
        )
    except ValueError:
        raise DecodeError(f"mountinfo, line {number}: no mount ids: {line[:80]!r}") from None
    if not mount.target.startswith("/"):
        raise DecodeError(f"mountinfo, line {number}: not a path: {mount.target[:80]!r}")
    return mount


def listed(mounts: Iterable[Mount]) -> str:
    """The text that these are parsed from."""
    lines = []
    for mount in mounts:
        root, target, source = map(_escape, (mount.root, mount.target, mount.source))
        optional = f" {mount.optional}" if mount.optional else ""
        head = f"{mount.id} {mount.parent} {mount.device} {root} {target} {mount.options}{optional}"
        lines.append(f"{head} - {mount.fs_type} {source} {mount.super_options}\n")
    return "".join(lines)


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{ord(found[0]):03o}", text)


def any_idmapped(text: str) -> bool:
    """Whether a mount has an id map of its own (mount_setattr(2)): the kernel shows `idmapped` among its options."""
    return ",idmapped" in text


def cached_mountinfo(text: str) -> tuple[Mount, ...]:
    """`parse_mountinfo`, cached: an unchanged container has the same text."""
    return _lists(text)[0]


def visible_of(text: str) -> tuple[Mount, ...]:
    """The mounts a process with this list can reach. Raises DecodeError."""
    return _lists(text)[1]


@remembered()
def _lists(text: str) -> tuple[tuple[Mount, ...], tuple[Mount, ...]]:
    """All mounts, and the visible ones; usually the same."""
    mounts = parse_mountinfo(text)
    return mounts, visible(mounts)


def visible(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """The mounts that a path still reaches: a later mount hides everything below its target. A mount over a hidden one
    gets the mount below that as its parent, so this returns its own result unchanged.
    """
    above = _above(tuple([mount.target for mount in mounts]))
    if above is None:
        return _walked(mounts)
    for mount, place in zip(mounts, above, strict=True):
        if place is not None and mounts[place].id != mount.parent:
            return _walked(mounts)
    return mounts


@remembered()
def _above(targets: tuple[str, ...]) -> tuple[int | None, ...] | None:
    """The index of the mount each target's parent directory is on, if nothing covers anything; None for the root.

    None instead of a tuple if that can't be: two mounts at one place, or one without a parent.
    """
    places = {target: place for place, target in enumerate(targets)}
    if len(places) != len(targets):
        return None
    above: list[int | None] = []
    for target in targets:
        found = None if target == "/" else _nearest(places, target)
        if found is None and target != "/":
            return None
        above.append(found)
    return tuple(above)


def _nearest(places: dict[str, int], target: str) -> int | None:
    while target:
        target = target[: target.rindex("/")]
        found = places.get(target or "/")
        if found is not None:
            return found
    return None


def _walked(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Slow but certain: resolve each target from the root, mount by mount."""
    ids = {mount.id for mount in mounts}
    children = {(mount.parent, mount.target): mount.id for mount in mounts if mount.parent != mount.id}
    start = next((mount.id for mount in mounts if mount.target == "/" and mount.parent not in ids), None)
    if start is None:
        start = next((mount.id for mount in mounts if mount.target == "/"), None)
    if start is None:
        return mounts
    tops: dict[tuple[int, str], int] = {}  # cached, since with thousands stacked each would walk the same chain
    reached = {mount.id for mount in mounts if _resolve(children, tops, start, mount.target) == mount.id}
    parents = {mount.id: mount.parent for mount in mounts if mount.id not in reached}
    return tuple(_put_over(mount, parents) for mount in mounts if mount.id in reached)


def _put_over(mount: Mount, hidden: Mapping[int, int]) -> Mount:
    """Give a visible mount the parent below hidden ones; `hidden` maps their ids to their parents."""
    parent, passed = mount.parent, set[int]()
    while parent in hidden and parent not in passed:
        passed.add(parent)
        parent = hidden[parent]
    return mount if parent == mount.parent else mount._replace(parent=parent)


_Children = dict[tuple[int, str], int]


def _resolve(children: _Children, tops: _Children, start: int, target: str) -> int:
    current = _topmost(children, tops, start, "/")
    path = ""
    for part in target.split("/"):
        if part:
            path = f"{path}/{part}"
            current = _topmost(children, tops, current, path)
    return current


def _topmost(children: _Children, tops: _Children, current: int, path: str) -> int:
    known = tops.get((current, path))
    if known is not None:
        return known
    first, seen = current, {current}
    while (above := children.get((current, path))) is not None and above not in seen:
        seen.add(above)
        current = above
    tops[first, path] = current
    return current


def root_mount(mounts: tuple[Mount, ...]) -> Mount | None:
    """The mount at `/`; None if the process's root is no mount (chroot). Pass visible mounts."""
    return next((mount for mount in mounts if mount.target == "/"), None)


# Where the kernel makes a directory only to mount on (sysfs_create_mount_point, register_sysctl_mount_point)
_MOUNT_POINTS = frozenset(
    (
        *("/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd", "/sys/fs/cgroup", "/sys/fs/bpf", "/sys/fs/pstore"),
        *("/sys/fs/fuse/connections", "/sys/fs/selinux", "/sys/fs/smackfs", "/sys/hypervisor/s390"),
        *("/sys/kernel/config", "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing"),
        *("/sys/firmware/efi/efivars",),
    )
)


def seen_whole(mounts: tuple[Mount, ...]) -> tuple[tuple[str, bool], ...]:
    """Which of proc and sysfs is mounted whole somewhere, with nothing over it; and whether writable.

    Only these may be mounted anew in a mount namespace of another than the initial user namespace, and no more writable
    than they are there, if what lies over them can't be taken away: mount_too_revealing, fs/namespace.c.
    """
    covered = {mount.parent for mount in mounts if mount.target not in _MOUNT_POINTS}
    found: dict[str, bool] = {}
    for mount in mounts:
        if mount.fs_type in ("proc", "sysfs") and mount.root == "/" and mount.id not in covered:
            found[mount.fs_type] = found.get(mount.fs_type, False) or not mount.read_only
    return tuple(sorted(found.items()))


def is_mask(mount: Mount) -> bool:
    """Whether it hides a path in /proc or /sys: an empty read-only tmpfs, or /dev/null.

    runc and crun cover directories with a read-only tmpfs and files with the null device; newer crun binds an empty
    directory of its own.
    """
    if not mount.target.startswith(("/proc/", "/sys/")):
        return False
    if mount.root == "/null":
        return mount.fs_type in ("tmpfs", "devtmpfs")
    if not mount.read_only:
        return False
    return (mount.fs_type == "tmpfs" and mount.root == "/") or mount.root.endswith("/.empty-directory")


def is_proc_read_only(mount: Mount) -> bool:
    """Whether it is a part of /proc bind-mounted read-only onto itself."""
    return mount.fs_type == "proc" and mount.target.startswith("/proc/") and mount.read_only
