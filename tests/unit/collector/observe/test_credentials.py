"""As whom a process worked that has ended: held against the kernel, which is asked of one that has not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.observe.credentials import Credentials, Held, after_call, after_exec, read_held
from stratascope.linux.syscalls import Abi, numbers

CALLS = numbers(Abi.X86_64)
AROUND = {"ids": [5, 6, 7, 8], "groups": [9], "bounding": "f", "permitted": "f", "effective": "f", "no_new_privs": 0}
MAP = ((0, 0, 1000),)
HELD = Held({**AROUND, "inside": 3}, (5, 5, 5), (6, 6, 6), (MAP, MAP), 0, 0, ("mnt:[1]", "/"))
OF_ROOT = {**AROUND, "ids": [0, 0, 0, 0], "effective": "ff"}
ROOT = Held(OF_ROOT, (0, 0, 0), (0, 0, 0), (MAP, MAP), 0, 0, HELD.view)


def known(held: Held = HELD) -> Credentials:
    found = Credentials({"x86_64": CALLS})
    found.began(7, 100, 150, held)
    found.executed(7, 100, lambda _: True)
    return found


def called(found: Credentials, at: int, name: str, *values: int, alone: bool = True) -> None:
    found.called(7, at, "x86_64", CALLS[name], arguments(*values), alone)


def arguments(*values: int) -> tuple[int, ...]:
    """As they lie in the registers."""
    return tuple(value & (1 << 64) - 1 for value in (*values, 0, 0, 0, 0, 0, 0))[:6]


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
    called(found, 200, "chroot", 1, 2)
    assert found.of(7, 199) == HELD
    assert found.of(7, 900) is None
    found.forked(8, 7, 300, 0)
    assert found.of(8, 900) is None
    found.refused(7, 400)
    assert found.of(7, 900) == HELD
    called(found, 500, "setuid", 5, alone=False)  # another thread may be another user
    assert found.of(7, 900) is None


def test_who_became_another_user() -> None:
    """What it has is known without anybody looking: of each moment what it had then."""
    found = known(ROOT)
    called(found, 200, "setgroups", 0, 1)
    called(found, 300, "setresgid", 7, 7, 7)
    called(found, 400, "setresuid", 8, 8, 8)
    called(found, 500, "setuid", 0)
    found.refused(7, 510)
    found.forked(8, 7, 600, 0)
    for at, ids, groups, effective in (
        *((199, [0, 0, 0, 0], [9], 0xFF), (299, [0, 0, 0, 0], [], 0xFF), (399, [0, 7, 0, 7], [], 0xFF)),
        (900, [8, 7, 8, 7], [], 0),
    ):
        held = found.of(7, at)
        assert held is not None
        assert (held.around["ids"], held.around["groups"]) == (ids, groups)
        assert int(held.around["effective"], 16) == effective
    assert found.of(8, 599) is None
    child = found.of(8, 600)
    assert child is not None
    assert child.users == (8, 8, 8)


def test_a_user_namespace_of_its_own() -> None:
    """Whoever is in one holds all there, and nobody is mapped at first."""
    found = known()
    found.forked(8, 7, 200, 0x10000011)
    called(found, 300, "unshare", 0x10020000)
    for pid, view in ((7, ("", "")), (8, HELD.view)):
        held = found.of(pid, 400)
        assert held is not None
        assert (held.maps, held.around["maps"], held.view) == (((), ()), [[], []], view)
        assert (held.around["ids"], int(held.around["effective"], 16)) == ([5, 6, 7, 8], (1 << 41) - 1)
    found.refused(7, 500)
    assert found.of(7, 600) == HELD
    called(found, 700, "setuid", 5)  # of no number there
    assert found.of(7, 800) is not None
    called(found, 900, "unshare", 0x10000000)
    called(found, 950, "setuid", 5)
    assert found.of(7, 1000) is None


def test_who_is_refused_the_same_in_a_loop() -> None:
    """What each call would lead to is the same until something else changes, and nothing stays of it."""
    found = known(ROOT)
    for at in (200, 300, 400):
        called(found, at, "setuid", 8)
        held = found.of(7, at)
        assert held is not None
        assert (held.users, held.around["permitted"]) == ((8, 8, 8), "0" * 16)
        found.refused(7, at + 10)
        assert found.of(7, at + 20) == ROOT
    called(found, 500, "prctl", 8, 1)  # from now on it keeps its capabilities
    called(found, 600, "setuid", 8)
    held = found.of(7, 600)
    assert held is not None
    assert "permitted" not in held.around


def test_who_keeps_its_capabilities_is_not_known_after_it() -> None:
    found = known(ROOT)
    called(found, 200, "prctl", 8, 1)
    called(found, 300, "setuid", 8)
    assert found.of(7, 299) == ROOT
    held = found.of(7, 900)
    assert held is not None
    assert (held.users, "permitted" in held.around, "effective" in held.around) == ((8, 8, 8), False, False)
    found.began(7, 950, 960, ROOT)
    found.executed(7, 950, lambda _: True)  # it ends with that
    called(found, 1000, "setuid", 8)
    held = found.of(7, 1100)
    assert held is not None
    assert held.around["permitted"] == "0" * 16
    found.began(7, 1200, 1210, ROOT)
    found.executed(7, 1200, lambda _: True)
    called(found, 1300, "prctl", 28, 0)  # and this does not
    found.began(7, 1400, 1410, ROOT)
    found.executed(7, 1400, lambda _: True)
    called(found, 1500, "setuid", 8)
    held = found.of(7, 1600)
    assert held is not None
    assert "permitted" not in held.around


def test_what_capset_leaves_is_not_known_until_the_next_program() -> None:
    """As a runtime does it: which it leaves lies in its memory, and what they come to by execve does not."""
    found = known(ROOT)
    called(found, 200, "prctl", 8, 1)
    called(found, 300, "setuid", 8)
    called(found, 400, "capset", 1, 2)
    found.executed(7, 500, lambda _: False)
    held = found.of(7, 600)
    assert held is not None
    assert (held.around["ids"][0], held.around["permitted"], held.around["effective"]) == (8, "0" * 16, "0" * 16)
    found = known(ROOT)
    called(found, 200, "capset", 1, 2)
    found.executed(7, 500, lambda _: False)
    held = found.of(7, 600)
    assert held is not None
    assert (held.around["ids"][0], "permitted" in held.around) == (0, False)


def test_a_program_that_was_read_after_it_had_become_another_user() -> None:
    found = Credentials({"x86_64": CALLS})
    found.began(7, 100, 1 << 40, HELD)
    found.doubted(7, 100)
    found.executed(7, 100, lambda _: True)
    called(found, 200, "setuid", 5)
    assert found.of(7, 300) is None
    assert found.of(7, 1 << 50) == HELD


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
    found.forked(8, 7, 800, 0)
    child = found.of(8, 900)
    assert child is not None
    assert child.around == AROUND
    found.process_ended(7)
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
    found.began(7, 200, 210, None)  # it could not be read
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
    before = read_held(child.pid)
    child.stdin.write("\nx\n")
    child.stdin.flush()
    assert child.stdout.readline() == "x\n"  # by now it is another program
    after = read_held(child.pid)
    assert before is not None
    assert after is not None
    foretold = after_exec(before)
    assert foretold is not None
    assert foretold.around == after.around
    assert foretold[1:] == after[1:]


def test_what_can_t_be_foretold() -> None:
    assert after_exec(Held(AROUND, (5, 5, 5), (6, 6, 6), ((), ()), 0, 0, HELD.view)) is None
    nobody = Credentials({"x86_64": CALLS})
    called(nobody, 100, "unshare", 0x10000000)  # whoever it was
    held = nobody.of(7, 200)
    assert held is not None
    assert (held.around["maps"], held.users) == ([[], []], ())
    assert after_exec(held) is None
    assert after_call("setuid", arguments(5), held, True) is None
    for name, values in (
        *(("setuid", (5000,)), ("setresgid", (5, 5, 5000)), ("setfsuid", (5,)), ("chroot", (1,))),
        *(("prctl", (38, 1, 7)), ("prctl", (28, 1)), ("prctl", (47, 2, 99))),
    ):
        assert after_call(name, arguments(*values), HELD, True) is None
    assert read_held(0) is None
    assert read_held(os.getpid()) is not None


CHANGES = {
    "setuid": "os.setuid(5)",
    "setgid": "os.setgid(6)",
    "setreuid": "os.setreuid(5, -1)",
    "setreuid, effective": "os.setreuid(-1, 5)",
    "setregid": "os.setregid(-1, 6)",
    "setresuid": "os.setresuid(5, 0, 0)",
    "setresuid, effective": "os.setresuid(-1, 5, -1)",
    "setresgid": "os.setresgid(5, -1, 6)",
    "setgroups": "os.setgroups([])",
    "no_new_privs": "libc.prctl(38, 1, 0, 0, 0)",
    "bounding": "libc.prctl(24, 3, 0, 0, 0)",
    "as an ordinary user": "os.setresuid(5, 6, 7); go(); os.setuid(7)",
    "root again": "os.setresuid(0, 5, 0); go(); os.setresuid(-1, 0, -1)",
    "ambient": "hold(0x480, 0x480); go(); libc.prctl(47, 2, 7, 0, 0)",
    "unshare": "libc.unshare(0x10000000)",
    "ambient no more": "hold(0x480, 0x480); libc.prctl(47, 2, 7, 0, 0); go(); libc.prctl(47, 4, 0, 0, 0)",
}
ASKED = {
    "setuid": ("setuid", 5),
    "setgid": ("setgid", 6),
    "setreuid": ("setreuid", 5, -1),
    "setreuid, effective": ("setreuid", -1, 5),
    "setregid": ("setregid", -1, 6),
    "setresuid": ("setresuid", 5, 0, 0),
    "setresuid, effective": ("setresuid", -1, 5, -1),
    "setresgid": ("setresgid", 5, -1, 6),
    "setgroups": ("setgroups",),
    "no_new_privs": ("prctl", 38, 1),
    "bounding": ("prctl", 24, 3),
    "as an ordinary user": ("setuid", 7),
    "root again": ("setresuid", -1, 0, -1),
    "ambient": ("prctl", 47, 2, 7),
    "unshare": ("unshare", 0x10000000),
    "ambient no more": ("prctl", 47, 4),
}
CHANGING = """
import ctypes, os, struct
libc = ctypes.CDLL(None)
def hold(inheritable, permitted):
    data = struct.pack("=6I", permitted, permitted, inheritable, 0, 0, 0)
    assert libc.capset(struct.pack("=II", 0x20080522, 0), data) == 0
def go():
    print(flush=True); os.read(0, 1)
first, _, last = {!r}.rpartition("go(); ")
exec(first)
go()
exec(last)
go()
"""


@needs_root
@pytest.mark.parametrize("name", ASKED)
def test_a_call_does_what_is_foretold(name: str) -> None:
    with subprocess.Popen(
        (sys.executable, "-SIc", CHANGING.format(CHANGES[name])),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        extra_groups=[],
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        before = read_held(child.pid)
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()
        after = read_held(child.pid)
        child.kill()
    assert before is not None
    call, *values = ASKED[name]
    foretold = after_call(
        str(call), tuple(int(value) & (1 << 64) - 1 for value in (*values, 0, 0, 0, 0, 0, 0))[:6], before, True
    )
    assert foretold is not None
    assert after == foretold
