"""The network: no way, no such address, packet filters, ping sockets."""

from __future__ import annotations

from typing import Any

import pytest

from rig.core.refusals.moments import MAPPED, around, call, check
from stratascope.core.refusals.network import claim
from stratascope.core.refusals.refusal import NETWORK, Attempt, Strength
from stratascope.core.relaunch.want import Network, Setting, Want
from stratascope.i18n.translate import translate


def at(*address: Any) -> dict[str, Any]:
    return around(address=list(address))


CASES: list[tuple[Attempt, str, tuple[Want, ...]]] = [
    (
        call("connect", 101, 3, said=at("inet", "10.1.2.3", 80)),
        "Its network has no route to 10.1.2.3.",
        (Network(),),
    ),
    (
        call("sendto", 101, 3, said=at("inet6", "2001:db8::1", 53)),
        "Its network has no IPv6 route to 2001:db8::1.",
        (),
    ),
    (call("sendmsg", 101, 3), "Its network has no route to that address.", (Network(),)),
    (call("bind", 99, 3, said=at("inet", "192.0.2.7", 80)), "192.0.2.7 is not an address of its network.", ()),
    (
        call("connect", 99, 3, said=at("inet6", "::1", 80)),
        "Its network has no address of that kind, for example because IPv6 is disabled.",
        (),
    ),
    (
        call("socket", 13, 2, 2 | 0x80000, 1, said=around(5)),
        "Its network does not let group 5 send pings (net.ipv4.ping_group_range).",
        (Setting("net.ipv4.ping_group_range", "0 2147483647"),),
    ),
    (
        call("socket", 13, 10, 2, 58, said=around(200005), uids=MAPPED),
        "Its network does not let group 5 send pings (net.ipv4.ping_group_range).",
        (Setting("net.ipv4.ping_group_range", "0 2147483647"),),
    ),
    (
        call("sendto", 1, 3, said=at("inet", "10.1.2.3", 80)),
        "A packet filter (nftables, iptables) or a BPF program blocks traffic to 10.1.2.3.",
        (),
    ),
]


@pytest.mark.parametrize(("attempt", "text", "wants"), CASES, ids=lambda each: each if isinstance(each, str) else "")
def test_what_refused_it(attempt: Attempt, text: str, wants: tuple[Want, ...]) -> None:
    found = claim(attempt)
    assert found is not None
    assert (found.layer, translate(found.what), found.wants) == (NETWORK, text, wants)
    assert found.strength is Strength.FITS


def test_no_matter_of_the_network() -> None:
    assert claim(call("socket", 13, 2, 1, 0)) is None  # no ping
    assert claim(call("socket", 1, 2, 3, 1, said=around(5, [check("CAP_NET_RAW", "ns_capable")]))) is None
    assert claim(call("connect", 13, 3, said=at("unix", "/run/x", 0))) is None
    assert claim(call("connect", 101, 3, said=at("inet", "10.1.2.3", 80), entered=False)) is None
    assert claim(call("open", 1, 0, 0)) is None
