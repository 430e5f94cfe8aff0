"""Connections to a container's TCP ports: from inside its network namespace, if this user may enter it (setns(2)), else
from here, to the ports that its engine publishes. Also lists listeners in this program's own network namespace, by
sock_diag, or from /proc if that does not work.

A socket stays in the namespace where it was created, and a namespace belongs to a thread and the threads that it
starts: so a dedicated thread enters it and ends. Decided against nsenter(1): it may be missing.

The engine reports where ports are published, but no engine can direct us to another machine: only this machine's
addresses are connected to, and no name is looked up. What is sent is fixed, and nothing that a server would act on;
replies are bounded in bytes and seconds, and returned unchanged.
"""

from __future__ import annotations

import ipaddress
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stratascope.collector.read import CLONE_NEWNET, join
from stratascope.core.relaunch.evidence import Ask, Heard, Question
from stratascope.linux import sockets
from stratascope.linux.decode import DecodeError
from stratascope.linux.sockets import parse_listeners
from stratascope.value import replace

_CONNECT = 2.0  # seconds; connecting to a listening socket over loopback is immediate
_FIRST_MOST, _MORE_MOST = 1 << 12, 1 << 16  # bytes that are read
_QUIET = 0.2  # seconds of silence that end a reply
_LOOPBACK = ("127.0.0.1", "::1")

_HEAD, _GET = b"HEAD / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"
# PostgreSQL does not reply to a foreign protocol; this one message makes it reply and changes nothing (SSLRequest)
_OTHERS = {5432: b"\x00\x00\x00\x08\x04\xd2\x16\x2f"}

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG, include/uapi/linux/netlink.h
_SECONDS = 2.0  # the kernel answers at once
_PART_MAX = 1 << 16  # bytes; the kernel sends at most 32 KiB (net/netlink/af_netlink.c, netlink_dump)

Places = Mapping[int, Sequence[tuple[str, int]]]  # by the container's port: address and port to connect to


def hear_inside(pid: int, asks: Sequence[Ask]) -> tuple[Heard, ...] | None:
    """Connect on the loopback addresses of that process's network. None: its namespace can't be entered."""
    found: list[tuple[Heard, ...]] = []

    def enter() -> None:
        try:
            handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            join(handle, CLONE_NEWNET)
        except OSError:
            return
        finally:
            os.close(handle)
        found.append(hear(asks, {ask.port: [(address, ask.port) for address in _LOOPBACK] for ask in asks}))

    thread = threading.Thread(target=enter, name="inside")
    thread.start()
    thread.join()
    return found[0] if found else None


def hear(asks: Sequence[Ask], places: Places) -> tuple[Heard, ...]:
    """Connect to all at the same time, from the calling thread's network. Raises nothing."""
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
    """Whether an address is this machine's: then the kernel's source address for it is itself. Nothing is sent."""
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
    """Read until the time is over or the peer falls silent; and whether it closed the connection."""
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
    """Address and port of each listening TCP socket; None if neither way works."""
    try:
        return _asked()
    except (OSError, DecodeError):  # a kernel without sock_diag (CONFIG_INET_DIAG), or a sandbox that forbids it
        return _listed()


def bound() -> tuple[tuple[str, int], ...] | None:
    """The same for UDP sockets without a peer; from /proc only, as few machines have many."""
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
