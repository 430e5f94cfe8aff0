"""Settings below /proc/sys and the machine's memory: paths, numbers and ranges, bad and any text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.machine import parse_memory_total, parse_number, parse_range, path_of


def test_paths() -> None:
    assert path_of("net.ipv4.ip_unprivileged_port_start") == "/proc/sys/net/ipv4/ip_unprivileged_port_start"


@pytest.mark.parametrize(("text", "number"), [("0\n", 0), ("4194304", 4194304), ("  7 ", 7)])
def test_number(text: str, number: int) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "1 2", "0x10", "١", "1" * 21, "none"])
def test_bad_number(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_number(text)


@pytest.mark.parametrize(("text", "found"), [("0\t2147483647\n", (0, 2147483647)), ("5 5", (5, 5)), ("1\t0\n", None)])
def test_range(text: str, found: tuple[int, int] | None) -> None:
    assert parse_range(text) == found


@pytest.mark.parametrize("text", ["", "1", "1 2 3", "a 2", "1 -2"])
def test_bad_range(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_range(text)


@given(st.text() | st.from_regex(r"[0-9]{0,22}\t[0-9]{0,22}\n"))
def test_any_text(text: str) -> None:
    for parse in (parse_number, parse_range):
        try:
            parse(text)
        except DecodeError:
            continue


def test_this_machine() -> None:
    assert parse_number(Path(path_of("kernel.pid_max")).read_text()) > 300


def test_memory() -> None:
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
def test_bad_memory(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_memory_total(text)


@given(st.text() | st.from_regex(r"MemTotal: {0,3}[0-9]{0,18} k?B\n"))
def test_any_memory(text: str) -> None:
    try:
        assert parse_memory_total(text) % 1024 == 0
    except DecodeError:
        return


def test_memory_of_this_machine() -> None:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert parse_memory_total(Path("/proc/meminfo").read_text()) == pages
