"""Namespace links: good, bad, any text."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import Namespace, NamespaceLink, is_initial, parse_link, parse_parents


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("net:[4026531840]", NamespaceLink(Namespace.NET, 4026531840)),
        ("time:[4026531834]\n", NamespaceLink(Namespace.TIME, 4026531834)),
        ("cgroup:[1]", NamespaceLink(Namespace.CGROUP, 1)),
    ],
)
def test_good(text: str, link: NamespaceLink) -> None:
    assert parse_link(text) == link


@pytest.mark.parametrize(
    "text",
    [
        "",
        "net",
        "net:[]",
        "net:[x]",
        "net:[12",
        "net:12]",
        "foo:[12]",
        "net:[-1]",
        "net:[0]",
        "net:[٣]",
        "net:[" + "9" * 21 + "]",
    ],
)
def test_bad(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_link(text)


@given(st.text() | st.from_regex(r"(net|pid):\[[0-9]{0,30}\]?", fullmatch=True))
def test_any_text(text: str) -> None:
    with contextlib.suppress(DecodeError):
        assert parse_link(text).inode > 0


@pytest.mark.parametrize("kind", list(Namespace))
def test_this_process(kind: Namespace) -> None:
    link = parse_link(str(Path(f"/proc/self/ns/{kind}").readlink()))
    assert link == NamespaceLink(kind, Path(f"/proc/self/ns/{kind}").stat().st_ino)


def test_fixed_inodes() -> None:
    assert is_initial(Namespace.USER, 4026531837) is True
    assert is_initial(Namespace.PID, 4026532249) is False
    assert is_initial(Namespace.NET, 4026531840) is None


def test_parents() -> None:
    assert parse_parents("") == ()
    assert parse_parents("user:[4026532100] user:[4026531837]") == (4026532100, 4026531837)
    with pytest.raises(DecodeError):
        parse_parents("user:[4026532100] 7")
