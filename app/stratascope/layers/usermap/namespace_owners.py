"""Which of a process's namespaces its own user namespace owns: there its capabilities count.

With privilege the kernel tells the owner (NS_GET_USERNS, ioctl_ns(2)). Without, it follows where a namespace was made:
the host's own belong to the first user namespace, and one that nobody else is in was made together with the
container's user namespace. Where others are in it too, it is the container's only if they share the user namespace as
well, as the containers of a rootless engine do.
"""

from __future__ import annotations

from stratascope.core.capture import Capture
from stratascope.core.ground import Surroundings, inode_of

OWNED = ("mnt", "net", "uts", "ipc", "pid", "cgroup")
# Every other user namespace descends from the first one, and its capabilities count in all (user_namespaces(7))
_ALL_OF_THEM = tuple((kind, True) for kind in OWNED)


def owners_of(capture: Capture, initial: bool | None, around: Surroundings) -> tuple[tuple[str, bool | None], ...]:
    """Of each kind; None where that is not known."""
    if initial:
        return _ALL_OF_THEM
    return tuple([(kind, _owned(capture, kind, initial, around)) for kind in OWNED])


def _owned(capture: Capture, kind: str, initial: bool | None, around: Surroundings) -> bool | None:
    owner, own = inode_of(capture.text(f"owner:{kind}")), inode_of(capture.text("ns/user"))
    if owner is not None and own is not None:
        # it might be one below its own, but then the process could hardly be in that namespace
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
