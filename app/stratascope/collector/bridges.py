"""Where sockets lead that a process may connect to: followed through programs that hand on what they get.

A socket that listens is held by a process (its inode is among the links of /proc/PID/fd). Programs that are told by
their arguments where they lead (`_SAID`) say it before the first client comes. Of others it is seen while there is one:
a process of it that has two connections, of which one was made by it (proc_pid_net(5), sock_diag(7)), hands on.

Told are the sockets that listen on its own localhost where that is not the reader's, those that are bound to a file, in
its network namespace or the reader's, and in its own abstract ones (`@name`), which lead on or are those of an agent or
engine (`SERVING`), and connections that it holds open, as it may have been given them (`/proc/self/fd/N`): a list each,
[socket, kind, hops, end, out, above]. `kind`: tcp, unix, or held, whose `end` is what it is connected to at least;
`hops`: [PID, program] from who listens on; `end`: the last path or address on the way, "" if nothing is handed on;
`out`: whether that is on another machine; `above`: whether the last hop is an ancestor of the process. No hops: who
listens can't be seen. Of those on its own localhost only they are told that are confined otherwise than the process
itself; of the others those that lead on.
"""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from stratascope.collector.observe.peers import sockets_of_peers
from stratascope.collector.read import TooLongError, fields_of, read_file

SECONDS = 0.25  # of CPU time, for all of it
TOLD_MAX = 64
PROCESSES_MAX = 8192
LINKS_MAX = 512  # descriptors of one process
HOPS_MAX = 6
_LEVELS = 64  # of parents
_BOTH = 2  # connections of a process that hands on: its client's, and its own
_LISTENS, _ESTABLISHED = "0A", "01"  # include/net/tcp_states.h
# What a process is held to, in /proc/PID/status
RESTRICTIONS = ("NoNewPrivs", "Seccomp", "Seccomp_filters", "CapBnd")
_ACCEPTS = 1 << 16  # __SO_ACCEPTCON, include/uapi/linux/net.h
_LOCAL = ("0.0.0.0", "::", "127.0.0.1", "::1")
# Programs whose arguments say where they lead: socat(1), systemd-socket-proxyd(8)
_SOCAT = re.compile(
    r"(?i)^(?:(?:unix|unix-connect|unix-client|gopen):(?P<path>/[^,]+)"
    r"|(?:tcp|tcp4|tcp6|tcp-connect|tcp4-connect|tcp6-connect):(?P<host>\[[^]]*\]|[^:,]*):(?P<port>[0-9]{1,5}))(?:,|$)"
)
_PROXYD = re.compile(r"^(?:(?P<path>/.+)|(?P<host>\[[^]]*\]|[^:/]*):(?P<port>[0-9]{1,5}))$")
# Programs whose sockets lend another's rights wherever they lie, with the kind of `reach_places`
SERVING = {"ssh-agent": "ssh-agent", "gpg-agent": "gpg-agent", "dockerd": "docker-socket"}
_SAID = {"socat": _SOCAT, "socat1": _SOCAT, "systemd-socket-proxyd": _PROXYD}


class _Tcp(NamedTuple):
    """A row of /proc/net/tcp."""

    here: Tuple[str, int]
    there: Tuple[str, int]
    state: str
    inode: int


class _Table(NamedTuple):
    """The sockets of one network namespace. `unix`: inodes of those that listen, by path."""

    tcp: Dict[int, _Tcp]
    ports: Dict[int, List[int]]  # inodes of those that listen
    unix: Dict[str, int]


class Bridges:
    """One look, for one process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._until = time.thread_time() + SECONDS
        self._tables: Dict[int, Optional[_Table]] = {}
        self._holders: Optional[Dict[int, List[int]]] = None
        self._held: Dict[int, List[int]] = {}
        self._children: Dict[int, List[int]] = {}
        self._peers: Dict[int, Dict[int, List[str]]] = {}
        self._above = ancestors(pid)
        self._own, self._reader = _network(pid), _network(os.getpid())

    def read(self) -> List[List[Any]]:
        """All of them."""
        found = [self._told("127.0.0.1:%d" % port, "tcp", *way) for port, way in self._on_localhost()]
        networks = tuple(dict.fromkeys((self._pid, os.getpid()) if self._own != self._reader else (os.getpid(),)))
        found += [each for near in networks for each in self._connections(near)]
        for near in networks:
            table = self._table(near)
            for path, inode in sorted(table.unix.items()) if table is not None else ():
                if len(found) >= TOLD_MAX or time.thread_time() > self._until:
                    break
                if path.startswith("@") and near != self._pid and self._own != self._reader:
                    continue  # of another network namespace
                way = self._way([inode], near)
                if way[1] or any(program in SERVING and self._is_another(pid) for pid, program in way[0][-1:]):
                    found.append(self._told(path, "unix", *way))
        return found

    def _connections(self, near: int) -> Iterator[List[Any]]:
        """Its own to sockets that are bound to a file of the reader's, in that process's network namespace."""
        held: Dict[int, int] = {}
        with suppress(OSError):
            held = {inode: number for number, inode in sockets_of(self._pid, LINKS_MAX)}
        for peer in sockets_of_peers(held, near)[:TOLD_MAX]:
            with suppress(OSError, ValueError):
                about = os.lstat(peer.path)  # who listens may have another file there
                if (about.st_ino & 0xFFFFFFFF, about.st_dev) == (peer.inode, peer.device):
                    hops, end, out = self._way([peer.socket], near)
                    yield self._told("/proc/self/fd/%d" % peer.whose, "held", hops, end or peer.path, out)

    def _is_another(self, pid: int) -> bool:
        """Whether that is no program of the process's own mounts, as one that it has started itself."""
        own = mount_namespace(self._pid)
        return own in ("", mount_namespace("self")) or mount_namespace(pid) != own

    def _told(self, place: str, kind: str, hops: List[Any], end: str, out: bool) -> List[Any]:
        return [place, kind, hops, end, out, bool(hops) and hops[-1][0] in self._above]

    def _on_localhost(self) -> Iterator[Tuple[int, Tuple[List[Any], str, bool]]]:
        table = self._table(self._pid)
        if table is None:
            return
        shared, own = self._own == self._reader, _restrictions(self._pid)
        for port, inodes in sorted(table.ports.items())[:TOLD_MAX]:
            way = self._way(inodes, self._pid)
            if way[1] or (not shared and (not way[0] or _restrictions(way[0][0][0]) != own)):
                yield port, way

    def _way(self, inodes: Sequence[int], pid: int) -> Tuple[List[Any], str, bool]:
        """From these sockets that listen on: hops, the end, and whether that is on another machine."""
        hops: List[Any] = []
        seen: Set[int] = set()
        end, out = "", False
        while inodes and len(hops) < HOPS_MAX and time.thread_time() < self._until:
            holder = next(iter(self._holding(inodes)), 0)
            if not holder or holder in seen:
                break
            seen.add(holder)
            hops.append([holder, program_of(holder)])
            behind, inodes, out = self._behind(holder)
            end = behind or end
        return hops, end, out

    def _behind(self, holder: int) -> Tuple[str, List[int], bool]:
        """What a process hands on to: its name, the sockets that listen there, and whether it is another machine."""
        for path, host, port in _said(holder):
            if path:
                return path, self._listening(path, holder), False
            if host not in ("", "localhost") and not _is_loopback(host):
                return "%s:%d" % (host, port), [], True
            table = self._table(holder)
            return "%s:%d" % (host, port), [] if table is None else table.ports.get(port, []), False
        return self._connected(holder)

    def _connected(self, holder: int) -> Tuple[str, List[int], bool]:
        """The same by its connections, and those of the children that it has for each."""
        table, ends = self._table(holder), self._ends(holder)
        if table is None:
            return "", [], False
        listening = {inode for inodes in (*table.ports.values(), table.unix.values()) for inode in inodes}
        own = listening.intersection(self._held.get(holder, ()))
        for pid in (holder, *self._children.get(holder, ())):
            held = set(self._held.get(pid, ()))
            rows = [table.tcp[inode] for inode in held - listening if inode in table.tcp]
            calls = [row for row in rows if row.here[1] not in table.ports]
            if (
                len(held - listening) != _BOTH
                or len(calls) + len(ends.get(pid, ())) != 1
                or not held & listening <= own
                or program_of(pid) != program_of(holder)
            ):
                continue
            for row in calls:
                if row.there[1] in table.ports and _is_loopback(row.there[0]):
                    return "%s:%d" % row.there, table.ports[row.there[1]], False
                return "%s:%d" % row.there, [], True
            (path,) = ends[pid]
            return path, self._listening(path, holder), False
        return "", [], False

    def _ends(self, pid: int) -> Dict[int, List[str]]:
        """Which files processes of its network namespace are connected to."""
        network = _network(pid)
        if network not in self._peers:
            found: Dict[int, List[str]] = {}
            holders = {inode: pids[-1] for inode, pids in (self._holders or {}).items()}
            for peer in sockets_of_peers(holders, pid):
                if peer.path.startswith("/"):
                    found.setdefault(peer.whose, []).append(peer.path)
            self._peers[network] = found
        return self._peers[network]

    def _listening(self, path: str, pid: int) -> List[int]:
        for each in (pid, os.getpid()):
            table = self._table(each)
            if table is not None and path in table.unix:
                return [table.unix[path]]
        return []

    def _holding(self, inodes: Sequence[int]) -> List[int]:
        if self._holders is None:
            self._hold()
        assert self._holders is not None
        return [pid for inode in inodes for pid in self._holders.get(inode, ())]

    def _hold(self) -> None:
        """Which sockets each process holds, the eldest first, and whose children they are."""
        self._holders = {}
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit())[:PROCESSES_MAX]:
            if time.thread_time() > self._until:
                return
            with suppress(OSError, TooLongError, ValueError, IndexError):
                for _, inode in sockets_of(pid, LINKS_MAX):
                    self._holders.setdefault(inode, []).append(pid)
                    self._held.setdefault(pid, []).append(inode)
                if pid in self._held:
                    parent = int(read_file("/proc/%d/stat" % pid).rpartition(")")[2].split()[1])
                    self._children.setdefault(parent, []).append(pid)

    def _table(self, pid: int) -> Optional[_Table]:
        network = self._own if pid == self._pid else self._reader if pid == os.getpid() else _network(pid)
        if network not in self._tables:
            self._tables[network] = _table(pid)
        return self._tables[network]


def _table(pid: int) -> Optional[_Table]:
    rows: Dict[int, _Tcp] = {}
    ports: Dict[int, List[int]] = {}
    unix: Dict[str, int] = {}
    try:
        for name in ("tcp", "tcp6"):
            with suppress(FileNotFoundError):  # a kernel without IPv6
                for line in read_file("/proc/%d/net/%s" % (pid, name)).split("\n")[1:]:
                    words = line.split()
                    if len(words) > 9 and words[3] in (_LISTENS, _ESTABLISHED):
                        row = _Tcp(address_of(words[1]), address_of(words[2]), words[3], int(words[9]))
                        rows[row.inode] = row
                        if row.state == _LISTENS and (row.here[0] in _LOCAL or _is_loopback(row.here[0])):
                            ports.setdefault(row.here[1], []).append(row.inode)
        for line in read_file("/proc/%d/net/unix" % pid).split("\n")[1:]:
            words = line.split(None, 7)
            if len(words) == 8 and int(words[3], 16) & _ACCEPTS and words[7].startswith(("/", "@")):
                unix[words[7]] = int(words[6])
    except (OSError, TooLongError, ValueError):
        return None
    return _Table(rows, ports, unix)


def address_of(text: str) -> Tuple[str, int]:
    """Address and port of a table in /proc/net; each word of 32 bits is in the machine's order."""
    address, _, port = text.partition(":")
    raw = bytes.fromhex(address)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    found = ip_address(raw)
    return str(getattr(found, "ipv4_mapped", None) or found), int(port, 16)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _network(pid: int) -> int:
    try:
        return os.stat("/proc/%d/ns/net" % pid).st_ino
    except OSError:
        return -pid  # not told: no other's


def ancestors(pid: int) -> List[int]:
    """Its parent, and those above."""
    found: List[int] = []
    with suppress(OSError, TooLongError, ValueError, IndexError):
        while pid > 1 and len(found) < _LEVELS:
            pid = int(read_file("/proc/%d/stat" % pid).rpartition(")")[2].split()[1])
            found.append(pid)
    return found


def _restrictions(pid: int) -> Any:
    try:
        fields = fields_of(read_file("/proc/%d/status" % pid))
    except (OSError, TooLongError):
        return None
    return [fields.get(name) for name in RESTRICTIONS]


def mount_namespace(pid: Union[int, str]) -> str:
    """`mnt:[INODE]`; "" if it may not be read."""
    with suppress(OSError):
        return os.readlink("/proc/%s/ns/mnt" % pid)
    return ""


def serves(bridge: List[Any]) -> str:
    """The kind of socket that it is by the program at its end; "" if not known."""
    return next((SERVING.get(program, "") for _, program in bridge[2][-1:]), "")


def program_of(pid: int) -> str:
    """The name of its program, "" if not known."""
    with suppress(OSError):
        return os.readlink("/proc/%d/exe" % pid).rpartition("/")[2][:64]
    with suppress(OSError, TooLongError):
        return read_file("/proc/%d/comm" % pid).strip()[:64]
    return ""


def sockets_of(pid: int, most: int) -> Iterator[Tuple[int, int]]:
    """Number and inode of the sockets among its first `most` descriptors. Raises OSError."""
    folder = "/proc/%d/fd/" % pid
    for name in os.listdir(folder)[:most]:
        with suppress(FileNotFoundError):  # closed in the meantime
            link = os.readlink(folder + name)
            if link.startswith("socket:["):
                yield int(name), int(link[8:-1])


def _said(pid: int) -> Iterator[Tuple[str, str, int]]:
    """Path, or host and port, that its arguments say."""
    pattern = _SAID.get(program_of(pid))
    if pattern is None:
        return
    try:
        words = read_file("/proc/%d/cmdline" % pid).split("\0")[1:]
    except (OSError, TooLongError):
        return
    for word in words[:64]:
        match = pattern.match(word[:4096])
        if match:
            yield match.group("path") or "", match.group("host") or "", int(match.group("port") or 0)
