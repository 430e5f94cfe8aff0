"""Descriptors as the collector lists them."""

from __future__ import annotations

import pytest

from stratascope.linux.decode import DecodeError
from stratascope.linux.descriptors import Descriptor, parse_descriptors


def test_each_kind() -> None:
    text = (
        "3 d p 0:0 host /\n"
        "4 f w 0:0 host /var/log/with a space\n"
        "5 b r 254:0 host /dev/vda\n"
        "6 n r 0:0 host net:[4026531840]\n"
        "cwd d p 0:0 else /gone\n"
        "...\n"
    )
    assert parse_descriptors(text) == (
        Descriptor("3", "d", False, (0, 0), True, "/"),
        Descriptor("4", "f", True, (0, 0), True, "/var/log/with a space"),
        Descriptor("5", "b", False, (254, 0), True, "/dev/vda"),
        Descriptor("6", "n", False, (0, 0), True, "net:[4026531840]"),
        Descriptor("cwd", "d", False, (0, 0), False, "/gone"),
    )
    assert parse_descriptors("") == ()


@pytest.mark.parametrize(
    "text", ["3 d p 0:0 host", "x d p 0:0 host /", "3 z r 0:0 host /", "3 d p 0 host /", "-1 d p 0:0 host /"]
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_descriptors(text)
