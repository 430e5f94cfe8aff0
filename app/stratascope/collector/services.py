"""What listens on the host for whoever reaches its network, and whether the host is a machine of a cloud.

Files that everybody may read: /proc/net/tcp, and what the firmware says of the maker. Nothing is connected to.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Iterator, List, Tuple

from stratascope.collector.read import TooLongError, read_file

MACHINE = "/sys/class/dmi/id"
# IANA's port of Docker's plain API (the one with TLS is 2376), and the one that Docker used before
PORTS = (2375, 4243)
ENGINES = ("dockerd", "podman")
_OF_SWARMS = (2377, 7946, 9323)  # between Docker's daemons, with TLS of their own; its metrics
KEPT_SECONDS = 10.0
_SETTINGS = "/etc/docker/daemon.json"
_TCP = re.compile(r"tcp:(?://)?[^\0:/]*:([0-9]{1,5})")
_PROCESSES_MAX, _DESCRIPTORS_MAX = 10000, 4096
_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h
_LOOPBACK_4, _LOOPBACK_6 = "7F", "00000000000000000000000001000000"
# What clouds with a metadata service at 169.254.169.254 write into these files: the start of the text
_CLOUDS = {
    "sys_vendor": (
        *("Amazon EC2", "Google", "DigitalOcean", "Hetzner", "Alibaba Cloud", "OpenStack Foundation", "Vultr"),
        *("Scaleway", "Exoscale", "UpCloud", "Tencent Cloud", "HUAWEI", "Nutanix OpenStack", "Akamai", "Linode"),
    ),
    "product_name": ("Google Compute Engine", "OpenStack Compute", "OpenStack Nova"),
    "chassis_asset_tag": ("7783-7084-3265-9085-8269-3286-77", "OracleCloud.com", "OpenTelekomCloud", "Amazon EC2"),
    "bios_vendor": ("Amazon EC2", "Google"),
}


def engine_ports() -> Tuple[bool, bool]:
    """Whether an engine listens on a network port without TLS; and on more than the loopback.

    It is known by its process, or by its port where the process can't be looked into. The list is long to walk for the
    kernel, so that an answer is kept for a while. OSError where the kernel shows no list.
    """
    if not KEPT or time.monotonic() - KEPT[0][0] > KEPT_SECONDS:
        sockets = list(_listening())
        ports = frozenset((*PORTS, *_of_engines(sockets)))
        found = [loopback for port, loopback, _ in sockets if port in ports]
        KEPT[:] = [(time.monotonic(), (bool(found), False in found))]
    return KEPT[0][1]


KEPT: List[Tuple[float, Tuple[bool, bool]]] = []  # when it was read, and the answer


def _listening() -> Iterator[Tuple[int, bool, str]]:
    """Port, whether only the loopback reaches it, and the socket as /proc/PID/fd names it."""
    for name in ("tcp", "tcp6"):
        try:
            lines = read_file("/proc/net/" + name).splitlines()[1:]
        except FileNotFoundError:
            if name == "tcp":
                raise
            continue  # a kernel without IPv6
        for line in lines:
            words: List[str] = line.split()
            if len(words) > 9 and words[3] == _LISTEN:
                address, _, port = words[1].partition(":")
                # addresses are printed as words of the machine's byte order; the first byte is the last one here
                loopback = address[-2:] == _LOOPBACK_4 if len(address) == 8 else address == _LOOPBACK_6
                yield int(port, 16), loopback, "socket:[%s]" % words[9]


def _of_engines(sockets: List[Tuple[int, bool, str]]) -> Iterator[int]:
    """Ports on which engines' processes listen without TLS: by what they hold, else by their command lines."""
    ports = {socket: port for port, _, socket in sockets if port not in _OF_SWARMS}
    for name in sorted(os.listdir("/proc"))[:_PROCESSES_MAX]:
        if not name.isdigit():
            continue
        folder = "/proc/%s/" % name
        try:
            if read_file(folder + "comm").strip() not in ENGINES:
                continue
            line = read_file(folder + "cmdline")
        except (OSError, TooLongError):
            continue
        if "\0--tls" in line or _tls_by_file():
            continue
        try:
            held = [os.readlink(folder + "fd/" + each) for each in os.listdir(folder + "fd")[:_DESCRIPTORS_MAX]]
        except OSError:
            yield from (int(port) for port in _TCP.findall(line))
        else:
            yield from (ports[each] for each in held if each in ports)


def _tls_by_file() -> bool:
    try:
        asked = json.loads(read_file(_SETTINGS))
    except (OSError, TooLongError, ValueError, RecursionError):
        return False
    return isinstance(asked, dict) and any(asked.get(name) is True for name in ("tls", "tlsverify"))


def in_cloud() -> bool:
    """Whether the firmware names a cloud. False on machines whose firmware says nothing, such as Firecracker's."""
    for name, starts in _CLOUDS.items():
        try:
            text = read_file(os.path.join(MACHINE, name))
        except FileNotFoundError:
            continue
        if text.startswith(starts):
            return True
    return False
