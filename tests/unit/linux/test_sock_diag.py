"""The kernel's answers about listening sockets: real ones, damaged ones, and nothing but DecodeError."""

from __future__ import annotations

import contextlib
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.sockets import FAMILIES, listening, parse_sockets

# Linux 6.18, x86_64: one socket that listens at 127.0.0.1:8080, and the end
INET = bytes.fromhex(
    "7c000000140002000100000025780000020a00001f9000007f000001000000000000000000000000000000000000000000000000"
    "0000000000000000600000000000000000000000000000000500000000000000fdb021000500080000000000"
    "08000f00000000000c00150001000000000000000600160052000000"
)
DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)


def message(family: int, port: int, address: bytes) -> bytes:
    """One socket, as the kernel tells of it."""
    body = struct.pack("=BBBB", family, 10, 0, 0) + port.to_bytes(2, "big") + bytes(2) + address.ljust(16, b"\0")
    return struct.pack("=IHHII", 88, 20, 2, 1, 0) + body.ljust(72, b"\0")


def test_both_families() -> None:
    four, six = message(2, 80, bytes(4)), message(10, 443, bytes(15) + b"\1")
    assert parse_sockets(four + six) == ((("0.0.0.0", 80), ("::1", 443)), False)
    assert parse_sockets(four + DONE + b"rubbish") == ((("0.0.0.0", 80),), True)
    assert parse_sockets(INET) == ((("127.0.0.1", 8080),), False)
    assert parse_sockets(b"") == ((), False)


@pytest.mark.parametrize(
    "data",
    [
        message(2, 80, bytes(4))[:-1],
        message(2, 80, bytes(4))[:15],
        struct.pack("=IHHII", 0, 20, 2, 1, 0),
        struct.pack("=IHHII", 16, 20, 2, 1, 0),
        struct.pack("=IHHII", 16, 99, 2, 1, 0),
        struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -2),
        struct.pack("=IHHII", 16, 2, 0, 1, 0),
    ],
)
def test_damaged_and_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_sockets(data)


@given(st.binary(max_size=400))
def test_nothing_else_comes_out(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        parse_sockets(data)


@given(st.binary(max_size=200), st.integers(0, 100))
def test_nothing_else_comes_out_of_what_begins_well(data: bytes, cut: int) -> None:
    with contextlib.suppress(DecodeError):
        parse_sockets(message(2, 80, bytes(4))[:cut] + data)


def test_the_question_is_of_the_kernels_size() -> None:
    assert [len(listening(family)) for family in FAMILIES] == [72, 72]
    assert FAMILIES == (socket.AF_INET, socket.AF_INET6)
