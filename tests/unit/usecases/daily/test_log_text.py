"""What a container prints becomes plain text, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.usecases.daily.terminal import plain_line


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[1;31mred\x1b[0m text\r", "red text"),
        ("\x1b]0;a title\x07shown", "shown"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r0m\x1b\\after", "after"),
        ("\x1b(Bcharset \x1b=keys", "charset keys"),
        ("10 %\r50 %\r100 %", "100 %"),
        ("done\r", "done"),
        ("tab\there", "tab     here"),
        ("ab\bc", "ac"),
        ("bell\x07 null\x00", "bell\\x07 null\\x00"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("日本語 ✓", "日本語 ✓"),
        ("\x9b31mC1", "C1"),
        ("ends in an escape \x1b[3", "ends in an escape "),
    ],
)
def test_lines(printed: str, shown: str) -> None:
    assert plain_line(printed) == shown


@given(st.text(st.characters(codec="utf-8"), max_size=400))
def test_nothing_that_acts_is_left(printed: str) -> None:
    shown = plain_line(printed)
    assert not set(shown) & {"\x1b", "\r", "\n", "\x9b", "\b", "\x07", "\u202e"}


@pytest.mark.parametrize("piece", ["\x1b", "\x1b[", "\x1b]", "\x1b]x\x07", "\r", "\b", "a\b", "\x1b[1;"])
def test_a_line_made_to_take_long_takes_no_time(piece: str) -> None:
    assert len(plain_line(piece * 16_000)) <= 16_000 * len(piece) * 4
