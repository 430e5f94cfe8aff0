"""What is said of a process in a chroot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.chroot import Chroot, Holds, parse_chroot
from stratascope.linux.decode import DecodeError


def test_each_word() -> None:
    assert parse_chroot("") is None
    assert parse_chroot("412 leaves /jail") == Chroot(412, Holds.NOTHING, "/jail")
    assert parse_chroot("412 reaches /jail with a space") == Chroot(412, Holds.ROOT, "/jail with a space")
    assert parse_chroot("1 stays /var/empty (deleted)") == Chroot(1, Holds.FILES, "/var/empty (deleted)")


@pytest.mark.parametrize(
    "text", ["412", "412 leaves", "x leaves /jail", "412 stays jail", "412 goes /jail", "412  /jail"]
)
def test_what_it_is_not(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_chroot(text)


@given(st.text())
def test_any_text(text: str) -> None:
    try:
        found = parse_chroot(text)
    except DecodeError:
        return
    assert found is None or found.path.startswith("/")
