"""Which answers count as refusals, and the filter that the kernel is given for them."""

from __future__ import annotations

import pytest

from stratascope.collector.observe.refusals import Answered, Refusals
from stratascope.linux.syscalls import Abi, numbers

TABLES = {abi.value: numbers(abi) for abi in Abi}
CALLS = TABLES["x86_64"]
NARROW = TABLES["i386"]


def refusals(**answers: int) -> Refusals:
    """With a filter that gives these to calls by the machine's own entry point."""
    found: Answered = {}
    for name, errno in answers.items():
        found.setdefault(errno, {}).setdefault("x86_64", set()).add(CALLS[name])
    return Refusals(TABLES, found, "x86_64", "i386")


@pytest.mark.parametrize(
    ("name", "errno", "counts"),
    [
        ("openat", 13, True),
        ("openat", 2, False),
        ("openat", 19, True),
        ("ioctl", 19, False),
        ("clone", 11, True),
        ("read", 11, False),
        ("mmap", 12, True),
        ("madvise", 12, False),
        ("rename", 16, True),
        ("close", 16, False),
        ("chown", 22, True),
        ("read", 22, False),
        ("connect", 99, True),
        ("write", 122, True),
        ("write", 27, True),
        ("execve", 7, True),
        ("socket", 97, True),
    ],
)
def test_what_counts(name: str, errno: int, counts: bool) -> None:
    assert refusals().counts("x86_64", CALLS[name], errno) is counts


def test_a_number_is_another_call_by_another_entry_point() -> None:
    assert refusals().counts("i386", NARROW["chown32"], 22)
    assert not refusals().counts("x86_64", NARROW["chown32"], 22)
    assert refusals().counts("x32", CALLS["chown"], 22)


def test_what_a_filter_answers_counts_where_it_refused() -> None:
    made = refusals(read=22)
    assert made.counts("x86_64", CALLS["read"], 22)
    assert not made.counts("x86_64", CALLS["read"], 22, entered=True)
    assert not made.counts("x86_64", CALLS["pread64"], 22)
    assert not made.counts("i386", CALLS["read"], 22)
    assert made.counts("x86_64", CALLS["chown"], 22, entered=True)


def test_the_kernel_is_asked_for_no_other_call_of_that_answer() -> None:
    assert f"(ret == -5 && (id == {CALLS['fsync']}))" in refusals(fsync=5).filter()
    low, high = CALLS["sched_setparam"], CALLS["sched_setparam"] + 1
    assert f"(id >= {low} && id <= {high})" in refusals(sched_setparam=5, sched_getparam=5).filter()


def test_a_filter_that_gives_it_to_most_calls_makes_no_long_text() -> None:
    text = refusals(**dict.fromkeys(list(CALLS)[::2], 5)).filter()
    assert " || ret == -5 || " in text
    assert len(text) < 4096


def test_the_kernel_takes_the_filter() -> None:
    """Its text may have a page (kernel/events/core.c, strndup_user)."""
    assert len(refusals(read=22, open=11, close=77).filter()) < 4096
    assert len(refusals().filter()) < 4096
