"""sock_diag(7): the request for listening TCP sockets and the kernel's reply. Pure; `probe` does the I/O.

/proc/net/tcp has the same, but walks the table of all connections, which has one row per 16 KiB of memory: this takes a
hundredth of its milliseconds.
"""

from __future__ import annotations

import ipaddress
import struct

from stratascope.linux.decode import DecodeError

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
