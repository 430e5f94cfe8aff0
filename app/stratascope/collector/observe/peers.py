"""Which sockets of a container are connected to one that was bound to a file: sock_diag(7).

It tells of one network namespace. The server's end of a connection is in that of the client, wherever the server is
(unix_stream_connect, net/unix/af_unix.c), and is listed once it was accepted.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Dict, List, NamedTuple

from stratascope.collector.read import CLONE_NEWNET, join

# include/uapi/linux/sock_diag.h and unix_diag.h
_SOCK_DIAG, _BY_FAMILY, _DUMP, _DONE, _ERROR = 4, 20, 0x301, 3, 2
_NAME, _VFS, _PEER = 0, 1, 2
_ESTABLISHED = 1 << 1
_DIAG_MAX = 8 << 20


class Peer(NamedTuple):
    """Another end that was bound to a file. `path`: as the server named it; `inode`: its file's, the lower 32 bits."""

    whose: int
    path: str
    inode: int
    device: int
    socket: int  # its own inode


def sockets_of_peers(mine: Dict[int, int], of: int) -> List[Peer]:
    """Of these sockets, number by inode, the other ends that were bound to a file, each with that number. `of`: a
    process in their network namespace.
    """
    found: List[Peer] = []
    if not mine:
        return found
    try:
        link = _link(of)
    except OSError:
        return found
    with link:
        link.settimeout(1.0)
        show = 1 << _NAME | 1 << _VFS | 1 << _PEER
        asked = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, _ESTABLISHED, 0, show, 0, 0)
        size = 0
        try:
            link.send(struct.pack("=IHHII", 16 + len(asked), _BY_FAMILY, _DUMP, 1, 0) + asked)
            while size < _DIAG_MAX:
                data = link.recv(1 << 16)
                size += len(data)
                place = 0
                while place + 16 <= len(data):
                    length, kind = struct.unpack_from("=IH", data, place)
                    if kind in (_DONE, _ERROR) or length < 16:
                        return found
                    attributes = _attributes(data[place + 32 : place + length])
                    (own,) = struct.unpack_from("=I", data, place + 20)
                    place += (length + 3) & ~3
                    peer, file = attributes.get(_PEER, b""), attributes.get(_VFS, b"")
                    whose = mine.get(struct.unpack("=I", peer)[0]) if len(peer) == 4 else None
                    if whose is not None and len(file) == 8:
                        inode, device = struct.unpack("=II", file)
                        bound = attributes.get(_NAME, b"").split(b"\0")[0].decode("utf-8", "surrogateescape")
                        found.append(Peer(whose, bound, inode, os.makedev(device >> 20, device & 0xFFFFF), own))
        except OSError:
            pass
    return found


def _link(of: int) -> socket.socket:
    """A socket that tells of that process's network namespace; only this thread enters it, for that long. Raises
    OSError.
    """
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        other = os.open("/proc/%d/ns/net" % of, os.O_RDONLY | os.O_CLOEXEC)
        try:
            here = os.path.sameopenfile(own, other)
            if not here:
                join(other, CLONE_NEWNET)
        finally:
            os.close(other)
        try:
            return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
        finally:
            if not here:
                join(own, CLONE_NEWNET)
    finally:
        os.close(own)


def _attributes(data: bytes) -> Dict[int, bytes]:
    found: Dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, place)
        if length < 4:
            break
        found[kind] = data[place + 4 : place + length]
        place += (length + 3) & ~3
    return found
