"""What the collector tells of sockets and device nodes: good and damaged text, and nothing but DecodeError."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.ground import SpecialFile, SpecialFiles, parse_sockets, parse_special
from stratascope.linux.decode import DecodeError

TEXT = "b 7:0 0 6 660 0:6:94 /dev/loop0\ns 0:0 0 998 1660 0:26:1042 /run/a place/docker.sock\n"
DISK = SpecialFile("b", 7, 0, 0, 6, 0o660, "0:6:94", "/dev/loop0")


def test_files() -> None:
    socket = SpecialFile("s", 0, 0, 0, 998, 0o1660, "0:26:1042", "/run/a place/docker.sock")
    assert parse_special(TEXT) == SpecialFiles((DISK, socket), whole=True)
    assert parse_special(f"{TEXT}...\n") == SpecialFiles((DISK, socket), whole=False)
    assert parse_special("") == SpecialFiles((), whole=True)


def test_sockets() -> None:
    assert parse_sockets("0:26:7 /run/docker.sock\n") == (("0:26:7", "/run/docker.sock"),)
    assert parse_sockets("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "b 7 0 6 660 0:6:94 /dev/x",
        "x 7:0 0 6 660 0:6:94 /dev/x",
        "b 7:0 0 6 999 0:6:94 /dev/x",
        "b 7:0 0 6 660 0:6 /dev/x",
        "b 7:0 0 6 660 0:6:94 dev",
        "b -7:0 0 6 660 0:6:94 /dev/x",
        "nonsense",
    ],
)
def test_damaged(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_special(text)
    with pytest.raises(DecodeError):
        parse_sockets(text)


@given(st.text(max_size=200))
def test_nothing_else_comes_out(text: str) -> None:
    for parse in (parse_special, parse_sockets):
        with contextlib.suppress(DecodeError):
            parse(text)
