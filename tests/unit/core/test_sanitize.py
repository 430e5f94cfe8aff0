"""Foreign text is made harmless, and nothing but that happens to it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.sanitize import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web", "web"),
        ("<img src=x>", "<img src=x>"),  # markup is text; who shows it must show plain text
        ("red\x1b[31m", "red\\x1b[31m"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("bad\udcff", "bad\\xff"),
        ("表示 名前", "表示 名前"),
        ("שלום", "שלום"),
        ("\U000e0041", "\\U000e0041"),
        ("", ""),
    ],
)
def test_shown(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_limit_cuts_with_an_ellipsis() -> None:
    assert plain("x" * 10_000, 20) == "x" * 19 + "…"
    assert plain("x" * 20, 20) == "x" * 20


@given(st.text(alphabet=st.characters()))
def test_never_anything_that_could_act(text: str) -> None:
    shown = plain(text)
    assert all(unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for character in shown)
    shown.encode()  # and always encodable


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_ordinary_text_is_untouched(text: str) -> None:
    assert plain(text) == text
