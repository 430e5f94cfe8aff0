"""/proc/PID/limits: a real one, bad and any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.process import ProcessLimit, parse_limits

REAL = """\
Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max file size             unlimited            unlimited            bytes     
Max data size             unlimited            unlimited            bytes     
Max stack size            8388608              unlimited            bytes     
Max core file size        0                    unlimited            bytes     
Max resident set          unlimited            unlimited            bytes     
Max processes             95784                95784                processes 
Max open files            1024                 524288               files     
Max locked memory         8388608              8388608              bytes     
Max address space         unlimited            unlimited            bytes     
Max file locks            unlimited            unlimited            locks     
Max pending signals       95784                95784                signals   
Max msgqueue size         819200               819200               bytes     
Max nice priority         0                    0                    
Max realtime priority     0                    0                    
Max realtime timeout      unlimited            unlimited            us        
"""  # noqa: W291


def test_real() -> None:
    assert parse_limits(REAL) == (
        ProcessLimit("core", 0, None),
        ProcessLimit("fsize", None, None),
        ProcessLimit("memlock", 8388608, 8388608),
        ProcessLimit("msgqueue", 819200, 819200),
        ProcessLimit("nice", 0, 0),
        ProcessLimit("nofile", 1024, 524288),
        ProcessLimit("nproc", 95784, 95784),
        ProcessLimit("rtprio", 0, 0),
        ProcessLimit("sigpending", 95784, 95784),
        ProcessLimit("stack", 8388608, None),
    )


def test_a_part_of_it() -> None:
    assert parse_limits("Max processes  unlimited  unlimited  processes\n") == (ProcessLimit("nproc", None, None),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Limit  Soft Limit  Hard Limit  Units\n",
        "Max processes\n",
        "Max processes  12\n",
        "Max processes  12  many  processes\n",
        "Max processes  -1  12  processes\n",
        "Max open files  ١  12  files\n",
        f"Max open files  1  {'9' * 21}  files\n",
    ],
)
def test_bad(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_limits(text)


@given(st.text() | st.from_regex(r"(Max (processes|open files) {1,3}[0-9a-z]{0,22} {1,3}[0-9a-z]{0,22}\n){0,3}"))
def test_any_text(text: str) -> None:
    try:
        limits = parse_limits(text)
    except DecodeError:
        return
    assert [limit.name for limit in limits] == sorted(limit.name for limit in limits)


def test_this_machine() -> None:
    assert {limit.name for limit in parse_limits(Path("/proc/self/limits").read_text())} >= {"nofile", "nproc"}
