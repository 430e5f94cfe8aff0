"""The collector's answer about credentials and sockets, decoded: only DecodeError comes out."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.permissions import Permissions
from stratascope.linux.reach import Bridge, Found, FoundFile, Place, Seen, parse_reach

PLACE = ["/keys/id", "same", True, ["0:0:755"], "1000:1000:600"]
FILE = ["ssh-keys", "/home/me/.ssh/id", "f", "1000:1000:600", [PLACE]]


def text(*files: Any, **more: Any) -> str:
    return json.dumps({"files": list(files), "cut": [], "seen": True, **more})


def test_a_file_at_another_place() -> None:
    mine = Permissions(1000, 1000, 0o600)
    place = Place("/keys/id", Seen.SAME, True, (Permissions(0, 0, 0o755),), mine)
    assert parse_reach(text(FILE)) == Found(
        (FoundFile("ssh-keys", "/home/me/.ssh/id", "f", "", mine, (place,)),), frozenset(), True
    )


def test_a_folder_that_stands_for_what_lies_in_it() -> None:
    found = parse_reach(text(["tls-keys", "/etc/ssl/private", "d?", "0:0:700", []], cut=["home"], seen=False))
    assert (found.files[0].what, found.files[0].stands) == ("d", "?")
    assert (found.cut, found.seen) == (frozenset({"home"}), False)


BRIDGE = ["127.0.0.1:80", "tcp", [[7, "socat"]], "/run/docker.sock", False, False, "docker-socket"]


def test_a_socket_that_leads_on() -> None:
    (found,) = parse_reach(text(bridges=[BRIDGE])).bridges
    assert found == Bridge("127.0.0.1:80", False, ((7, "socat"),), "/run/docker.sock", False, False, "docker-socket")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "[]",
        "{}",
        text(FILE[:4]),
        text([*FILE[:2], "x", *FILE[3:]]),
        text([FILE[0], "relative", *FILE[2:]]),
        text([*FILE[:3], "me", FILE[4]]),
        text([*FILE[:4], [[*PLACE[:1], "there", *PLACE[2:]]]]),
        text([*FILE[:4], [[*PLACE[:2], 1, *PLACE[3:]]]]),
        text(FILE, seen="yes"),
        text(FILE, cut=[1]),
        text(bridges=[[*BRIDGE[:1], "udp", *BRIDGE[2:]]]),
        text(bridges=[[*BRIDGE[:2], [["x", "y"]], *BRIDGE[3:]]]),
        text(bridges=[BRIDGE[:6]]),
        text(*[FILE] * 10_001),
        "[" * 100_000,
    ],
)
def test_what_is_not_understood(bad: str) -> None:
    with pytest.raises(DecodeError):
        parse_reach(bad)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_nothing_else_comes_out(value: Any) -> None:
    with contextlib.suppress(DecodeError):
        parse_reach(json.dumps({"files": value, "cut": [], "seen": True}))
