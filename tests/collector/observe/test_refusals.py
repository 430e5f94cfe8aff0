"""Which answers count as refusals, and the filter that the kernel is given for them."""

from __future__ import annotations

import pytest

from stratascope.collector.observe.refusals import Refusals
from stratascope.linux.syscalls import Abi, numbers

TABLES = {abi.value: numbers(abi) for abi in Abi}
CALLS = TABLES["x86_64"]
NARROW = TABLES["i386"]


def refusals(*errnos: int) -> Refusals:
    return Refusals(TABLES, errnos, "x86_64", "i386")


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


def test_what_a_filter_answers_counts_of_any_call() -> None:
    assert refusals(22).counts("x86_64", CALLS["read"], 22)
    assert "ret == -22 ||" in refusals(22).filter()


def test_the_kernel_takes_the_filter() -> None:
    """Its text may have a page (kernel/events/core.c, strndup_user)."""
    assert len(refusals(22, 11, 77).filter()) < 4096
    assert len(refusals().filter()) < 4096
