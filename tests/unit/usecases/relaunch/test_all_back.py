"""How long the processes of a start are awaited: those that may have been started on demand not to the end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rig.usecases.memory_access import ENGINE, MemoryAccess, Seconds
from stratascope.core.container import Container, Status
from stratascope.core.relaunch.toggle import Subject
from stratascope.state.journal import FileJournal
from stratascope.usecases.evidence.readings import SETTLED, ProcessKind
from stratascope.usecases.relaunch.proof import all_back
from stratascope.usecases.relaunch.watch import FailedError
from unit.usecases.memory_engine import MemoryEngine

MASTER, WORKER, OTHER = ProcessKind("master", 0), ProcessKind("smtpd", 101), ProcessKind("pickup", 101)
LIMIT = 60.0


def awaited(folder: Path, age: float, *now: ProcessKind) -> tuple[tuple[ProcessKind, ...], float]:
    """Which are away, of MASTER, WORKER and OTHER, and after how many seconds that is said."""
    engine, seconds = MemoryEngine(), Seconds()
    number = engine.add("web")
    access = MemoryAccess(engine, FileJournal(folder), clock=seconds.clock(), processes_after=frozenset(now))
    started = time.time() - age
    container = Container("m", number, "web", "web:1", Status.RUNNING, 7, 0.0, started)
    before = frozenset((MASTER, WORKER, OTHER))
    try:
        return all_back(access, (), Subject(container, ENGINE, ()), before, number, seconds=LIMIT), seconds.passed
    except FailedError:
        return (), -seconds.passed


def test_all_are_there(tmp_path: Path) -> None:
    assert awaited(tmp_path, 5.0, MASTER, WORKER, OTHER) == ((), 0.0)


def test_one_that_may_have_come_on_demand_is_not_awaited_to_the_end(tmp_path: Path) -> None:
    away, passed = awaited(tmp_path, 5.0, MASTER, OTHER)
    assert away == (WORKER,)
    assert passed < LIMIT / 4


@pytest.mark.parametrize(("age", "there"), [(SETTLED, (MASTER, OTHER)), (5.0, (MASTER,))], ids=["old", "no such user"])
def test_one_that_must_come_is_awaited_to_the_end(tmp_path: Path, age: float, there: tuple[ProcessKind, ...]) -> None:
    assert awaited(tmp_path, age, *there)[1] <= -LIMIT


def test_who_cancels_is_not_kept_waiting(tmp_path: Path) -> None:
    engine, seconds = MemoryEngine(), Seconds()
    number = engine.add("web")
    access = MemoryAccess(engine, FileJournal(tmp_path), clock=seconds.clock(), processes_after=frozenset((MASTER,)))
    container = Container("m", number, "web", "web:1", Status.RUNNING, 7, 0.0, time.time() - SETTLED)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        all_back(access, (), Subject(container, ENGINE, ()), frozenset((WORKER,)), number, seconds=LIMIT, go_on=stop)
    assert seconds.passed == 0.0
