"""/proc/meminfo: the machine's memory, bad and any text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.meminfo import parse_memory_total


def test_good() -> None:
    assert parse_memory_total("MemTotal:       24000000 kB\nMemFree:         1 kB\n") == 24000000 * 1024


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MemFree: 1 kB\n",
        "MemTotal: kB\n",
        "MemTotal: -1 kB\n",
        "MemTotal: 1 MB\n",
        "MemTotal: ١ kB\n",
        " MemTotal: 1 kB",
    ],
)
def test_bad(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_memory_total(text)


@given(st.text() | st.from_regex(r"MemTotal: {0,3}[0-9]{0,18} k?B\n"))
def test_any_text(text: str) -> None:
    try:
        assert parse_memory_total(text) % 1024 == 0
    except DecodeError:
        return


def test_this_machine() -> None:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert parse_memory_total(Path("/proc/meminfo").read_text()) == pages
