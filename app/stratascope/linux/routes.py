"""A network namespace's IPv4 routes, from /proc/PID/net/route."""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.value import Value

_UP, _REJECT = 0x0001, 0x0200  # include/uapi/linux/route.h
_METADATA = 0xA9FEA9FE  # 169.254.169.254


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


def _swapped(address: int) -> int:
    return int.from_bytes(address.to_bytes(4, "little"), "big")
