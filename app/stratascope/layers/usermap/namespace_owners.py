"""Which of a process's namespaces are owned by its own user namespace: its capabilities apply in those.

With privilege the kernel reports the owner (NS_GET_USERNS, ioctl_ns(2)). Without, it is inferred from where a namespace
was created: the host's own belong to the initial user namespace, and one that nobody else is in was created together
with the container's user namespace. If others are in it too, it is only the container's if they also share the user
namespace, as a rootless engine's containers do.
"""

from __future__ import annotations

from stratascope.core.capture import Capture
from stratascope.core.ground import Surroundings, inode_of

OWNED = ("mnt", "net", "uts", "ipc", "pid", "cgroup")
# Every other user namespace descends from the initial one, whose capabilities apply in all (user_namespaces(7))
_ALL_OF_THEM = tuple((kind, True) for kind in OWNED)


def owners_of(capture: Capture, initial: bool | None, around: Surroundings) -> tuple[tuple[str, bool | None], ...]:
    """For each kind of namespace; None if unknown."""
    if initial:
        return _ALL_OF_THEM
    return tuple([(kind, _owned(capture, kind, initial, around)) for kind in OWNED])


def _owned(capture: Capture, kind: str, initial: bool | None, around: Surroundings) -> bool | None:
    owner, own = inode_of(capture.text(f"owner:{kind}")), inode_of(capture.text("ns/user"))
    if owner is not None and own is not None:
        # an owner below its own is possible, but the process could hardly be in such a namespace
        return owner == own
    if initial is None:
        return None
    inode = inode_of(capture.text(f"ns/{kind}"))
    shared = None if inode is None else around.ground.is_hosts(kind, inode)
    if shared is None:
        return None
    if shared:
        return False
    return True if set(around.peers.of(kind)) <= set(around.peers.of("user")) else None
