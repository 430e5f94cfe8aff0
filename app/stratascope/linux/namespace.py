"""Namespace links in /proc/PID/ns: kind and inode, and the inodes that the kernel fixes for the initial ones.

Two processes share a namespace exactly if the links name the same inode (namespaces(7)); the device is ignored, because
all namespaces of a kernel are in one nsfs.
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

_KINDS = {kind.value: kind for kind in Namespace}
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
    kind = _KINDS.get(name)
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
