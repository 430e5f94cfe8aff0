"""/proc/net/tcp: the listening sockets, and nothing else comes out but DecodeError."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.sockets import parse_listeners, parse_socket_links

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0"


@pytest.mark.parametrize(
    ("local", "remote", "state", "found"),
    [
        ("0100007F:1F90", "00000000:0000", "0A", (("127.0.0.1", 8080),)),
        ("00000000:0050", "00000000:0000", "0A", (("0.0.0.0", 80),)),
        ("00000000000000000000000001000000:01BB", "0" * 32 + ":0000", "0A", (("::1", 443),)),
        ("0100007F:1F90", "0100007F:A0B0", "01", ()),  # a connection
    ],
)
def test_good(local: str, remote: str, state: str, found: tuple[tuple[str, int], ...]) -> None:
    assert parse_listeners(f"{HEAD}   0: {local} {remote} {state} {REST}\n") == found


def test_udp() -> None:
    """Those that take what anybody sends: 07 there, and no connected ones."""
    text = f"{HEAD}   0: 0100007F:0035 00000000:0000 07 {REST}\n   1: 0100007F:0036 0100007F:A0B0 01 {REST}\n"
    assert parse_listeners(text, udp=True) == (("127.0.0.1", 53),)
    assert parse_listeners(text) == ()


def test_empty() -> None:
    assert parse_listeners("") == parse_listeners(HEAD) == ()


@pytest.mark.parametrize("local", ["0100007F", "0100007F:", ":0050", "01:0050", "XX00007F:0050", "0100007F:no"])
def test_bad(local: str) -> None:
    with pytest.raises(DecodeError):
        parse_listeners(f"{HEAD}   0: {local} 00000000:0000 0A {REST}\n")


@given(st.text(max_size=200))
def test_fuzz(text: str) -> None:
    with contextlib.suppress(DecodeError):
        parse_listeners(f"{HEAD}{text}")


def test_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ("127.0.0.1", port) in parse_listeners(Path("/proc/net/tcp").read_text())


@pytest.mark.parametrize(
    ("text", "inodes"),
    [
        ("socket:[4711]\nsocket:[12]\nsocket:[4711]\n", {4711, 12}),
        ("", set()),
        ("pipe:[4711]\n/dev/null\nsocket:[]\nsocket:[-1]\nsocket:[١]\n", set()),
        (f"socket:[{'9' * 21}]\n", set()),
    ],
)
def test_socket_links(text: str, inodes: set[int]) -> None:
    assert parse_socket_links(text) == inodes


@given(st.text(max_size=200))
def test_any_socket_links(text: str) -> None:
    assert all(inode >= 0 for inode in parse_socket_links(text))
