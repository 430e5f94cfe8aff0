"""Volumes handed over in a relaunch: killed or refused at every call, owners are as before or as they shall be."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from rig.usecases.memory_access import MemoryAccess, Seconds
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.file_owners import Ids, VolumeChange
from stratascope.core.relaunch.transaction import RelaunchOutcome, RelaunchResult, Stage, Transaction
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.recovery import Result, recover_all, unfinished
from stratascope.usecases.relaunch.undo import undo
from stratascope.value import replace
from unit.usecases.memory_engine import CrashError, MemoryEngine
from unit.usecases.relaunch.relaunches import one_runs, transaction

WAS, BECOMES = Ids(0, 0), Ids(999, 998)
BEFORE = {"top": (0, 0), "mixed": (0, 998), "theirs": (7, 7), "user's": (999, 998)}
AFTER = {"top": (999, 998), "mixed": (999, 998), "theirs": (7, 7), "user's": (999, 998)}
CHANGE = VolumeChange("/volumes/own", WAS, BECOMES)


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "relaunches")


def engine_with_volume() -> tuple[MemoryEngine, str]:
    engine = MemoryEngine(volumes={CHANGE.source: dict(BEFORE)})
    return engine, engine.add("web")


def forward(engine: MemoryEngine, journal: FileJournal, made: Transaction) -> Transaction:
    exchange = Exchange(engine, journal, made, clock=Seconds().clock(), hand_over=(CHANGE,))
    list(exchange.forward(1.0))
    exchange.enter(Stage.VERIFIED)
    return exchange.finish()


def killed_at(engine: MemoryEngine, number: int) -> None:
    first = len(engine.calls)

    def kill(call: int, word: str) -> None:
        if call - first == number:
            raise CrashError

    engine.after = kill


def alive(engine: MemoryEngine) -> None:
    engine.after = lambda call, word: None


def test_killed_at_every_call(tmp_path: Path) -> None:
    seen = set()
    for number in itertools.count():
        engine, old = engine_with_volume()
        journal = FileJournal(tmp_path / str(number))
        killed_at(engine, number)
        try:
            done = forward(engine, journal, transaction(engine, old))
        except CrashError:
            alive(engine)
            (left,) = unfinished(journal)
            assert isinstance(left, Transaction)
            seen.add(left.stage)
            (found,) = recover_all(MemoryAccess(engine, journal))
        else:
            assert done.owners
            break
        finished = found.result is Result.FINISHED
        assert engine.volumes[CHANGE.source] == (AFTER if finished else BEFORE), (number, left.stage)
        assert (one_runs(engine).id == old) is not finished
        assert unfinished(journal) == ()
    assert {Stage.STOPPING, Stage.OWNERS, Stage.STOPPED, Stage.RENAMED, Stage.VERIFIED} <= seen


def test_an_undo_killed_at_every_call(tmp_path: Path) -> None:
    for number in itertools.count():
        engine, old = engine_with_volume()
        journal = FileJournal(tmp_path / str(number))
        access = MemoryAccess(engine, journal)
        done = forward(engine, journal, transaction(engine, old))
        assert engine.volumes[CHANGE.source] == AFTER
        killed_at(engine, number)
        try:
            *_, ended = undo(access, done, watch=1.0)
        except CrashError:
            alive(engine)
            if not unfinished(journal):
                continue
            (found,) = recover_all(access)
            back = found.result is Result.FINISHED
        else:
            assert isinstance(ended, RelaunchResult)
            assert ended.ending is RelaunchOutcome.VERIFIED
            break
        assert engine.volumes[CHANGE.source] == (BEFORE if back else AFTER), number
        assert (one_runs(engine).id == old) is back
    assert number > 8
    assert engine.volumes[CHANGE.source] == BEFORE
    alive(engine)
    *_, again = undo(access, next(item for item in journal.all() if isinstance(item, Transaction)), watch=1.0)
    assert isinstance(again, RelaunchResult)
    assert again.ending is RelaunchOutcome.VERIFIED
    assert engine.volumes[CHANGE.source] == AFTER  # an undo that was undone


def test_where_the_way_back_fails_the_original_runs_and_recover_does_the_rest(journal: FileJournal) -> None:
    engine, old = engine_with_volume()

    def refuse(call: int, word: str) -> None:
        if word in ("start", "take_volume_back") and engine.boxes[old].running.status != "running" and not told:
            told.extend([word] if word == "take_volume_back" else [])
            raise RefusedError(EngineState.CONNECTED, msg("No."), "no")

    told: list[str] = []
    engine.before = refuse
    exchange = Exchange(engine, journal, transaction(engine, old), clock=Seconds().clock(), hand_over=(CHANGE,))
    with pytest.raises(RefusedError) as failed:
        list(exchange.forward(1.0))
    *_, ended = exchange.back(failed.value)
    assert isinstance(ended, RelaunchResult)
    assert ended.ending is RelaunchOutcome.UNFINISHED
    assert one_runs(engine).id == old
    assert [each.result for each in recover_all(MemoryAccess(engine, journal))] == [Result.UNDONE]
    assert engine.volumes[CHANGE.source] == BEFORE


def test_a_second_hardening_leads_back_to_the_first_owners(journal: FileJournal) -> None:
    engine, old = engine_with_volume()
    done = forward(engine, journal, transaction(engine, old))
    second = replace(transaction(engine, done.new), id="f" * 16, old_aside="web.old-ffffffff", kept=done.members[0])
    further = VolumeChange(CHANGE.source, BECOMES, Ids(1234, 1234))
    exchange = Exchange(engine, journal, second, clock=Seconds().clock(), hand_over=(further,))
    list(exchange.forward(1.0))
    exchange.enter(Stage.VERIFIED)
    done = exchange.finish()
    assert engine.volumes[CHANGE.source]["top"] == (1234, 1234)
    *_, ended = undo(MemoryAccess(engine, journal), done, watch=1.0)
    assert isinstance(ended, RelaunchResult)
    assert ended.ending is RelaunchOutcome.VERIFIED
    assert engine.volumes[CHANGE.source] == BEFORE


def test_a_volume_made_for_a_relaunch_goes_with_it_as_it_is(journal: FileJournal) -> None:
    """Its files are copies, and it may be gone already when recovery comes to it a second time."""
    engine, old = engine_with_volume()

    def refuse(call: int, word: str) -> None:
        if word == "start" and engine.boxes[old].running.status != "running" and not refused:
            refused.append(word)
            engine.volumes.clear()
            raise RefusedError(EngineState.CONNECTED, msg("No."), "no")

    refused: list[str] = []
    engine.before = refuse
    new = replace(CHANGE, new=True)
    exchange = Exchange(engine, journal, transaction(engine, old), clock=Seconds().clock(), hand_over=(new,))
    with pytest.raises(RefusedError) as failed:
        list(exchange.forward(1.0))
    *_, ended = exchange.back(failed.value)
    assert isinstance(ended, RelaunchResult)
    assert ended.ending is RelaunchOutcome.ROLLED_BACK
    assert "give_volume" in engine.calls
    assert "take_volume_back" not in engine.calls
    assert one_runs(engine).id == old
