"""Settings below /proc/sys: paths, numbers and ranges, bad and any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.sysctl import parse_number, parse_range, path_of


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
