"""Who refused it, and what would allow it: constructed cases on real engines, held against our program's words.

`cases/` has them. Quick: some of each layer, as they are told. Slow: whether each case is what it claims to be, all of
them told, and what is offered applied by a relaunch; the table is printed (pytest's -s).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.denials.case import Case
from engine.denials.cases.all import ALL
from engine.denials.staged import Engine, Told, told, true
from engine.denials.verdict import Verdict, summed, table
from rig.collector.asking import needs_root

AT_ONCE = 2
QUICK = (
    *("seccomp-add-key", "filter-kill", "without-chown", "low-port-user", "map-chown", "file-read"),
    *("mount-read-only-create", "limit-pids", "network-none", "kernel-kexec"),
)


def of(engine: Engine, *names: str) -> tuple[Case, ...]:
    return tuple(case for case in ALL if engine.kind in case.engines and (not names or case.id in names))


def each(cases: tuple[Case, ...], tell: Callable[[Case], Told], kind: str) -> tuple[Verdict, ...]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = tuple(Verdict(kind, case, said) for case, said in zip(cases, pool.map(tell, cases), strict=True))
    sys.stdout.write("\n" + table(found) + "\n")
    return found


def test_there_are_enough_and_no_two_alike() -> None:
    names = [case.id for case in ALL]
    assert len(set(names)) == len(names) >= 80
    assert set(QUICK) <= set(names)
    assert {layer for case in ALL for layer in case.layers} == {
        *("seccomp", "capabilities", "usermap", "namespaces", "cgroup"),  # mac: in the virtual machines
        *("files", "network", "kernel"),
    }


@pytest.mark.slow
@needs_root
def test_each_case_is_what_it_claims(engine: Engine) -> None:
    """Refused just so; and what it names as the layer, alone taken away, lets it pass."""
    cases = of(engine)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = zip(cases, pool.map(lambda case: true(engine, case), cases), strict=True)
    assert {case.id: why for case, why in found if why} == {}


@needs_root
@pytest.mark.parametrize("name", QUICK)
def test_who_refused_it(engine: Engine, name: str) -> None:
    """Some of each layer. What has to be seen of a process that is gone a moment later is left to the slow ones."""
    for case in of(engine, name):
        found = Verdict(engine.kind, case, told(engine, case, remedy=False))
        assert found.right, (found.row(), found.told.lines)


@needs_root
@pytest.mark.parametrize("name", ["seccomp-add-key", "without-chown", "limit-files"])
def test_what_is_offered_helps(engine: Engine, name: str) -> None:
    for case in of(engine, name):
        found = Verdict(engine.kind, case, told(engine, case))
        assert found.told.helped, found.row()


@pytest.mark.slow
@needs_root
@pytest.mark.timeout(7200)
def test_the_goals(engine: Engine) -> None:
    """No layer is named for certain that did not do it; the layer of 95 in 100, and what helps for 90, are right."""
    found = each(of(engine), lambda case: told(engine, case), engine.kind)
    total = summed(found)
    assert [one.row() for one in found if one.wrong] == []
    assert total.right >= 0.95, [one.row() for one in found if not one.right]
    assert total.remedied >= 0.9, [one.row() for one in found if one.told.helped is not True]
