"""Routes of a network namespace: whether any leads on, and whether one covers the metadata address of clouds."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.routes import Reach, parse_routes, parse_routes6

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
OWN = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
LINK_LOCAL = "eth0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"  # 169.254.0.0/16, little endian
UNREACHABLE = "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"


@pytest.mark.parametrize(
    ("lines", "reach"),
    [
        ("", Reach(near=False, far=False)),
        (DEFAULT + OWN, Reach(near=True, far=True)),
        (OWN, Reach(near=True, far=False)),
        (LINK_LOCAL, Reach(near=True, far=True)),
        (UNREACHABLE, Reach(near=False, far=False)),
        (DEFAULT.replace("\t0003\t", "\t0002\t"), Reach(near=False, far=False)),  # not up
    ],
)
def test_routes(lines: str, reach: Reach) -> None:
    assert parse_routes(HEAD + lines) == reach


def line6(place: str, length: int, flags: int = 1, name: str = "v") -> str:
    zero = "0" * 32
    return f"{place:0<32} {length:02x} {zero} 00 {zero} 00000400 00000001 00000000 {flags:08x} {name:>8}\n"


@pytest.mark.parametrize(
    ("lines", "reach"),
    [
        ("", Reach(near=False, far=False)),
        (line6("fe80", 64) + line6("ff00", 8), Reach(near=True, far=False)),
        (line6("20010db80001", 64), Reach(near=True, far=False)),
        (line6("", 0, 3), Reach(near=True, far=True)),
        (line6("20", 3, 3), Reach(near=True, far=True)),
        (line6("fc", 7, 3), Reach(near=True, far=False)),
        (line6("ff00", 8), Reach(near=False, far=False)),
        # what a namespace with its own localhost alone has
        (line6("", 0, 0x00200200, "lo") + line6("0" * 31 + "1", 128, 0x80200001, "lo"), Reach(near=False, far=False)),
    ],
)
def test_routes_of_ipv6(lines: str, reach: Reach) -> None:
    assert parse_routes6(lines) == reach


@pytest.mark.parametrize("line", ["eth0\n", "eth0\tx\t0\t0003\t0\t0\t0\t0\n"])
def test_other_text_is_refused(line: str) -> None:
    with pytest.raises(DecodeError):
        parse_routes(HEAD + line)


@given(st.text())
def test_nothing_else_comes_out(text: str) -> None:
    with contextlib.suppress(DecodeError):
        assert isinstance(parse_routes(text), Reach)
    with contextlib.suppress(DecodeError):
        assert isinstance(parse_routes6(text), Reach)
