"""What tells whether a container works, from what the collector read of it: pure. What is not known is None.

In a network of its own every listening socket is the container's; in one that it shares only those that its own
processes have open, and to see these takes the right to trace them.
"""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap, GapKind, or_none
from stratascope.core.container import Asked, Container
from stratascope.core.ground import Ground, inode_of
from stratascope.core.ports import ContainerCapture
from stratascope.core.process_match import WANTS as BELONGING_WANTS
from stratascope.core.process_match import belongs
from stratascope.core.relaunch.evidence import Liveness
from stratascope.layers.shared.toggle_values import shared_mode
from stratascope.linux.cgroup import parse_oom_kills
from stratascope.linux.tcp import Listening, parse_listening, parse_socket_links

_TCP, _TCP6, _SOCKETS, _OOM = "net/tcp", "net/tcp6", "fd:sockets", "cgroup:oom"
WANTS = tuple(dict.fromkeys((*BELONGING_WANTS, "ns/net", _TCP, _TCP6, _SOCKETS, _OOM)))
MEMBER_WANTS = (_SOCKETS,)

NOTHING = Liveness()
# net.ipv4.ip_local_port_range as kernels come with it: whoever binds no port in particular gets one of these (ip(7))
_CHOSEN = range(32768, 61000)
_ENGINE_DNS = "127.0.0.11"  # Docker's own resolver listens there, inside the container's network


def liveness_of(container: Container, found: ContainerCapture | None, ground: Ground) -> Liveness:
    """Nothing where the process that was read is not the container's."""
    if found is None or belongs(container, found.first, ground) is not None:
        return NOTHING
    return Liveness(_listens(container.asked, found, ground), _kills(found.first))


def _listens(asked: Asked, found: ContainerCapture, ground: Ground) -> tuple[int, ...] | None:
    sockets: list[Listening] = []
    for name in (_TCP, _TCP6):
        listening = found.first.decoded(name, parse_listening)
        if isinstance(listening, Gap):
            if name == _TCP6 and listening.kind is GapKind.ABSENT and listening.errno is not None:
                continue  # a kernel without IPv6
            return None
        sockets += listening
    inode, host = inode_of(found.first.text("ns/net")), ground.namespace("net")
    if shared_mode(asked.network_mode) or inode is None or inode == host:
        own = _own(found)
        if own is None:
            return None
        sockets = [socket for socket in sockets if socket.inode in own]
    published = {port.container_port.partition("/")[0] for port in asked.ports}
    return tuple(
        sorted(
            {
                socket.port
                for socket in sockets
                if socket.address != _ENGINE_DNS and (socket.port not in _CHOSEN or str(socket.port) in published)
            }
        )
    )


def _own(found: ContainerCapture) -> frozenset[int] | None:
    """The inodes of all sockets that its processes have open; None where one of them can't be looked at, or was not."""
    if found.unread:
        return None
    inodes: set[int] = set()
    for process in (found.first, *found.members):
        links = process.decoded(_SOCKETS, parse_socket_links)
        if not isinstance(links, Gap):
            inodes |= links
        elif links.kind is not GapKind.GONE:
            return None
    return frozenset(inodes)


def _kills(capture: Capture) -> int | None:
    return or_none(capture.decoded(_OOM, parse_oom_kills))
