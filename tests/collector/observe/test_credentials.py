"""As whom a process worked that has ended: held against the kernel, which is asked of one that has not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from collector.asking import needs_root
from stratascope.collector.observe.credentials import Credentials, Held, hold, transformed
from stratascope.linux.syscalls import Abi, numbers

CALLS = numbers(Abi.X86_64)
AROUND = {"ids": [5, 6, 7, 8], "groups": [9], "bounding": "f", "permitted": "f", "effective": "f", "no_new_privs": 0}
HELD = Held({**AROUND, "inside": 3}, 5, 0, 0, 0, ("mnt:[1]", "/"))


def known() -> Credentials:
    found = Credentials({"x86_64": CALLS})
    found.began(7, 100, HELD)
    found.executed(7, 100, lambda _: True)
    return found


def test_nothing_is_told_of_a_time_before_it_was_read() -> None:
    found = known()
    assert found.of(7, 99) is None
    assert found.of(7, 100) == found.of(7, 900) == HELD
    assert found.of(8, 900) is None


def test_a_call_that_may_change_it_makes_it_unknown() -> None:
    found = known()
    assert found.changes("x86_64", CALLS["setuid"], (5, 0, 0, 0, 0, 0))
    assert found.changes("x86_64", CALLS["prctl"], (38, 1, 0, 0, 0, 0))
    assert not found.changes("x86_64", CALLS["prctl"], (15, 1, 0, 0, 0, 0))
    assert found.changes("x86_64", CALLS["prlimit64"], (0, 7, 1, 0, 0, 0))
    assert not found.changes("x86_64", CALLS["prlimit64"], (0, 7, 0, 1, 0, 0))
    assert not found.changes("x86_64", CALLS["getuid"], (0,) * 6)
    found.changed(7)
    assert found.of(7, 900) is None
    found.forked(8, 7)
    assert found.of(8, 900) is None


def test_what_a_program_has_without_the_rights_of_its_file_where_it_was_gone() -> None:
    found = known()
    after = found.executed(7, 200, lambda _: True)
    assert after is not None
    assert (after.around["ids"], after.around["permitted"]) == ([5, 6, 5, 6], "0" * 16)
    assert found.of(7, 300) is None  # it is not told as what it has
    assert known().executed(7, 200, lambda _: False) is None
    assert found.executed(9, 200, lambda _: True) is None


def test_a_child_has_what_its_parent_has_but_its_number() -> None:
    found = known()
    found.forked(8, 7)
    child = found.of(8, 900)
    assert child is not None
    assert child.around == AROUND
    found.changed(7)
    found.over(7)
    assert found.of(8, 900) == child


def test_a_program_that_was_not_read() -> None:
    """It has what follows from before, unless its file may give something."""
    found = known()
    found.executed(7, 200, lambda _: True)
    assert found.of(7, 300) is None
    found = known()
    found.executed(7, 200, lambda _: False)
    assert found.of(7, 300) is not None
    found = known()
    found.began(7, 200, HELD)
    found.began(7, 200, None)  # another call came before it was read
    found.executed(7, 200, lambda _: True)
    assert found.of(7, 300) is None


SETS = {
    "root": "",
    "root, less": "drop(0, 1); hold(0, 0xffff)",
    "root, nothing": "hold(0, 0)",
    "root, no_new_privs": "hold(0, 0); libc.prctl(38, 1, 0, 0, 0)",
    "another": "os.setgroups([7]); os.setgid(6); os.setuid(5)",
    "another, ambient": "libc.prctl(8, 1, 0, 0, 0); os.setuid(5); hold(0x480, 0x480); libc.prctl(47, 2, 7, 0, 0)",
    "effective alone": "os.setresuid(0, 5, 0)",
    "real alone": "os.setresuid(5, 0, 0)",
}
PROGRAM = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
def drop(*caps):
    for cap in caps: libc.prctl(24, cap, 0, 0, 0)
def hold(inheritable, permitted):
    data = struct.pack("=6I", permitted, permitted, inheritable, 0, 0, 0)
    assert libc.capset(struct.pack("=II", 0x20080522, 0), data) == 0
{}
print(flush=True); os.read(0, 1)
os.execv("/bin/cat", ["cat"])
"""


@pytest.fixture(params=list(SETS.values()), ids=list(SETS))
def child(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """One that has these, and becomes `cat` once it is told to."""
    found = subprocess.Popen(
        (sys.executable, "-SIc", PROGRAM.format(request.param)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        extra_groups=[],
    )
    yield found
    found.kill()
    found.communicate()


@needs_root
def test_execve_does_what_is_foretold(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    before = hold(child.pid)
    child.stdin.write("\nx\n")
    child.stdin.flush()
    assert child.stdout.readline() == "x\n"  # by now it is another program
    after = hold(child.pid)
    assert before is not None
    assert after is not None
    foretold = transformed(before)
    assert foretold is not None
    assert foretold.around == after.around
    assert foretold[1:] == after[1:]


def test_what_can_t_be_foretold() -> None:
    assert transformed(Held(HELD.around, 5, -1, 0, 0, HELD.view)) is None
    assert hold(0) is None
    assert hold(os.getpid()) is not None
