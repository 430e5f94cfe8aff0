"""Namespace links in /proc/PID/ns, and the id maps of user namespaces (namespaces(7), user_namespaces(7)).

Two processes share a namespace exactly if the links name the same inode; the device is ignored, because all namespaces
of a kernel are in one nsfs.

uid_map and gid_map are ranges of ids inside a user namespace, and what they are outside, as seen from the reader's user
namespace: read from the initial one, these are the host's ids. Up to 340 lines since Linux 4.15; an empty map is valid
and maps nothing. A mount may have such maps too (mount_setattr(2)), reported by statmount(2). There the disk takes the
container's place: first the id in the file system, then what processes see.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.value import Value


class Namespace(StrEnum):
    """The eight kinds, named as their links in /proc/PID/ns."""

    CGROUP = "cgroup"
    IPC = "ipc"
    MNT = "mnt"
    NET = "net"
    PID = "pid"
    TIME = "time"
    USER = "user"
    UTS = "uts"


# The initial namespaces of these kinds have had fixed inodes since Linux 3.8: include/linux/proc_ns.h. net and mnt got
# theirs later and are left out: on older kernels such a number would be some other namespace.
INITIAL_INODES: dict[Namespace, int] = {
    Namespace.IPC: 0xEFFFFFFF,
    Namespace.UTS: 0xEFFFFFFE,
    Namespace.USER: 0xEFFFFFFD,
    Namespace.PID: 0xEFFFFFFC,
    Namespace.CGROUP: 0xEFFFFFFB,
    Namespace.TIME: 0xEFFFFFFA,
}

_BY_NAME = {kind.value: kind for kind in Namespace}
_MAX_INODE = 0xFFFFFFFFFFFFFFFF  # ns_common.inum is 32 bits wide, but nsfs inode numbers are 64


class NamespaceLink(Value):
    """`net:[4026531840]`, parsed."""

    kind: Namespace
    inode: int


@remembered()
def parse_link(text: str) -> NamespaceLink:
    """Parse the target of a /proc/PID/ns link, `KIND:[INODE]`; raises DecodeError."""
    link = text.strip()
    name, separator, rest = link.partition(":[")
    kind = _BY_NAME.get(name)
    digits = rest[:-1]
    if kind is None or not separator or not rest.endswith("]") or not digits.isascii() or not digits.isdigit():
        raise DecodeError(f"not a namespace link: {text[:80]!r}")
    if len(digits) > 20 or not 0 < int(digits) <= _MAX_INODE:
        raise DecodeError(f"namespace inode out of range: {text[:80]!r}")
    return NamespaceLink(kind, int(digits))


def is_initial(kind: Namespace, inode: int) -> bool | None:
    """Whether this is the kernel's initial namespace of its kind; None if no inode is fixed (net, mnt)."""
    fixed = INITIAL_INODES.get(kind)
    return None if fixed is None else inode == fixed


MAX_LINES = 340  # UID_GID_MAP_MAX_EXTENTS, include/linux/user_namespace.h
FULL = 4294967295  # ids 0 to 2^32 - 2: the last one, (uid_t) -1, is invalid
EVERY_ID = ((0, 0, FULL),)  # the initial user namespace's map, as (inside, outside, length)
_TOP = 1 << 32
_KINDS = ("uid", "gid")


class IdRange(Value):
    """Maps `length` ids starting at `inside` to those starting at `outside`."""

    inside: int
    outside: int
    length: int


IdMap = tuple[IdRange, ...]


@remembered()
def parse_idmap(text: str) -> IdMap:
    """Parse lines `INSIDE OUTSIDE LENGTH`, in order; raises DecodeError."""
    ranges = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.isspace():
            continue
        words = line.split()
        if len(words) != 3 or not all(len(word) <= 10 and word.isascii() and word.isdigit() for word in words):
            raise DecodeError(f"id map, line {number}: three numbers expected, got {line[:80]!r}")
        inside, outside, length = (int(word) for word in words)
        # an outside id unmapped in the reader's namespace is shown as 4294967295 with its true length
        if length < 1 or inside + length > _TOP or outside >= _TOP or (outside != FULL and outside + length > _TOP):
            raise DecodeError(f"id map, line {number}: out of range: {line[:80]!r}")
        ranges.append(IdRange(inside, outside, length))
    if len(ranges) > MAX_LINES:
        raise DecodeError(f"id map: {len(ranges)} lines, the kernel allows {MAX_LINES}")
    return tuple(ranges)


class MountIdMap(Value):
    """One mount, by its id in mountinfo. `inside` of a range is the disk, `outside` the reader's user namespace."""

    mount: int
    uids: IdMap
    gids: IdMap


@remembered()
def parse_mount_idmaps(text: str) -> tuple[MountIdMap, ...]:
    """Parse lines `MOUNT uid` and `MOUNT gid` followed by triples, in order; raises DecodeError."""
    found: dict[int, dict[str, IdMap]] = {}
    for place, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        mount, _, rest = line.partition(" ")
        kind, *numbers = rest.split(" ")
        if not (mount.isascii() and mount.isdigit() and len(mount) <= 10) or kind not in _KINDS or len(numbers) % 3:
            raise DecodeError(f"id maps of mounts, line {place}: {line[:80]!r}")
        maps = found.setdefault(int(mount), {})
        if kind in maps:
            raise DecodeError(f"id maps of mounts, line {place}: a second {kind} map of mount {mount}")
        maps[kind] = parse_idmap("\n".join(" ".join(numbers[at : at + 3]) for at in range(0, len(numbers), 3)))
    if any(len(maps) < len(_KINDS) for maps in found.values()):
        raise DecodeError("id maps of mounts: a mount with one map only")
    return tuple(MountIdMap(mount, maps["uid"], maps["gid"]) for mount, maps in found.items())


def to_host(idmap: IdMap, inside: int) -> int | None:
    """Map a container's id to outside; None if the map leaves it out."""
    for part in idmap:
        if part.inside <= inside < part.inside + part.length and part.outside != FULL:
            return part.outside + inside - part.inside
    return None


def to_inside(idmap: IdMap, outside: int) -> int | None:
    """Map an outside id to the container's; None if the map leaves it out."""
    for part in idmap:
        if part.outside != FULL and part.outside <= outside < part.outside + part.length:
            return part.inside + outside - part.outside
    return None


def is_full(idmap: IdMap) -> bool:
    """Whether every id maps to itself, as in the initial user namespace."""
    return len(idmap) == 1 and idmap[0] == IdRange(0, 0, FULL)


def parse_full(text: str) -> bool:
    """Whether this is the initial user namespace's map. Raises DecodeError."""
    return is_full(parse_idmap(text))


def parse_parents(text: str) -> tuple[int, ...]:
    """Inodes of the user namespaces above a process's own, nearest first. Raises DecodeError."""
    return tuple([parse_link(word).inode for word in text.split()])


def overlaps(one: IdMap, other: IdMap) -> tuple[tuple[int, int], ...]:
    """Ranges (first, length) of outside ids in both maps, in ascending order."""
    mine, theirs = (
        sorted((part.outside, part.outside + part.length) for part in idmap if part.outside != FULL)
        for idmap in (one, other)
    )
    common = []
    left = right = 0
    while left < len(mine) and right < len(theirs):
        first, end = max(mine[left][0], theirs[right][0]), min(mine[left][1], theirs[right][1])
        if first < end:
            common.append((first, end - first))
        if mine[left][1] <= theirs[right][1]:
            left += 1
        else:
            right += 1
    return tuple(common)
