"""Who listens in this program's own network namespace: asked of the kernel, and read where it does not answer."""

from __future__ import annotations

import socket
from pathlib import Path

from stratascope.linux import sock_diag
from stratascope.linux.decode import DecodeError
from stratascope.linux.tcp import parse_listeners

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG, include/uapi/linux/netlink.h
_SECONDS = 2.0  # the kernel answers at once
_PART_MAX = 1 << 16  # bytes; the kernel sends 32 KiB at most (net/netlink/af_netlink.c, netlink_dump)


def listeners() -> tuple[tuple[str, int], ...] | None:
    """Address and port of each listening TCP socket; None where neither way can be gone."""
    try:
        return _asked()
    except (OSError, DecodeError):  # a kernel without that part (CONFIG_INET_DIAG), or a sandbox that forbids it
        return _read()


def bound() -> tuple[tuple[str, int], ...] | None:
    """The same of UDP, for sockets that are connected to nobody: read, as few have so many of them."""
    return _read("udp")


def _asked() -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for family in sock_diag.FAMILIES:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as link:
            link.settimeout(_SECONDS)
            link.send(sock_diag.listening(family))
            last = False
            while not last:
                part, last = sock_diag.parse_sockets(link.recv(_PART_MAX))
                found += part
    return tuple(found)


def _read(protocol: str = "tcp") -> tuple[tuple[str, int], ...] | None:
    try:
        texts = [Path("/proc/net", name).read_text(encoding="ascii") for name in (protocol, f"{protocol}6")]
        return tuple(listener for text in texts for listener in parse_listeners(text, udp=protocol == "udp"))
    except (OSError, DecodeError):
        return None
