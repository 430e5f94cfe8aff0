"""Routes of a network namespace: whether any leads on, and whether one covers the metadata address of clouds."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.routes import Reach, parse_routes

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


@pytest.mark.parametrize("line", ["eth0\n", "eth0\tx\t0\t0003\t0\t0\t0\t0\n"])
def test_other_text_is_refused(line: str) -> None:
    with pytest.raises(DecodeError):
        parse_routes(HEAD + line)


@given(st.text())
def test_nothing_else_comes_out(text: str) -> None:
    with contextlib.suppress(DecodeError):
        assert isinstance(parse_routes(text), Reach)
