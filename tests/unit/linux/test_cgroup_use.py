"""Counters of control groups: real texts, bad ones, and any text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.cgroup import parse_count, parse_cpu_stat, parse_io_stat, parse_service_bytes
from stratascope.linux.decode import DecodeError

CPU_STAT = """usage_usec 1234567
user_usec 1000000
system_usec 234567
core_sched.force_idle_usec 0
nr_periods 0
nr_throttled 0
throttled_usec 0
"""
IO_STAT = """8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0
253:0 rbytes=100 wbytes=0 rios=1 wios=0 dbytes=50331648 dios=3021
"""
SERVICE_BYTES = """8:0 Read 90112
8:0 Write 4096
8:0 Sync 94208
8:0 Async 0
8:0 Discard 7
8:0 Total 94208
Total 94208
"""


def test_good() -> None:
    assert parse_count("5242880\n") == 5242880
    assert parse_cpu_stat(CPU_STAT) == 1.234567
    assert parse_io_stat(IO_STAT) == 1459200 + 314773504 + 100
    assert parse_io_stat("") == 0  # no disk was used
    assert parse_io_stat("8:0\n") == 0  # as some kernels print a device without any
    assert parse_service_bytes(SERVICE_BYTES) == 90112 + 4096
    assert parse_service_bytes("Total 0\n") == 0


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_count, ""),
        (parse_count, "max\n"),
        (parse_count, "-1\n"),
        (parse_count, "9" * 21),
        (parse_cpu_stat, "user_usec 1\n"),
        (parse_cpu_stat, "usage_usec x\n"),
        (parse_io_stat, "8:0 rbytes=\n"),
        (parse_io_stat, "8:0 rbytes=٨\n"),
        (parse_io_stat, "\n" * 5000),
        (parse_service_bytes, "8:0 Read -1\n"),
    ],
)
def test_bad(parse: Callable[[str], float], text: str) -> None:
    with pytest.raises(DecodeError):
        parse(text)


@given(st.text() | st.text("0123456789=: \nRWadriteby", max_size=200))
def test_any_text(text: str) -> None:
    for parse in (parse_count, parse_cpu_stat, parse_io_stat, parse_service_bytes):
        try:
            assert parse(text) >= 0
        except DecodeError:
            continue
