"""Where a process's network namespace listens, and what of the machine's network leads there, as the collector tells
it. Pure.

The form is that of `collector/listening.py`.
"""

from __future__ import annotations

import json
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from stratascope.linux.decode import DecodeError
from stratascope.value import Value

_MOST, _PIDS_MOST = 1000, 10000
_WAYS = ("tcp", "udp")
Address = IPv4Address | IPv6Address


class Socket(Value):
    """One that listens. `holders`: PIDs of who has it, where that was looked for."""

    way: str
    address: Address
    port: int
    holders: tuple[int, ...] = ()

    @property
    def local(self) -> bool:
        """Whether it is bound to a loopback address."""
        return self.address.is_loopback

    def takes(self, address: Address) -> bool:
        """Whether it takes what is sent to this address of its namespace: the wildcard of IPv6 may take both."""
        if self.address.is_unspecified:
            return self.address.version == 6 or address.version == 4
        return self.address == address


class Side(Value):
    """One network namespace: what listens, and its addresses without the loopback's."""

    sockets: tuple[Socket, ...]
    addresses: tuple[Address, ...]


class Route(Value):
    """One of the machine's. `direct`: the address is on that interface's own network."""

    address: Address
    length: int
    interface: str
    direct: bool


class Ports(Value, dict=True):
    """All of it. `host`: None where the process has the machine's network; `routes`: the machine's, the most exact
    first; `forwards`: the versions of IP that the machine forwards; `bridged`: whether its packet filters are asked of
    what goes from one to another on a bridge; `others`: PID and program of whoever else has a network of its own;
    `mine`: processes of its control group or mount namespace; `alike`: in the machine's network, those of its user that
    are confined alike; `unread`: of both, whose sockets are not known; `whole`: whether all was looked at; `between`:
    programs that hand on to the machine's localhost, and whether they do so for this network (None: not known).
    """

    own: Side
    host: Side | None
    routes: tuple[Route, ...]
    forwards: frozenset[int]
    bridged: bool
    others: tuple[tuple[int, str], ...]
    mine: frozenset[int]
    alike: frozenset[int]
    unread: frozenset[int]
    whole: bool
    between: tuple[tuple[int, str, bool | None], ...] = ()

    def route(self, address: Address) -> Route | None:
        """By which route the machine reaches that address; None: by none, or it is one of its own."""
        if self.host is None or address in self.host.addresses:
            return None
        for network, route in self._networks:
            if address in network:
                return route
        return None

    @cached_property
    def _networks(self) -> tuple[tuple[Any, Route], ...]:
        return tuple((ip_network((each.address, each.length), strict=False), each) for each in self.routes)

    def outward(self, version: int) -> str:
        """The machine's interface to the world, "" if there is none."""
        found = (each.interface for each in self.routes if each.length == 0 and each.address.version == version)
        return next(found, "")


def parse_ports(text: str) -> Ports:
    """Decode the collector's answer; raises DecodeError."""
    try:
        found = json.loads(text)
        if max(len(found[name]) for name in ("routes", "others", "alike", "mine", "unread")) > _PIDS_MOST:
            raise DecodeError("ports: too many")
        return Ports(
            _side(found["own"]),
            None if found["host"] is None else _side(found["host"]),
            tuple([_route(*each) for each in found["routes"][:_MOST]]),
            frozenset(version for version, on in zip((4, 6), found["forwards"], strict=True) if on is True),
            found["bridged"] is True,
            tuple([(int(pid), str(program)) for pid, program in found["others"]]),
            frozenset(map(int, found["mine"])),
            frozenset(map(int, found["alike"])),
            frozenset(map(int, found["unread"])),
            found["whole"] is True,
            tuple([_cable(*each) for each in found.get("between", [])[:_MOST]]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise DecodeError(f"ports: not understood: {error}") from None


def _cable(pid: Any, program: Any, serves: Any) -> tuple[int, str, bool | None]:
    return int(pid), str(program), serves if isinstance(serves, bool) else None


def _side(found: Any) -> Side:
    sockets = tuple([_socket(*each) for each in found["sockets"][:_MOST]])
    return Side(sockets, tuple([_address(each) for each in found["addresses"][:_MOST]]))


def _socket(way: Any, address: Any, port: Any, holders: Any) -> Socket:
    if way not in _WAYS or type(port) is not int or not 0 <= port < 1 << 16:
        raise DecodeError("ports: a socket is tcp or udp, an address, a port and its holders")
    return Socket(way, _address(address), port, tuple([int(pid) for pid in holders]))


def _route(address: Any, length: Any, interface: Any, direct: Any) -> Route:
    place = _address(address)
    if type(length) is not int or not 0 <= length <= place.max_prefixlen or not isinstance(interface, str):
        raise DecodeError("ports: a route is an address, a length, an interface, and whether it leads there directly")
    return Route(place, length, interface, direct is True)


def _address(text: Any) -> Address:
    if not isinstance(text, str):
        raise DecodeError("ports: not an address")
    return ip_address(text)
