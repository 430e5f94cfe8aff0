"""Into which of the host's programs a container may look: the weakest decides. ptrace(2)."""

from __future__ import annotations

import pytest

from stratascope.layers.shared.host_programs import NOTHING, InSight, may_be
from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import parse_idmap
from stratascope.linux.process import HostProgram, HostPrograms, parse_host_programs
from stratascope.value import replace

INITIAL, ENGINE, ELSEWHERE = 4026531837, 4026532100, 4026532200
FULL, CHOWN, KILL, SETGID, SETUID = (1 << 41) - 1, 1 << 0, 1 << 5, 1 << 6, 1 << 7
MINE, OTHERS = "a" * 64, "b" * 64


def seen(*kinds: HostProgram, namespace: int = INITIAL, whole: bool = True) -> InSight:
    return InSight(HostPrograms(kinds, whole), namespace, seen=True, container=frozenset({MINE, "4026532500"}))


def test_the_text_of_the_collector() -> None:
    text = f"0 0 1ffffffffff {INITIAL} -\n0 0 1 - {MINE}\n1000 100 0 {ENGINE} 4026532500\n...\n"
    assert parse_host_programs(text) == HostPrograms(
        (
            HostProgram(0, 0, FULL, INITIAL),
            HostProgram(0, 0, CHOWN, None, MINE),
            HostProgram(1000, 100, 0, ENGINE, "4026532500"),
        ),
        whole=False,
    )
    assert parse_host_programs("").whole


@pytest.mark.parametrize("text", ["0 0 1", "0 0 xyz 1 -", "-1 0 0 1 -", "0 0 0 user:[1] -", "0 0 0 1 ../etc"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_host_programs(text)


def test_of_root_s_programs_those_with_the_fewest_capabilities_count() -> None:
    found = seen(
        HostProgram(0, 0, FULL, INITIAL),
        HostProgram(0, 0, CHOWN | KILL, INITIAL),
        HostProgram(0, 0, CHOWN, None),
        HostProgram(0, 0, SETGID, INITIAL),
        HostProgram(1000, 1000, 0, INITIAL),
    )
    assert found.sets_of_root() == (CHOWN, SETGID)


def test_who_made_a_user_namespace_needs_no_capability_there() -> None:
    assert seen(HostProgram(0, 0, FULL, ELSEWHERE)).sets_of_root() == (0,)
    assert seen(HostProgram(1000, 1000, FULL, ELSEWHERE)).sets_of(1000, 1000, 0) == (0,)


def test_what_was_not_all_read_may_hold_another() -> None:
    assert seen(HostProgram(0, 0, FULL, INITIAL), whole=False).sets_of_root() == (FULL, None)
    assert InSight(None, INITIAL, seen=True).sets_of_root() == (None,)
    assert InSight(None, INITIAL, seen=None).sets_of_root() == (None,)


def test_who_does_not_see_them_is_told_nothing_of_them() -> None:
    assert NOTHING.sets_of_root() is None
    assert (
        InSight(HostPrograms((HostProgram(0, 0, 0, INITIAL),), whole=True), INITIAL, seen=False).sets_of_root() is None
    )


def test_the_group_counts_too_unless_it_can_be_taken() -> None:
    found = seen(HostProgram(1000, 1000, 0, INITIAL))
    assert found.sets_of(1000, 0, 0) == ()
    assert found.sets_of(1000, 0, SETGID) == (0,)
    assert found.sets_of(1000, 1000, 0) == (0,)


def test_of_a_user_namespace_the_groups_that_are_mapped_can_be_taken() -> None:
    there = replace(seen(HostProgram(1000, 100005, 0, ENGINE), namespace=ENGINE), gids=parse_idmap("0 100000 65536\n"))
    assert there.sets_of(1000, 1000, 0) == ()
    assert there.sets_of(1000, 1000, SETGID) == (0,)
    assert replace(there, gids=()).sets_of(1000, 1000, SETGID) == ()


def test_a_rootless_engine_s_own_programs_are_in_its_user_namespace() -> None:
    kinds = (HostProgram(1000, 1000, FULL, ENGINE), HostProgram(1000, 1000, 0, INITIAL))
    inside = seen(*kinds, namespace=ENGINE)
    assert inside.has_kin()
    assert inside.sets_of(1000, 1000, 0) == (FULL,)
    assert not seen(*kinds, namespace=ELSEWHERE).has_kin()
    assert seen(*kinds, namespace=ELSEWHERE).sets_of(1000, 1000, FULL) == ()
    assert not seen(*kinds).has_kin()


def test_its_own_processes_are_no_other_container_s() -> None:
    kinds = (
        HostProgram(0, 0, 0, INITIAL, MINE),
        HostProgram(0, 0, 0, INITIAL, "4026532500"),
        HostProgram(0, 0, CHOWN, INITIAL, OTHERS),
        HostProgram(0, 0, FULL, INITIAL),
    )
    assert seen(*kinds).sets_in_others(0, 0, 0) == (CHOWN,)
    assert seen(*kinds).sets_of_root() == (FULL,)


def test_with_setuid_it_becomes_any_user_of_another_container() -> None:
    found = seen(HostProgram(1000, 1000, 0, INITIAL, OTHERS), HostProgram(0, 0, FULL, INITIAL, OTHERS))
    assert found.sets_in_others(0, 0, SETGID) == (FULL,)
    assert found.sets_in_others(0, 0, SETUID) == (FULL,)  # the group stays another
    assert found.sets_in_others(0, 0, SETUID | SETGID) == (0,)


@pytest.mark.parametrize(
    ("ids", "own", "held", "expected"),
    [
        ((0, 0), (0, 0), 0, True),
        ((1000, 1000), (0, 0), FULL, True),
        ((1000, 1000), (0, 0), SETUID, False),
        ((1000, 0), (0, 0), SETUID, True),
        ((1000, 1000), (1001, 1000), SETGID, False),
        ((-1, 0), (0, 0), FULL, False),
        (None, (0, 0), FULL, None),
        ((0, 0), None, FULL, None),
        ((0, 0), (0, None), FULL, None),
    ],
)
def test_whose_ids_it_has_or_can_take(
    ids: tuple[int, int] | None, own: tuple[int, int | None] | None, held: int, expected: bool | None
) -> None:
    assert may_be(ids, own, held) is expected
