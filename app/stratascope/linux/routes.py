"""A network namespace's routes, from /proc/PID/net/route and ipv6_route."""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.value import Value

_UP, _REJECT = 0x0001, 0x0200  # include/uapi/linux/route.h
_METADATA = 0xA9FEA9FE  # 169.254.169.254
_PUBLIC6 = 0x2600 << 112  # 2600::, in the block from which addresses are given out
_MULTICAST6, _LOCAL6 = 0xFF, 0x80000000  # of ff00::/8 the first byte; RTF_LOCAL, include/uapi/linux/ipv6_route.h


class Reach(Value):
    """Whether a route leads anywhere (beyond the loopback, which has no lines), and beyond its own networks."""

    near: bool
    far: bool


@remembered()
def parse_routes(text: str) -> Reach:
    """Which routes there are: `far` where one covers the metadata address of clouds. Raises DecodeError."""
    near = far = False
    for number, line in enumerate(text.splitlines()[1:], 2):
        words = line.split()
        if len(words) < 8:
            raise DecodeError(f"routes, line {number}: {line[:80]!r}")
        try:
            place, flags, mask = (int(words[column], 16) for column in (1, 3, 7))
        except ValueError:
            raise DecodeError(f"routes, line {number}: {line[:80]!r}") from None
        if flags & _UP and not flags & _REJECT:
            near = True
            # printed as a word of the machine's byte order: fib_route_seq_show, net/ipv4/fib_trie.c
            far = far or any(wanted & mask == place for wanted in (_METADATA, _swapped(_METADATA)))
    return Reach(near, far)


@remembered()
def parse_routes6(text: str) -> Reach:
    """The same for IPv6: `far` where one covers addresses of the internet. Raises DecodeError."""
    near = far = False
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if len(words) < 10:
            raise DecodeError(f"IPv6 routes, line {number}: {line[:80]!r}")
        try:
            place, length, flags = (int(words[column], 16) for column in (0, 1, 8))
        except ValueError:
            raise DecodeError(f"IPv6 routes, line {number}: {line[:80]!r}") from None
        leads = flags & _UP and not flags & (_REJECT | _LOCAL6) and words[9] != "lo"
        if leads and place >> 120 != _MULTICAST6:
            near = True
            far = far or (place ^ _PUBLIC6) >> max(128 - length, 0) == 0
    return Reach(near, far)


def _swapped(address: int) -> int:
    return int.from_bytes(address.to_bytes(4, "little"), "big")
