"""Listening sockets: sock_diag(7) for TCP, and the tables /proc/net/tcp, tcp6, udp and udp6 (proc_pid_net(5)).

The tables list all connections, one row per 16 KiB of memory; sock_diag takes a hundredth of their milliseconds, but
is only of use in the reader's own network namespace. Only listening sockets are decoded: their addresses, and the
inodes that lead to the processes holding them. Pure; `probe` does the I/O.
"""

from __future__ import annotations

import ipaddress
import struct
import sys

from stratascope.linux.decode import DecodeError
from stratascope.value import Value

FAMILIES = (2, 10)  # AF_INET, AF_INET6: the same on all Linux architectures

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr, include/uapi/linux/netlink.h
_REQUEST = struct.Struct("=BBBxI48x")  # struct inet_diag_req_v2, include/uapi/linux/inet_diag.h
_SOCKET = struct.Struct("=B3x2s2x16s16x12x20x")  # struct inet_diag_msg: family, port, address; 72 bytes
_ERROR = struct.Struct("=i")  # the start of struct nlmsgerr

_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_TCP = 6
_LISTEN = 1 << 10  # TCP_LISTEN, include/net/tcp_states.h
_IS_ERROR, _IS_DONE = 2, 3


def listening(family: int) -> bytes:
    """A request for all listening TCP sockets of a family."""
    size = _HEADER.size + _REQUEST.size
    return _HEADER.pack(size, _BY_FAMILY, _DUMP, 1, 0) + _REQUEST.pack(family, _TCP, 0, _LISTEN)


def parse_sockets(data: bytes) -> tuple[tuple[tuple[str, int], ...], bool]:
    """Address and port of each socket in one part of the reply, and whether it is the last part.

    Raises DecodeError, also for an error reply from the kernel.
    """
    found: list[tuple[str, int]] = []
    place = 0
    while place < len(data):
        if len(data) - place < _HEADER.size:
            raise DecodeError("the answer ends within a head")
        size, kind, _, _, _ = _HEADER.unpack_from(data, place)
        body = data[place + _HEADER.size : place + size]
        if size < _HEADER.size or place + size > len(data):
            raise DecodeError(f"a message of {size} bytes in an answer of {len(data) - place}")
        if kind == _IS_DONE:
            return tuple(found), True
        if kind == _IS_ERROR:
            number = _ERROR.unpack_from(body)[0] if len(body) >= _ERROR.size else 0
            raise DecodeError(f"refused, with error {-number}")
        if kind != _BY_FAMILY or len(body) < _SOCKET.size:
            raise DecodeError(f"a message of type {kind} with {len(body)} bytes")
        family, port, address = _SOCKET.unpack_from(body)
        raw = address[:4] if family == FAMILIES[0] else address
        found.append((str(ipaddress.ip_address(raw)), int.from_bytes(port, "big")))
        place += size + -size % 4  # NLMSG_ALIGN
    return tuple(found), False


# TCP_LISTEN, and TCP_CLOSE for an unconnected UDP socket: include/net/tcp_states.h
_LISTENS, _BOUND = "0A", "07"


class Listening(Value):
    """A listening socket. `inode` appears in the fd links of the processes that hold it: `socket:[N]`."""

    address: str
    port: int
    inode: int


def parse_listening(text: str, *, udp: bool = False) -> tuple[Listening, ...]:
    """Each listening socket, in the file's order. Raises DecodeError. `udp`: for /proc/net/udp, where sockets that
    accept datagrams from anybody count as listening.
    """
    state = _BOUND if udp else _LISTENS
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
