"""Owners, modes and ACLs, and the collector's lines of what is bound in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.capability import CapabilitySet
from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import EVERY_ID
from stratascope.linux.permissions import (
    SEARCH,
    WRITE,
    Permissions,
    Writable,
    Writer,
    may,
    parse_bound,
    parse_permissions,
    writable,
)

RANGE = ((0, 100000, 65536),)
NOBODY = Writer(2000, (2000,), EVERY_ID, EVERY_ID, 0)
MEMBER = Writer(2000, (2000, 50), EVERY_ID, EVERY_ID, 0)
ROOT = Writer(0, (0,), EVERY_ID, EVERY_ID, 0)


def bits(*names: str) -> int:
    return CapabilitySet.of(names).bits


def with_(who: Writer, *names: str) -> Writer:
    return Writer(who.uid, who.gids, who.uids, who.gid_ranges, bits(*names))


@pytest.mark.parametrize(
    ("who", "what", "right", "expected"),
    [
        (NOBODY, "0:0:755", WRITE, False),
        (NOBODY, "0:0:755", SEARCH, True),
        (NOBODY, "0:0:757", WRITE, True),
        (NOBODY, "2000:0:444", WRITE, True),  # the owner can change the mode
        (ROOT, "0:0:555", WRITE, True),
        (ROOT, "1000:1000:755", WRITE, False),  # without capabilities root is a user like any other
        (with_(ROOT, "CAP_DAC_OVERRIDE"), "1000:1000:700", WRITE, True),
        (with_(ROOT, "CAP_DAC_READ_SEARCH"), "1000:1000:700", SEARCH, True),
        (with_(ROOT, "CAP_DAC_READ_SEARCH"), "1000:1000:700", WRITE, False),
        (with_(ROOT, "CAP_FOWNER"), "1000:1000:700", WRITE, True),
        (with_(ROOT, "CAP_CHOWN"), "1000:1000:700", WRITE, True),
        (with_(ROOT, "CAP_SETUID"), "1000:1000:700", WRITE, True),
        (with_(ROOT, "CAP_NET_RAW"), "1000:1000:700", WRITE, False),
        (MEMBER, "0:50:775", WRITE, True),
        (MEMBER, "0:50:705", WRITE, False),
        (MEMBER, "0:50:707", WRITE, False),  # the group's bits hold for members, not those for others
        (NOBODY, "0:50:707", WRITE, True),
        # capabilities over ids that are not mapped do nothing
        (Writer(100000, (100000,), RANGE, RANGE, bits("CAP_DAC_OVERRIDE")), "0:0:755", WRITE, False),
        (Writer(100000, (100000,), RANGE, RANGE, bits("CAP_DAC_OVERRIDE")), "100005:100005:700", WRITE, True),
        (Writer(100000, (100000,), RANGE, RANGE, bits("CAP_DAC_OVERRIDE")), "100005:0:700", WRITE, False),
        # any group that is mapped can be taken, and left
        (with_(NOBODY, "CAP_SETGID"), "0:50:775", WRITE, True),
        (with_(MEMBER, "CAP_SETGID"), "0:50:707", WRITE, True),
        (with_(NOBODY, "CAP_SETGID"), "0:0:770:g50=7/G=0/m=7", WRITE, True),
        (Writer(100000, (100000,), RANGE, RANGE, bits("CAP_SETGID")), "0:50:775", WRITE, False),
        # ACLs
        (NOBODY, "0:0:770:u2000=7/G=7/m=7", WRITE, True),
        (NOBODY, "0:0:750:u2000=7/G=7/m=5", WRITE, False),  # the mask takes it away
        (NOBODY, "0:0:777:u2000=5/G=7/m=7", WRITE, False),
        (MEMBER, "0:0:770:g50=7/G=0/m=7", WRITE, True),
        (MEMBER, "0:50:777:g2000=4/G=4/m=7", WRITE, False),
        (NOBODY, "0:0:757:g50=7/G=0/m=7", WRITE, True),
    ],
)
def test_rights(who: Writer, what: str, right: int, expected: bool) -> None:
    assert may(who, parse_permissions(what), right) is expected


@pytest.mark.parametrize(
    ("lines", "who", "expected"),
    [
        (("- d - 0:0:755",), NOBODY, Writable(False, False, None, None)),
        (("- d - 0:0:1777",), NOBODY, Writable(True, True, None, None)),
        (("- d - 0:0:700", "- d 0:0:700 0:0:777"), NOBODY, Writable(False, False, None, None)),
        (("- d - 0:0:711", "- d 0:0:711 0:0:777"), NOBODY, Writable(True, True, None, None)),
        (("- f - 2000:0:644",), NOBODY, Writable(True, False, None, None)),  # not root's, and not to be given to it
        (("- f - 0:0:666",), NOBODY, Writable(True, True, None, None)),
        (("r d - 0:0:755",), ROOT, Writable(True, True, True, None)),
        (("u d - 2000:0:755",), NOBODY, Writable(True, True, None, True)),
        (("b f - 2000:0:755",), NOBODY, Writable(True, False, True, True)),
        (("r p - 2000:0:755",), NOBODY, Writable(None, None, True, None)),
        (("r p - 0:0:1777",), NOBODY, Writable(None, None, False, None)),  # sticky: what is others' stays
        (("r k - 0:0:644",), ROOT, Writable(None, None, True, None)),
        (("r k - 0:0:644",), with_(NOBODY, "CAP_DAC_OVERRIDE"), Writable(None, None, False, None)),
        (("- d - 0:0:755", "- ? - 0:0:755"), NOBODY, Writable(None, None, None, None)),
        (("- d - 0:0:700", "- ? - 0:0:700"), NOBODY, Writable(False, False, None, None)),  # it can't go there
        (("- d - 0:0:777", "- ? - 0:0:777"), NOBODY, Writable(True, True, None, None)),
        (("b ? - 0:0:777",), NOBODY, Writable(None, None, None, None)),
    ],
)
def test_what_may_be_written(lines: tuple[str, ...], who: Writer, expected: Writable) -> None:
    text = "".join(f"12 {line}\n" for line in ("= /data", *lines))
    assert writable(parse_bound(text), who) == expected


def test_nothing_read_is_nothing_known() -> None:
    assert writable((), ROOT) == Writable(None, None, None, None)


@pytest.mark.parametrize(
    "text",
    ["12 - d - 0:0:755", "12 = /x\n12 x d - 0:0:755", "12 = /x\n12 - d - 0:0:9", "12 = /x\n12 - d - 0:0:755:x1=7"],
)
def test_bad_lines(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_bound(text)


@given(st.text())
def test_any_text(text: str) -> None:
    try:
        parse_bound(text)
        parse_permissions(text)
    except DecodeError:
        pass


def test_permissions_of_a_root_directory() -> None:
    assert parse_permissions("0:0:555\n") == Permissions(0, 0, 0o555)
