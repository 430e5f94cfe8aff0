"""A twin in memory: the program dies at every call, an engine refuses, another program is at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.usecases.memory_access import MemoryAccess, Seconds
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, RefusedError
from stratascope.core.relaunch.launch_spec import ORIGINAL, TWIN, TwinMount, TwinRecord
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.core.relaunch.transaction import BusyError
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.recovery import Result
from stratascope.usecases.trial.twin import remove_left, twin
from unit.usecases.memory_engine import CrashError, MemoryEngine

MOUNTS = (TwinMount("/data", "/data", overlaid=True),)
CALLS = ("overlay", "create", "start", "stop", "remove", "remove_overlays")


class Made:
    """An original, and a journal."""

    def __init__(self, folder: Path) -> None:
        self.engine, self.journal = MemoryEngine(), FileJournal(folder)
        self.original = self.engine.add("web")
        self.before = self.engine.boxes[self.original].running
        self.access = MemoryAccess(self.engine, self.journal, clock=Seconds().clock())

    def run(self, number: str = "0123456789abcdef") -> None:
        record = TwinRecord(number, "memory", "unix:///memory", self.original, "web.twin", 0.0, "/strata")
        with twin(self.access, self.engine.plan(self.original), "{}", record, MOUNTS) as container:
            self.engine.start(container)
            self.engine.stop(container, 1)

    def as_before(self) -> None:
        assert {key: box.running for key, box in self.engine.boxes.items()} == {self.original: self.before}
        assert self.engine.overlays == []
        assert self.journal.twins() == ()


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_nothing_is_left_and_the_journal_knew_of_it(made: Made) -> None:
    known: list[tuple[str, int]] = []
    made.engine.before = lambda number, name: known.append((name, len(made.journal.twins())))
    made.run()
    assert known == [(name, 1) for name in CALLS]
    assert made.access.released == ["/strata"]
    made.as_before()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", range(len(CALLS)), ids=CALLS)
def test_the_program_dies_at_a_call(made: Made, place: int, when: str) -> None:
    def die(number: int, name: str) -> None:
        if number >= place:  # the handlers of a program that is killed do nothing any more
            raise CrashError(name)

    setattr(made.engine, when, die)
    with pytest.raises(CrashError):
        made.run()
    setattr(made.engine, when, lambda number, name: None)
    assert [item.result for item in remove_left(made.access)] == [Result.REMOVED]
    made.as_before()


def test_what_only_the_journal_and_the_labels_know_is_removed(made: Made) -> None:
    record = TwinRecord("0123456789abcdef", "memory", "unix:///memory", made.original, "web.twin", 0.0)
    made.journal.write_twin(record)
    made.engine.overlay(record.id, MOUNTS)
    made.engine.create("{}", "web.twin", {TWIN: record.id, ORIGINAL: made.original})
    made.engine.create("{}", "web.other", {TWIN: "fedcba9876543210", ORIGINAL: made.original})
    assert [item.result for item in remove_left(made.access)] == [Result.REMOVED]
    assert sorted(box.running.name for box in made.engine.boxes.values()) == ["web", "web.other"]
    assert made.journal.twins() == ()


def test_a_refusal_leaves_nothing(made: Made) -> None:
    def refuse(number: int, name: str) -> None:
        if name == "create":
            raise RefusedError(EngineState.CONNECTED, msg("No."), "no")

    made.engine.before = refuse
    with pytest.raises(RefusedError):
        made.run()
    made.as_before()


def test_what_can_not_be_overlaid_leaves_nothing(made: Made) -> None:
    def refuse(number: int, name: str) -> None:
        if name == "overlay":
            raise ToggleError(msg("Docker is too old."))

    made.engine.before = refuse
    with pytest.raises(ToggleError):
        made.run()
    made.as_before()


def test_an_engine_that_goes_away_leaves_it_to_the_next_start(made: Made) -> None:
    def away(number: int, name: str) -> None:
        if name in ("stop", "remove"):
            raise EngineError(EngineState.UNREACHABLE, msg("It is away."))

    made.engine.before = away
    with pytest.raises(EngineError):
        made.run()
    assert len(made.journal.twins()) == 1
    assert [item.result for item in remove_left(made.access)] == [Result.FAILED]
    made.engine.before = lambda number, name: None
    assert [item.result for item in remove_left(made.access)] == [Result.REMOVED]
    made.as_before()


def test_one_that_is_alive_is_left_alone(made: Made) -> None:
    record = TwinRecord("0123456789abcdef", "memory", "unix:///memory", made.original, "web.twin", 0.0)
    with twin(made.access, made.engine.plan(made.original), "{}", record, MOUNTS):
        assert [item.result for item in remove_left(made.access)] == [Result.HELD]
        with pytest.raises(BusyError):
            made.run("00000000000000aa")
    made.as_before()


def test_one_of_another_engine_of_that_name_is_left_alone(made: Made) -> None:
    made.journal.write_twin(TwinRecord("0123456789abcdef", "memory", "unix:///other", "f" * 64, "web.twin", 0.0))
    assert list(remove_left(made.access)) == []
    assert len(made.journal.twins()) == 1
