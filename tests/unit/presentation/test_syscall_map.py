"""The attack surface: numbers that window and reports share."""

from __future__ import annotations

import pytest

from rig.presentation import page_sample
from stratascope.core.layer import CallMap, CallSource, CallState, CallTable, CallVerdict
from stratascope.core.message import msg
from stratascope.core.snapshot import first_view
from stratascope.i18n.translate import translate
from stratascope.presentation.syscall_map import (
    Pair,
    count_words,
    dangerous,
    dangerous_line,
    explain,
    pairs,
    surface,
    surface_line,
    table_of,
    threats_by,
)

A, D, P, U = CallVerdict.ALLOWED, CallVerdict.DENIED, CallVerdict.DEPENDS, CallVerdict.UNKNOWN


def table(**verdicts: CallVerdict) -> CallTable:
    calls = tuple(CallState(name, at, verdict, "") for at, (name, verdict) in enumerate(verdicts.items()))
    return CallTable("x86_64", CallSource.KERNEL, msg("t"), calls)


@pytest.mark.parametrize(
    ("here", "there", "differs", "wider"),
    [
        (A, A, False, False),
        (A, D, True, True),
        (A, P, True, True),
        (P, D, True, True),
        (A, U, True, True),
        (U, D, True, True),
        (D, A, True, False),
        (P, A, True, False),
        (U, P, True, False),
        (D, D, False, False),
    ],
)
def test_wider_and_different(here: CallVerdict, there: CallVerdict, differs: bool, wider: bool) -> None:
    pair = Pair("x", CallState("x", 1, here, ""), CallState("x", 1, there, ""))
    assert (pair.differs, pair.wider) == (differs, wider)


def test_a_condition_makes_a_difference() -> None:
    one = CallState("clone", 1, P, "", msg("denied with CLONE_NEWUSER"))
    other = CallState("clone", 1, P, "", msg("denied with CLONE_NEWNS"))
    assert Pair("clone", one, other).differs
    assert not Pair("clone", one, one).differs


def test_what_one_side_lacks_differs_and_is_not_wider() -> None:
    found = pairs(table(b=A), table(a=A))
    assert [(pair.name, pair.differs, pair.wider) for pair in found] == [("a", True, False), ("b", True, False)]


def test_numbers() -> None:
    found = surface(table(read=A, mount=A, bpf=P, acct=D, kcmp=U), table(read=A, mount=D, bpf=D, acct=A, kcmp=D))
    assert (found.total, found.allowed, found.depends, found.denied, found.unknown) == (5, 2, 1, 1, 1)
    assert (found.more, found.fewer) == (3, 1)
    assert found.dangerous == ("bpf", "mount")
    assert translate(surface_line(found)) == (
        "2 of 5 system calls pass, one more for some arguments; 3 more than under the engine's default."
    )


def test_numbers_without_a_default() -> None:
    found = surface(table(read=A), None)
    assert (found.more, found.fewer) == (None, None)
    assert translate(surface_line(found)) == "1 of 1 system calls pass."
    same = surface(table(read=A), table(read=A))
    assert translate(surface_line(same)) == "1 of 1 system calls pass; none more than under the engine's default."
    assert dangerous_line(found, 5) is None


def test_dangerous_ones_beyond_the_default_are_named_first() -> None:
    found = surface(table(bpf=A, chroot=A, mount=A), table(bpf=A, chroot=A, mount=D))
    assert found.dangerous == ("mount", "bpf", "chroot")
    line = dangerous_line(found, 2)
    assert line is not None
    assert translate(line) == "Dangerous ones that pass: mount, bpf and 1 more."


def test_words_on_a_call() -> None:
    assert dangerous("mount")
    assert not dangerous("read")
    assert explain("read") == ()
    assert "mount-file-system" in {threat.id for threat in threats_by("mount")}
    assert translate(explain("mount")[1]).startswith("With it: ")
    assert threats_by("no_such_call") == ()
    assert [translate(count_words(verdict, 3)) for verdict in CallVerdict] == [
        "3 allowed",
        "3 denied",
        "3 by arguments",
        "3 not known",
    ]


def test_the_map_of_a_container() -> None:
    snapshot = page_sample.fleet(2)
    calls = first_view(snapshot.containers[0], CallMap)
    assert isinstance(calls, CallMap)
    assert table_of(calls.tables, "i386") is not None
    assert table_of(calls.tables, "riscv64") is None
    assert first_view(next(state for state in snapshot.containers if state.gap is not None), CallMap) is None
