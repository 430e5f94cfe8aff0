"""Connections to a container's TCP ports: made inside its network namespace, where this user may enter it (setns(2)),
else from here, to where its engine publishes them. And who listens in this program's own network namespace: asked of
the kernel, and read where it does not answer.

A socket stays in the namespace in which it was made, and a namespace belongs to a thread, and to those that it starts:
one of its own enters and ends. Decided against nsenter(1): it need not be there.

Where it is published its engine tells, and no engine's word leads to another machine: only addresses of this one are
connected to, and no name is looked up. What is sent is fixed, and nothing that a server would act on; what comes back
is bounded in bytes and seconds, and handed on as it came.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stratascope.core.relaunch.evidence import Ask, Heard, Question
from stratascope.linux import sockets
from stratascope.linux.decode import DecodeError
from stratascope.linux.sockets import parse_listeners
from stratascope.value import replace

_CLONE_NEWNET = 0x40000000
_CONNECT = 2.0  # seconds; a socket that listens is connected to at once, over the loopback interface
_FIRST_MOST, _MORE_MOST = 1 << 12, 1 << 16  # bytes that are read
_QUIET = 0.2  # seconds without a byte more that end what it says
_LOOPBACK = ("127.0.0.1", "::1")

_HEAD, _GET = b"HEAD / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"
# PostgreSQL says nothing to what is not its protocol; to this one letter, and changes nothing by it (SSLRequest)
_OTHERS = {5432: b"\x00\x00\x00\x08\x04\xd2\x16\x2f"}

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG, include/uapi/linux/netlink.h
_SECONDS = 2.0  # the kernel answers at once
_PART_MAX = 1 << 16  # bytes; the kernel sends 32 KiB at most (net/netlink/af_netlink.c, netlink_dump)

Places = Mapping[int, Sequence[tuple[str, int]]]  # by the container's port: address and port to connect to


def hear_inside(pid: int, asks: Sequence[Ask]) -> tuple[Heard, ...] | None:
    """On the loopback addresses of that process's network. None: that namespace can't be entered."""
    found: list[tuple[Heard, ...]] = []

    def enter() -> None:
        try:
            handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) != 0:
                return
        finally:
            os.close(handle)
        found.append(hear(asks, {ask.port: [(address, ask.port) for address in _LOOPBACK] for ask in asks}))

    thread = threading.Thread(target=enter, name="inside")
    thread.start()
    thread.join()
    return found[0] if found else None


def hear(asks: Sequence[Ask], places: Places) -> tuple[Heard, ...]:
    """All side by side, from the network of the thread that calls this. Raises nothing."""
    found = [Heard(ask.port, ask.question) for ask in asks]

    def one(place: int, ask: Ask) -> Callable[[], None]:
        def run() -> None:
            found[place] = _heard(ask, places.get(ask.port, ()), found[place])

        return run

    threads = [threading.Thread(target=one(place, ask), name="asks") for place, ask in enumerate(asks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tuple(found)


def _heard(ask: Ask, places: Sequence[tuple[str, int]], nothing: Heard) -> Heard:
    for place in places:
        if not _here(place[0]):
            continue
        try:
            connection = socket.create_connection(place, _CONNECT)
        except OSError:
            continue
        with connection:
            return _conversation(connection, ask, replace(nothing, taken=True))
    return nothing


def _here(address: str) -> bool:
    """Whether that is an address of this machine: from there the kernel comes to it as itself. Nothing is sent."""
    try:
        if ipaddress.ip_address(address).is_loopback:
            return True
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as link:
            link.connect((address, 1))
            return bool(link.getsockname()[0] == link.getpeername()[0])
    except (OSError, ValueError):
        return False


def _conversation(connection: socket.socket, ask: Ask, heard: Heard) -> Heard:
    more = ask.question is Question.MORE
    data, closed = _read(connection, ask.listen, _FIRST_MOST)
    heard = replace(heard, data=data, closed=closed)
    if closed or (data and not more):
        return heard
    try:
        connection.sendall(_GET if more else _OTHERS.get(ask.port, _HEAD))
    except OSError:
        return replace(heard, closed=True)
    said, closed = _read(connection, ask.reply, _MORE_MOST if more else _FIRST_MOST)
    return replace(heard, data=data or said, closed=closed, asked=not data)


def _read(connection: socket.socket, seconds: float, most: int) -> tuple[bytes, bool]:
    """What it says in that time, until it is quiet; and whether it closed the connection."""
    data, until = bytearray(), time.monotonic() + seconds
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    while len(data) < most:
        left = min(until - time.monotonic(), _QUIET) if data else until - time.monotonic()
        if not waiting.poll(max(left, 0.0) * 1000):
            return bytes(data), False
        try:
            part = connection.recv(most - len(data))
        except OSError:
            return bytes(data), True
        if not part:
            return bytes(data), True
        data += part
    return bytes(data), False


def listeners() -> tuple[tuple[str, int], ...] | None:
    """Address and port of each listening TCP socket; None where neither way can be gone."""
    try:
        return _asked()
    except (OSError, DecodeError):  # a kernel without that part (CONFIG_INET_DIAG), or a sandbox that forbids it
        return _listed()


def bound() -> tuple[tuple[str, int], ...] | None:
    """The same of UDP, for sockets that are connected to nobody: read, as few have so many of them."""
    return _listed("udp")


def _asked() -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for family in sockets.FAMILIES:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as link:
            link.settimeout(_SECONDS)
            link.send(sockets.listening(family))
            last = False
            while not last:
                part, last = sockets.parse_sockets(link.recv(_PART_MAX))
                found += part
    return tuple(found)


def _listed(protocol: str = "tcp") -> tuple[tuple[str, int], ...] | None:
    try:
        texts = [Path("/proc/net", name).read_text(encoding="ascii") for name in (protocol, f"{protocol}6")]
        return tuple(listener for text in texts for listener in parse_listeners(text, udp=protocol == "udp"))
    except (OSError, DecodeError):
        return None
