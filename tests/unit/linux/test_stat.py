"""/proc/PID/stat: real lines, odd commands, bad and any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.process import Stat, parse_stat

REST = "S 1 4211 4211 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 815 4096 7 18446744073709551615 1 1 0"


@pytest.mark.parametrize("command", ["sh", "a b", "tmux: server", "a) R 1 2 (b", ")", "((", ""])
def test_good(command: str) -> None:
    assert parse_stat(f"4211 ({command}) {REST}\n") == Stat(4194560, 815)


def test_flags() -> None:
    assert Stat(0x00200040, 0).kernel_thread
    assert Stat(0x00000004, 0).exiting
    assert not Stat(0x00400100, 0).kernel_thread
    assert not Stat(0x00400100, 0).exiting


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4211 sh S 1",
        "4211 (sh) S 1 4211",
        f"4211 (sh {REST}",
        f"4211 (sh) {REST.replace('4194560', '-1')}",
        f"4211 (sh) {REST.replace('4194560', '0x400100')}",
        f"4211 (sh) {REST.replace('815', '٨')}",
        f"4211 (sh) {REST.replace('815', '9' * 21)}",
    ],
)
def test_bad(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_stat(text)


@given(st.text() | st.text("() S0123456789-", max_size=200))
def test_any_text(text: str) -> None:
    try:
        found = parse_stat(text)
    except DecodeError:
        return
    assert ")" in text
    assert min(found.flags, found.start) >= 0


def test_processes_of_this_machine() -> None:
    assert not parse_stat(Path("/proc/self/stat").read_text()).kernel_thread
    assert parse_stat(Path("/proc/self/stat").read_text()).start > 0
