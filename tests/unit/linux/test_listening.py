"""What the collector tells of listening sockets, decoded."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest

from stratascope.linux.decode import DecodeError
from stratascope.linux.listening import Ports, Socket, parse_ports

SIDE: dict[str, Any] = {"sockets": [["tcp", "::", 80, [5]]], "addresses": ["192.0.2.1", "2001:db8::1"]}
WHOLE: dict[str, Any] = {
    "own": SIDE,
    "host": SIDE,
    "forwards": [True, False],
    "others": [[7, "x"]],
    "mine": [5],
    "alike": [],
    "routes": [["10.0.0.0", 8, "br-1", True], ["0.0.0.0", 0, "eth0", False]],
    "whole": True,
    "bridged": False,
    "unread": [],
}


def parsed(**more: Any) -> Ports:
    return parse_ports(json.dumps({**WHOLE, **more}))


def test_routes_are_looked_up_but_for_addresses_of_the_machine() -> None:
    found = parsed()
    assert (found.forwards, found.outward(4), found.outward(6)) == (frozenset({4}), "eth0", "")
    interfaces = [
        route and route.interface for route in map(found.route, map(ip_address, ("10.1.2.3", "198.51.100.1")))
    ]
    assert interfaces == ["br-1", "eth0"]
    assert found.route(ip_address("192.0.2.1")) is None
    assert parsed(host=None).route(ip_address("10.1.2.3")) is None


@pytest.mark.parametrize(
    ("bound", "address", "takes"),
    [
        ("0.0.0.0", "192.0.2.1", True),
        ("0.0.0.0", "2001:db8::1", False),
        ("::", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_what_a_socket_takes(bound: str, address: str, takes: bool) -> None:
    assert Socket("tcp", ip_address(bound), 80).takes(ip_address(address)) is takes


@pytest.mark.parametrize(
    "bad",
    [
        {"own": None},
        {"own": {"sockets": [["sctp", "::", 80, []]], "addresses": []}},
        {"own": {"sockets": [["tcp", "::", 1 << 16, []]], "addresses": []}},
        {"own": {"sockets": [["tcp", 5, 80, []]], "addresses": []}},
        {"own": {"sockets": [], "addresses": ["/etc"]}},
        {"routes": [["10.0.0.0", 64, "br-1", True]]},
        {"routes": [["10.0.0.0", 8, None, True]]},
        {"forwards": [True]},
        {"others": [["x", "y"]]},
        {"mine": [1] * 10001},
    ],
)
def test_what_is_not_understood(bad: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        parsed(**bad)
