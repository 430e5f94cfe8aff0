"""/proc/net/tcp, tcp6, udp and udp6: listening sockets. Pure; see proc_pid_net(5).

Only listening sockets are decoded: their addresses, and the inodes that lead to the processes holding them. Nothing
needs the other columns.
"""

from __future__ import annotations

import ipaddress
import sys

from stratascope.linux.decode import DecodeError
from stratascope.value import Value

# TCP_LISTEN, and TCP_CLOSE for an unconnected UDP socket: include/net/tcp_states.h
_LISTEN, _BOUND = "0A", "07"


class Listening(Value):
    """A listening socket. `inode` appears in the fd links of the processes that hold it: `socket:[N]`."""

    address: str
    port: int
    inode: int


def parse_listening(text: str, *, udp: bool = False) -> tuple[Listening, ...]:
    """Each listening socket, in the file's order. Raises DecodeError. `udp`: for /proc/net/udp, where sockets that
    accept datagrams from anybody count as listening.
    """
    state = _BOUND if udp else _LISTEN
    found = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) > 3 and words[3] == state:
            address, _, port = words[1].rpartition(":")
            try:
                found.append(Listening(_address(address), int(port, 16), int(words[9])))
            except (ValueError, IndexError) as error:
                raise DecodeError(f"no address, port and inode: {line[:160]!r}") from error
    return tuple(found)


def parse_listeners(text: str, *, udp: bool = False) -> tuple[tuple[str, int], ...]:
    """Address and port of each listening socket, in the file's order. Raises DecodeError."""
    return tuple((item.address, item.port) for item in parse_listening(text, udp=udp))


def parse_socket_links(text: str) -> frozenset[int]:
    """The socket inodes among the links of /proc/PID/fd, one per line: `socket:[N]`. Others are ignored."""
    words = (line.removeprefix("socket:[").removesuffix("]") for line in text.split("\n"))
    return frozenset(int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= 20)


def _address(text: str) -> str:
    """Each 32-bit word is in the machine's byte order."""
    order = -1 if sys.byteorder == "little" else 1
    raw = b"".join(bytes.fromhex(text[place : place + 8])[::order] for place in range(0, len(text), 8))
    return str(ipaddress.ip_address(raw))
