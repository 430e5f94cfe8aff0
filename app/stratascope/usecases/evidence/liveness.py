"""What tells whether a container works, from what the collector read of it: pure. What is not known is None.

In a network of its own every listening socket is the container's; in one that it shares only those that its own
processes have open, and to see these takes the right to trace them.
"""

from __future__ import annotations

from stratascope.core.capture import Gap, GapKind, or_none
from stratascope.core.container import Asked, Container
from stratascope.core.ground import Ground, inode_of
from stratascope.core.ports import ContainerCapture
from stratascope.core.process_match import WANTS as BELONGING_WANTS
from stratascope.core.process_match import belongs
from stratascope.core.relaunch.evidence import Liveness
from stratascope.layers.shared.whose_namespace import shared_mode
from stratascope.linux.cgroup import parse_oom_kills, parse_refused_forks
from stratascope.linux.sockets import Listening, parse_listening, parse_socket_links

_SOCKETS, _OOM, _FORKS = "fd:sockets", "cgroup:oom", "cgroup:forks"
_WAYS = {"tcp": ("net/tcp", "net/tcp6"), "udp": ("net/udp", "net/udp6")}
WANTS = tuple(dict.fromkeys((*BELONGING_WANTS, "ns/net", *_WAYS["tcp"], *_WAYS["udp"], _SOCKETS, _OOM, _FORKS)))
MEMBER_WANTS = (_SOCKETS,)

NOTHING = Liveness()
# net.ipv4.ip_local_port_range as kernels come with it: whoever binds no port in particular gets one of these (ip(7))
_CHOSEN = range(32768, 61000)
_LOW = 1024  # below it nobody takes a UDP port by chance: resolvers ask from any port above
_ENGINE_DNS = "127.0.0.11"  # Docker's own resolver listens there, inside the container's network


def liveness_of(container: Container, found: ContainerCapture | None, ground: Ground) -> Liveness:
    """Nothing where the process that was read is not the container's."""
    if found is None or belongs(container, found.first, ground) is not None:
        return NOTHING
    tcp, udp = (_listens(container.asked, found, ground, way) for way in _WAYS)
    kills = or_none(found.first.decoded(_OOM, parse_oom_kills))
    forks = or_none(found.first.decoded(_FORKS, parse_refused_forks))
    return Liveness(tcp, kills, udp, forks)


def _listens(asked: Asked, found: ContainerCapture, ground: Ground, way: str) -> tuple[int, ...] | None:
    sockets: list[Listening] = []
    for name in _WAYS[way]:
        listening = found.first.decoded(name, lambda text: parse_listening(text, udp=way == "udp"))
        if isinstance(listening, Gap):
            if name.endswith("6") and listening.kind is GapKind.ABSENT and listening.errno is not None:
                continue  # a kernel without IPv6
            return None
        sockets += listening
    inode, host = inode_of(found.first.text("ns/net")), ground.namespace("net")
    if shared_mode(asked.network_mode) or inode is None or inode == host:
        own = _own(found)
        if own is None:
            return None
        sockets = [socket for socket in sockets if socket.inode in own]
    published = {port.container_port.partition("/")[0] for port in asked.ports if port.container_port.endswith(way)}
    return tuple(
        sorted(
            {
                socket.port
                for socket in sockets
                if socket.address != _ENGINE_DNS and (str(socket.port) in published or _meant(socket.port, way))
            }
        )
    )


def _meant(port: int, way: str) -> bool:
    return port not in _CHOSEN if way == "tcp" else port < _LOW


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
