"""Refusals by the network: no route, no address of that family, a packet filter, ping sockets by group."""

from __future__ import annotations

import errno

from stratascope.core.message import msg
from stratascope.core.refusals import tried
from stratascope.core.refusals.refusal import NETWORK, Attempt, Claim, Strength
from stratascope.core.relaunch.want import Network, Setting
from stratascope.linux.namespace import to_inside

PING_RANGE = "net.ipv4.ping_group_range"
_SENDS = frozenset(("connect", "sendto", "sendmsg", "sendmmsg"))
_INET, _INET6 = 2, 10
_DATAGRAM, _TYPE_MASK = 2, 0xF  # SOCK_DGRAM; SOCK_TYPE_MASK
_ICMP = (1, 58)  # IPPROTO_ICMP, IPPROTO_ICMPV6
_EVERYONE = "0 2147483647"


def claim(attempt: Attempt) -> Claim | None:
    """The claim that the network refused the attempt."""
    if not tried.called(attempt, attempt.errno) or attempt.lacked:
        return None
    return _way(attempt) or _address(attempt) or _ping(attempt) or _filtered(attempt)


def _way(attempt: Attempt) -> Claim | None:
    if attempt.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return None
    address = attempt.around.address
    if address is None or not address.text:
        return Claim(NETWORK, msg("Its network has no route to that address."), Strength.FITS, (Network(),))
    if address.family == "inet6" and not address.text.startswith("::ffff:"):
        what = msg("Its network has no IPv6 route to {address}.", address=address.text)
        return Claim(NETWORK, what, Strength.FITS)
    what = msg("Its network has no route to {address}.", address=address.text)
    return Claim(NETWORK, what, Strength.FITS, (Network(),))


def _address(attempt: Attempt) -> Claim | None:
    if attempt.errno != errno.EADDRNOTAVAIL:
        return None
    address = attempt.around.address
    text = address.text if address is not None else ""
    if attempt.name == "bind" and text:
        what = msg("{address} is not an address of its network.", address=text)
    else:
        what = msg("Its network has no address of that kind, for example because IPv6 is disabled.")
    return Claim(NETWORK, what, Strength.FITS)


def _ping(attempt: Attempt) -> Claim | None:
    """The claim for ping sockets, which check groups and no capability (ping_init_sock, net/ipv4/ping.c)."""
    if attempt.name != "socket" or attempt.errno != errno.EACCES:
        return None
    family, kind, protocol = (tried.value(attempt, place) for place in range(3))
    if family not in (_INET, _INET6) or kind is None or kind & _TYPE_MASK != _DATAGRAM or protocol not in _ICMP:
        return None
    gid = attempt.around.ids[1] if attempt.around.ids is not None and len(attempt.around.ids) == 4 else None
    inside = None if gid is None else to_inside(attempt.gids or (), gid)
    if gid is None:
        what = msg("Its network does not let its group send pings (net.ipv4.ping_group_range).")
    else:
        what = msg(
            "Its network does not let group {gid} send pings (net.ipv4.ping_group_range).",
            gid=inside if inside is not None else gid,
        )
    return Claim(NETWORK, what, Strength.FITS, (Setting(PING_RANGE, _EVERYONE),))


def _filtered(attempt: Attempt) -> Claim | None:
    """The claim for EPERM on sending: a packet filter dropped it on output (net/netfilter/core.c, nf_hook_slow)."""
    address = attempt.around.address
    if attempt.name not in _SENDS or address is None or address.family not in ("inet", "inet6"):
        return None
    if attempt.errno == errno.EACCES and address.family == "inet" and address.text.endswith(".255"):
        what = msg(
            "{address} looks like a broadcast, for which the program has to set SO_BROADCAST.", address=address.text
        )
        return Claim(NETWORK, what, Strength.LEFT)
    if attempt.errno != errno.EPERM:
        return None
    what = msg(
        "A packet filter (nftables, iptables) or a BPF program blocks traffic to {address}.", address=address.text
    )
    return Claim(NETWORK, what, Strength.FITS)
