"""Derives evidence that a container works from what the collector read: processes, ports, counters and files.
Pure. What is not known is None.

A server can lose its workers and live on: a master that may no longer change users still runs and listens, but serves
nobody. A container starts again what it started within its first seconds, so those processes must come back, by name
and user. This is certain only for processes older than any idle worker's timeout: in a younger container one may be a
worker started by a request, and returns only with the next request. Decided against counting all processes: sessions,
jobs and workers on demand come and go.

In a private network namespace every listening socket is the container's. In a shared one only the sockets that its
own processes have open are, and reading those needs ptrace access.

A rootful engine's helpers (Docker's shim, Podman's conmon) are the container's parents and run in the engine's network
namespace, where published ports listen; that need not be this program's. A rootless engine's ports listen in the
user's own network namespace, whichever one its containers' parents are in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stratascope.collector.names import DEVICES, FORKS, GIVING_PROGRAMS, OOM, SOCKETS
from stratascope.core.capture import Capture, Gap, GapKind, or_none
from stratascope.core.container import Asked, Container
from stratascope.core.ground import Ground, inode_of
from stratascope.core.ports import ContainerCapture
from stratascope.core.process_match import WANTS as BELONGING_WANTS
from stratascope.core.process_match import belongs, thread_of
from stratascope.core.relaunch.evidence import Liveness, RootFiles
from stratascope.layers.shared.devices import in_every_container
from stratascope.layers.shared.whose_namespace import shared_mode
from stratascope.linux.cgroup import parse_oom_kills, parse_refused_forks
from stratascope.linux.decode import DecodeError
from stratascope.linux.giving_programs import parse_giving
from stratascope.linux.namespace import parse_idmap, to_inside
from stratascope.linux.process import ProcessStatus, parse_stat, parse_status
from stratascope.linux.sockets import Listening, parse_listeners, parse_listening, parse_socket_links
from stratascope.value import Value

BIRTH = 10.0  # seconds after the first process's start within which others belong to the container's start
# Idle workers exit after 100 seconds in Postfix (max_idle), 300 in Apache's mod_fcgid; most others sooner
SETTLED = 300.0
_TICKS = 100  # per second, sysconf(_SC_CLK_TCK): the same on every architecture today
_GONE = ("Z", "X")


class ProcessKind(Value, order=True):
    """A process's name and its user ID inside the container; None if that user is not mapped there."""

    name: str
    user: int | None


def startup_processes(found: ContainerCapture, ground: Ground) -> frozenset[ProcessKind] | None:
    """Processes that it started in its first seconds and still has, without the first one. None: not readable."""
    first = _start(found.first)
    if first is None or found.unread:
        return None
    alive = {each.pid: each for each in found.members if thread_of(each) is None}
    parents = {pid: _status(each) for pid, each in alive.items()}
    latest = first + BIRTH * (ground.clock_ticks or _TICKS)
    kinds = set()
    for pid, each in alive.items():
        start, status = _start(each), parents[pid]
        if start is None or status is None or start > latest or not _descends(pid, found.first.pid, parents):
            continue
        if (kind := _kind(status, found.first)) is not None:
            kinds.add(kind)
    return frozenset(kinds)


def all_processes(found: ContainerCapture) -> frozenset[ProcessKind] | None:
    """All its processes. None: not readable."""
    if _status(found.first) is None or found.unread:
        return None
    processes = (found.first, *(each for each in found.members if thread_of(each) is None))
    kinds = {_kind(status, found.first) for each in processes if (status := _status(each))}
    return frozenset(kind for kind in kinds if kind is not None)


def missing(before: frozenset[ProcessKind], now: frozenset[ProcessKind], *, users: bool) -> tuple[ProcessKind, ...]:
    """Processes that did not come back; compared by name alone if the container was given another user."""
    if users:
        return tuple(sorted(before - now, key=str))
    names = {kind.name for kind in now}
    return tuple(sorted((kind for kind in before if kind.name not in names), key=str))


def certain(
    lost: Iterable[ProcessKind], now: frozenset[ProcessKind], seconds: float, *, users: bool
) -> tuple[ProcessKind, ...]:
    """The `lost` processes whose absence proves a failure, given that the original had run for `seconds`.

    For an original younger than SETTLED, these are processes whose user no process has now, if users are the same:
    then nothing else proves that the first process can still switch to that user.
    """
    there = {kind.user for kind in now}
    return tuple(kind for kind in lost if seconds >= SETTLED or (users and kind.user not in there))


def _descends(pid: int, first: int, parents: dict[int, ProcessStatus | None]) -> bool:
    """Whether it descends from the first process; a session started by exec does not."""
    seen = set()
    while pid != first:
        status = parents.get(pid)
        if status is None or status.ppid is None or pid in seen:
            return False
        seen.add(pid)
        pid = status.ppid
    return True


def _kind(status: ProcessStatus, first: Capture) -> ProcessKind | None:
    if status.name is None or status.uids is None or status.state in _GONE:
        return None
    idmap = first.decoded("uid_map", parse_idmap)
    uid = status.uids.effective
    return ProcessKind(status.name, uid if isinstance(idmap, Gap) else to_inside(idmap, uid))


def _status(capture: Capture) -> ProcessStatus | None:
    return or_none(capture.decoded("status", parse_status))


def _start(capture: Capture) -> int | None:
    stat = or_none(capture.decoded("stat", parse_stat))
    return None if stat is None else stat.start


_WAYS = {"tcp": ("net/tcp", "net/tcp6"), "udp": ("net/udp", "net/udp6")}
LIVENESS_WANTS = tuple(dict.fromkeys((*BELONGING_WANTS, "ns/net", *_WAYS["tcp"], *_WAYS["udp"], SOCKETS, OOM, FORKS)))
LIVENESS_MEMBER_WANTS = ("status", SOCKETS)

NOTHING = Liveness()
# The default net.ipv4.ip_local_port_range: a socket bound to port 0 gets one of these (ip(7))
_CHOSEN = range(32768, 61000)
_LOW = 1024  # a UDP port below this is bound on purpose: DNS clients send from random ports above
_ENGINE_DNS = "127.0.0.11"  # Docker's embedded DNS server listens there, inside the container's network namespace


def liveness_of(container: Container, found: ContainerCapture | None, ground: Ground) -> Liveness:
    """The container's ports and counters; NOTHING if the process that was read is not the container's."""
    if found is None or belongs(container, found.first, ground) is not None:
        return NOTHING
    tcp, udp = (_ports(container.asked, found, ground, way) for way in _WAYS)
    kills = or_none(found.first.decoded(OOM, parse_oom_kills))
    forks = or_none(found.first.decoded(FORKS, parse_refused_forks))
    theirs = _of_sessions(found)
    passing = tuple(port for port, inodes in (tcp or {}).items() if inodes <= theirs)
    listens, bound = (None if ports is None else tuple(ports) for ports in (tcp, udp))
    return Liveness(listens, kills, bound, forks, passing)


def _ports(asked: Asked, found: ContainerCapture, ground: Ground, way: str) -> dict[int, set[int]] | None:
    """Each port, with the inodes of its sockets."""
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
    ports: dict[int, set[int]] = {}
    for socket in sorted(sockets, key=lambda socket: socket.port):
        if socket.address != _ENGINE_DNS and (str(socket.port) in published or _meant(socket.port, way)):
            ports.setdefault(socket.port, set()).add(socket.inode)
    return ports


def _meant(port: int, way: str) -> bool:
    return port not in _CHOSEN if way == "tcp" else port < _LOW


def _own(found: ContainerCapture) -> frozenset[int] | None:
    """Inodes of all sockets that its processes have open; None if any process was not or could not be read."""
    if found.unread:
        return None
    inodes: set[int] = set()
    for process in (found.first, *found.members):
        links = process.decoded(SOCKETS, parse_socket_links)
        if not isinstance(links, Gap):
            inodes |= links
        elif links.kind is not GapKind.GONE:
            return None
    return frozenset(inodes)


def _of_sessions(found: ContainerCapture) -> frozenset[int]:
    """Inodes of sockets that only sessions started by exec have open. Empty if not known."""
    inodes: dict[bool, set[int]] = {True: set(), False: set()}
    alive = [each for each in found.members if thread_of(each) is None]
    parents = {each.pid: _status(each) for each in alive}
    for process in (found.first, *alive):
        links = or_none(process.decoded(SOCKETS, parse_socket_links))
        if links is None and process is found.first:
            return frozenset()
        inodes[_session(process.pid, found.first.pid, parents)] |= links or frozenset()
    return frozenset() if found.unread else frozenset(inodes[True] - inodes[False])


def _session(pid: int, first: int, parents: dict[int, ProcessStatus | None]) -> bool:
    """Whether its ancestor was started by exec: its parent is none of the container's processes."""
    seen: set[int] = set()
    while pid != first and pid not in seen:
        if pid not in parents:
            return True
        status = parents[pid]
        if status is None or status.ppid is None:
            return False
        seen.add(pid)
        pid = status.ppid
    return False


ROOT_FILES_WANTS = (*BELONGING_WANTS, DEVICES, GIVING_PROGRAMS)
_TCP_FILES, _UDP_FILES = ("net/tcp", "net/tcp6"), ("net/udp", "net/udp6")
PUBLISHER_WANTS = (*_TCP_FILES, *_UDP_FILES)
_NODE = re.compile(r"([cb]) ([0-9]{1,10}):([0-9]{1,10}) (/.*)").fullmatch


def parent(container: Container, found: ContainerCapture | None, ground: Ground) -> int | None:
    """The PID of its first process's parent."""
    if found is None or belongs(container, found.first, ground) is not None:
        return None
    status = or_none(found.first.decoded("status", parse_status))
    return None if status is None else status.ppid or None


def root_files_of(
    container: Container, found: ContainerCapture | None, publisher: ContainerCapture | None, ground: Ground
) -> RootFiles:
    """What root reads of its files and listeners; empty if the process that was read is not the container's."""
    if found is None or belongs(container, found.first, ground) is not None:
        return RootFiles()
    listeners, bound = (
        None if publisher is None else _listeners(publisher.first, names) for names in (_TCP_FILES, _UDP_FILES)
    )
    return RootFiles(_nodes(found.first), _programs(found.first), listeners, bound)


def _nodes(capture: Capture) -> tuple[str, ...] | None:
    text = capture.text(DEVICES)
    if isinstance(text, Gap):
        return None
    found = []
    for line in text.splitlines():
        node = _NODE(line)
        if node is None:
            return None
        if not in_every_container(node[1], int(node[2]), int(node[3])):
            found.append(node[4])
    return tuple(sorted(found))


def _programs(capture: Capture) -> tuple[str, ...] | None:
    found = or_none(capture.decoded(GIVING_PROGRAMS, parse_giving))
    return None if found is None or not found.whole else tuple(sorted({each.path for each in found.programs}))


def _listeners(capture: Capture, names: tuple[str, ...]) -> tuple[tuple[str, int], ...] | None:
    texts = [capture.text(name) for name in names]
    if isinstance(texts[0], Gap):
        return None
    try:
        return tuple(
            item
            for text in texts
            if not isinstance(text, Gap)
            for item in parse_listeners(text, udp=names is _UDP_FILES)
        )
    except DecodeError:
        return None
