"""PORTS: where a process's network namespace listens, and what of the machine's network leads there.

Nothing is connected to, and nothing is decided here: `usecases/reach/ports` does. Who holds a socket is looked for only
in the reader's own network namespace, and there among processes that may belong to the process: those of its control
group, of a mount namespace of its own, or confined alike.

The answer is JSON: `own` and `host`, each `sockets`, a list of [tcp or udp, address, port, PIDs of holders], and
`addresses` other than the loopback's; `host` is null where the process has the reader's network. `routes`: those of the
reader, [address, prefix length, interface, whether it leads there directly]. `forwards`: whether the machine forwards
IPv4 and IPv6; `bridged`: whether its packet filters are asked of what goes from one to another on a bridge. `mine`:
processes of its network namespace and control group or mount namespace. The others are `alike` in the reader's
namespace, if they are its user's and confined alike, and `others` in one of its own: [PID, program]. `unread`: of
`mine` and `alike`, whose sockets may not be read. `whole`: whether all sockets and processes were looked at.
`between`: programs that are a network namespace's cable (slirp4netns(1), pasta(1)) and by their arguments hand on to
the reader's own localhost: [PID, program, whether that is its network namespace, null if not known].
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from contextlib import suppress
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from stratascope.collector.bridges import RESTRICTIONS, address_of, ancestors, mount_namespace, program_of, sockets_of
from stratascope.collector.liveness import LISTENING, read_listening
from stratascope.collector.names import NETWORK_INODE, PORTS
from stratascope.collector.paths import unescaped
from stratascope.collector.read import Entry, TooLongError, failure, fields_of, read_file

SECONDS = 0.2  # of CPU time, for looking at processes
SOCKETS_MAX = 256
ADDRESSES_MAX = 64
ROUTES_MAX = 512
HOLDERS_MAX = 8
OTHERS_MAX = 256
PROCESSES_MAX = 8192
LINKS_MAX = 4096  # descriptors of one process
BETWEEN_MAX = 64
_NETWORK = NETWORK_INODE.partition(":")[2]
_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200  # include/uapi/linux/route.h
_CABLES = ("slirp4netns", "pasta")
_BRIDGED = "/proc/sys/net/bridge/bridge-nf-call-iptables"
_FORWARDS = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding")


def read_ports(directory: int, pid: int) -> Entry:
    """PORTS of this process."""
    source = "/proc/%d/net/tcp" % pid
    try:
        own, about = _side(directory, pid), _Around(directory, pid)
        reader = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            shared = _inode(directory) == _inode(reader)
            host = None if shared else _side(reader, pid)
        finally:
            os.close(reader)
        about.look(own["sockets"], shared)
        about.whole = about.whole and len(own["sockets"]) < SOCKETS_MAX
    except (OSError, ValueError) as error:
        return failure(PORTS, source, error if isinstance(error, OSError) else OSError(error))
    except TooLongError:
        return failure(PORTS, source, OSError(7, "there are too many of them"))
    text: Dict[str, Any] = {"own": own, "host": host, "routes": list(_routes())}
    text.update(forwards=[_is_on(path) for path in _FORWARDS], bridged=_is_on(_BRIDGED), whole=about.whole)
    text.update(others=about.others, mine=about.mine, alike=about.alike, unread=about.unread)
    text.update(between=about.between)
    return (PORTS, source, json.dumps(text, separators=(",", ":")))


def _side(directory: int, pid: int) -> Dict[str, Any]:
    """What listens in a network namespace, and its addresses. Raises OSError, ValueError, TooLongError."""
    sockets: Dict[Tuple[str, str, int], List[int]] = {}
    for name in LISTENING:
        entry = read_listening(name, directory, pid)
        if entry[2] is None:
            if not name.endswith("6"):
                raise OSError(entry[4] or 5, str(entry[5]))
            continue  # a kernel without IPv6
        for line in entry[2].split("\n")[1:]:
            words = line.split()
            if len(words) > 9:
                sockets.setdefault((name[4:7], *address_of(words[1])), []).append(int(words[9]))
    found = [[*key, inodes] for key, inodes in sorted(sockets.items(), key=lambda item: (item[0][0], item[0][2]))]
    return {"sockets": found[:SOCKETS_MAX], "addresses": _addresses(directory)[:ADDRESSES_MAX]}


def _addresses(directory: int) -> List[str]:
    """Of its interfaces: fib_trie_seq_show, net/ipv4/fib_trie.c; if6_seq_show, net/ipv6/addrconf.c."""
    found, last = [], ""
    for line in read_file("net/fib_trie", directory).split("\n"):
        words = line.split()
        if len(words) == 2 and words[0] == "|--":
            last = words[1]
        elif words[:1] == ["/32"] and words[-1] == "LOCAL":
            found.append(last)
    with suppress(FileNotFoundError):
        for line in read_file("net/if_inet6", directory).split("\n"):
            words = line.split()
            if len(words) > 5:
                found.append(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(words[0])))
    return [each for each in dict.fromkeys(found) if not each.startswith("127.") and each != "::1"]


def _routes() -> Iterator[List[Any]]:
    """Of the reader, the most exact first."""
    found: List[List[Any]] = []
    for line in read_file("/proc/self/net/route").split("\n")[1:]:
        words = line.split()
        if len(words) > 7 and int(words[3], 16) & (_UP | _REJECT) == _UP:
            place = socket.inet_ntoa(struct.pack("=I", int(words[1], 16)))
            length = bin(int(words[7], 16)).count("1")
            found.append([place, length, words[0], not int(words[3], 16) & _GATEWAY])
    with suppress(FileNotFoundError):
        for line in read_file("/proc/self/net/ipv6_route").split("\n"):
            words = line.split()
            if len(words) > 9 and int(words[8], 16) & (_UP | _REJECT) == _UP and words[9] != "lo":
                place = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(words[0]))
                found.append([place, int(words[1], 16), words[9], not int(words[8], 16) & _GATEWAY])
    yield from sorted(found, key=lambda each: -each[1])[:ROUTES_MAX]


def _is_on(path: str) -> bool:
    try:
        return read_file(path).strip() != "0"
    except (OSError, TooLongError):
        return False


def _inode(directory: int) -> int:
    return os.stat(_NETWORK, dir_fd=directory).st_ino


class _Around:
    """The other processes of its network namespace."""

    def __init__(self, directory: int, pid: int) -> None:
        self._pid, self._network = pid, _inode(directory)
        self._group = read_file("cgroup", directory)
        mounts = mount_namespace(pid)
        self._mounts = mounts if mounts != mount_namespace("self") else ""
        self._confined = _confined(pid)
        self.mine: List[int] = [pid]
        self.alike: List[int] = []
        self.others: List[List[Any]] = []
        self.unread: List[int] = []
        self.between: List[List[Any]] = []
        self.whole = True

    def look(self, sockets: List[List[Any]], shared: bool) -> None:
        """Look at them; `sockets` get the PIDs of who holds them in place of inodes, where that is looked for."""
        until = time.thread_time() + SECONDS
        numbers = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
        self.whole = len(numbers) <= PROCESSES_MAX
        for pid in numbers[:PROCESSES_MAX]:
            if time.thread_time() > until:
                self.whole = False
                break
            with suppress(OSError, TooLongError):
                if pid == self._pid:
                    continue
                if os.stat("/proc/%d/%s" % (pid, _NETWORK)).st_ino == self._network:
                    self._sort(pid, shared)
                elif not shared and read_file("/proc/%d/comm" % pid).startswith(_CABLES):
                    self._cable(pid)
        held: Dict[int, List[int]] = {}
        for pid in (*self.mine, *self.alike) if shared else ():
            for inode in self._held(pid):
                held.setdefault(inode, []).append(pid)
        for each in sockets:
            each[3] = sorted({pid for inode in each[3] for pid in held.get(inode, ())})[:HOLDERS_MAX]

    def _sort(self, pid: int, shared: bool) -> None:
        group = read_file("/proc/%d/cgroup" % pid)
        if _within(group, self._group) or (self._mounts and mount_namespace(pid) == self._mounts):
            self.mine.append(pid)
        elif shared and _confined(pid) == self._confined:
            self.alike.append(pid)
        elif not shared and len(self.others) < OTHERS_MAX:
            self.others.append([pid, program_of(pid)])

    def _cable(self, pid: int) -> None:
        arguments = read_file("/proc/%d/cmdline" % pid).split("\0")[:-1]
        program = arguments[0].rpartition("/")[2] if arguments else ""
        if program.startswith(_CABLES) and len(self.between) < BETWEEN_MAX and hands_on(program, arguments[1:]):
            self.between.append([pid, program, self._serves(pid, arguments[1:])])

    def _serves(self, pid: int, arguments: Sequence[str]) -> Optional[bool]:
        """Whether it is the cable of this network namespace, by what it was told or has started; None: not known."""
        above, own = ancestors(self._pid), _network_at(str(self._pid), ())
        if own is None or pid in above:
            return None if pid not in above else True
        found = [_network_at(each, ()) for each in _children(pid)]
        for word in arguments:
            path = word.partition("=")[2] if word.startswith("-") else word
            found.append(_network_at(path, (*ancestors(pid)[:1], *above[:1])))
        if own in found:
            return True
        told = {each for each in found if each is not None} - {_network_at(str(pid), ())}
        return False if told else None

    def _held(self, pid: int) -> Set[int]:
        try:
            return {inode for _, inode in sockets_of(pid, LINKS_MAX)}
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended
        except OSError:
            self.unread.append(pid)
        return set()


def hands_on(program: str, arguments: Sequence[str]) -> bool:
    """Whether it leads to the reader's own localhost: pasta by the gateway's address, and by ports it listens at."""
    if program.startswith("slirp4netns"):
        return "--disable-host-loopback" not in arguments
    ports = {name: _values(arguments, name) or ["auto"] for name in (("-T", "--tcp-ns"), ("-U", "--udp-ns"))}
    mapped = any(value != "none" for value in _values(arguments, ("--map-host-loopback",)))
    return mapped or "--no-map-gw" not in arguments or any(set(values) != {"none"} for values in ports.values())


def _values(arguments: Sequence[str], names: Tuple[str, ...]) -> List[str]:
    """What an option was given, however often; getopt_long(3)."""
    found: List[str] = []
    for number, word in enumerate(arguments):
        for name in names:
            if word == name:
                found += arguments[number + 1 : number + 2]
            elif word.startswith(name + "=") or (not name.startswith("--") and word.startswith(name)):
                found.append(word[len(name) :].lstrip("="))
    return found


def _children(pid: int) -> List[str]:
    with suppress(OSError, TooLongError):
        return read_file("/proc/%d/task/%d/children" % (pid, pid)).split()[:HOLDERS_MAX]
    return []


def _network_at(path: str, pids: Sequence[int]) -> Optional[int]:
    """The network namespace of a PID, or of a file as one of these processes has it mounted; None: not known."""
    if path.isdigit() and len(path) < 9:
        with suppress(OSError):
            return os.stat("/proc/%s/ns/net" % path).st_ino
    for pid in pids if path.startswith("/") else ():
        with suppress(OSError, TooLongError, ValueError, IndexError):
            for line in read_file("/proc/%d/mountinfo" % pid).split("\n"):
                words = line.split(" ")
                if len(words) > 4 and words[3].startswith("net:[") and unescaped(words[4]) == path:
                    return int(words[3][5:-1])
    return None


def _confined(pid: int) -> List[Optional[str]]:
    """What it is held to, and whose it is."""
    fields = fields_of(read_file("/proc/%d/status" % pid))
    return [fields.get(name) for name in ("Uid", *RESTRICTIONS)]


def _within(group: str, own: str) -> bool:
    """Whether a process of the first control groups is in the others, or below: not in the root of all."""
    above = {line.rpartition(":")[0]: line.rpartition(":")[2] for line in own.split("\n")}
    for line in group.split("\n"):
        name, _, path = line.rpartition(":")
        wanted = above.get(name, "")
        if wanted not in ("", "/") and (path == wanted or path.startswith(wanted + "/")):
            return True
    return False
