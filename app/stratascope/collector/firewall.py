"""FIREWALL: what the packet filters of two network namespaces hold: a process's own, and the reader's; and whether BPF
programs of its control group filter, too (IPAddressDeny= of systemd.resource-control(5)).

nf_tables is listed by netlink (nfnetlink, subsystem NFNL_SUBSYS_NFTABLES), which takes CAP_NET_ADMIN; `iptables` writes
there too, but for its legacy version, of which only is told whether it has a table of filters. Nothing is decided here:
`linux/firewall` does.

The answer is JSON: `own` and `host`, each a list [chains, rules, legacy], where the first two are the kernel's messages
in hexadecimal, and legacy says whether there are rules that are not among them; `own` is null where that is the
reader's. `in` and `out`: the interfaces by which the machine gets what the process sends to the world, and sends it on,
"" if not known. `beside`: whether the process's has an interface beside one of another (macvlan, ipvlan), which gets
nothing from it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import time
from contextlib import suppress
from errno import E2BIG, EAGAIN, EINVAL, ENOSYS
from typing import Any, List, Optional, Tuple

from stratascope.collector.bpf.calls import EGRESS, INGRESS, Bpf
from stratascope.collector.cgroups import V2, Mounts, lines
from stratascope.collector.names import FIREWALL
from stratascope.collector.read import CLONE_NEWNET, Entry, TooLongError, failure, join, read_file

BYTES_MAX = 1 << 19  # of one list
ATTEMPTS = 30
_NETFILTER, _SUBSYSTEM = 12, 10 << 8  # NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES
_GET_CHAIN, _GET_RULE, _GET_GENERATION = 4, 7, 16  # NFT_MSG_*
_REQUEST, _DUMP = 1, 0x300  # NLM_F_*
_HEADER = 16  # struct nlmsghdr, with the port of the socket
_DONE, _ERROR = 3, 2
_ROUTES, _GET_LINK = 0, 18  # NETLINK_ROUTE; RTM_GETLINK
# IFLA_LINKINFO with IFLA_INFO_KIND as its first, include/uapi/linux/if_link.h; a name ends with a zero
_BESIDE = re.compile(rb"(?s)..\x12\x00..\x01\x00(?:macvlan|ipvlan|macvtap|ipvtap)\x00").search


def read_firewall(directory: int, pid: int) -> Entry:
    """Only call it in a child: it may end in that process's network namespace."""
    source = "nf_tables of /proc/%d/ns/net" % pid
    try:
        gateway, far = _default("net/route", directory)
        coming = _interface_to(gateway)
        leaving = _default("/proc/self/net/route", None)[1]
        host, group = _listed(), _by_group(directory)
        own, beside = None, False
        descriptor = os.open("ns/net", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
        if os.fstat(descriptor).st_ino != os.stat("/proc/self/ns/net").st_ino:
            join(descriptor, CLONE_NEWNET)
            own = _listed()
            beside = _BESIDE(_dump(_GET_LINK, _ROUTES)) is not None
        answer = {"own": own, "host": host, "in": coming, "out": leaving, "far": far, "beside": beside}
        answer["group"] = group
        return (FIREWALL, source, json.dumps(answer, separators=(",", ":")))
    except OSError as error:
        return failure(FIREWALL, source, error)
    except TooLongError:
        return failure(FIREWALL, source, OSError(E2BIG, "there are too many rules"))


def _by_group(directory: int) -> Optional[List[bool]]:
    paths = [path for names, path in lines(read_file("cgroup", directory)) if V2 in names]
    mounts = Mounts().ready()
    place = mounts.place(V2, paths[0]) if paths else None
    if place is None:
        return None if mounts.mounted(V2) else [False, False]
    try:
        folder = os.open("".join(place), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return [Bpf().in_effect(folder, kind) > 0 for kind in (INGRESS, EGRESS)]
        finally:
            os.close(folder)
    except (OSError, ImportError) as error:
        return [False, False] if getattr(error, "errno", 0) in (EINVAL, ENOSYS) else None  # this kernel has none


def _listed() -> List[Any]:
    """What the network namespace of this process has, as one whole: chains and rules are two listings, and somebody may
    change both between them.
    """
    for _ in range(ATTEMPTS):
        generation, legacy = _dump(_GET_GENERATION, flags=_REQUEST), False
        with suppress(FileNotFoundError):
            legacy = "filter" in read_file("/proc/thread-self/net/ip_tables_names").split()
        found = [_dump(_GET_CHAIN).hex(), _dump(_GET_RULE).hex(), legacy]
        if _dump(_GET_GENERATION, flags=_REQUEST)[_HEADER:] == generation[_HEADER:]:
            return found
        time.sleep(0.02)
    raise OSError(EAGAIN, "the rules changed each time while they were read")


def _dump(kind: int, family: int = _NETFILTER, flags: int = _REQUEST | _DUMP) -> bytes:
    """All messages of that kind, one after the other; without _DUMP the only one. Raises OSError."""
    held = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family) as link:
        link.settimeout(0.5)
        what, body = (kind, bytes(16)) if family == _ROUTES else (_SUBSYSTEM | kind, bytes(4))
        link.send(struct.pack("=IHHII", 16 + len(body), what, flags, 1, 0) + body)  # of any family: AF_UNSPEC is 0
        while len(held) < BYTES_MAX:
            data = link.recv(1 << 16)
            place = 0
            while place + 16 <= len(data):
                length, what = struct.unpack_from("=IH", data, place)
                if what == _DONE:
                    return held
                if what == _ERROR or length < 20:
                    number = -struct.unpack_from("=i", data, place + 16)[0]
                    raise OSError(number, os.strerror(number))
                held += data[place : place + ((length + 3) & ~3)]
                place += (length + 3) & ~3
            if not flags & _DUMP:
                return held
    raise TooLongError


def _default(path: str, directory: Optional[int]) -> Tuple[int, str]:
    """Gateway and interface of the default route, as /proc prints them; 0 and "" if there is none."""
    for words in _routes(path, directory):
        if int(words[1], 16) == 0 and int(words[7], 16) == 0:
            return int(words[2], 16), words[0]
    return 0, ""


def _interface_to(gateway: int) -> str:
    """The reader's interface on whose own network that address is."""
    for words in _routes("/proc/self/net/route", None):
        mask = int(words[7], 16)
        if gateway and mask and not int(words[2], 16) and gateway & mask == int(words[1], 16):
            return words[0]
    return ""


def _routes(path: str, directory: Optional[int]) -> List[List[str]]:
    lines = read_file(path, directory).split("\n")[1:]
    return [words for words in map(str.split, lines) if len(words) > 7]
