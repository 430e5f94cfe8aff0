"""What a crash left of several relaunches: each is put right by itself; what can't be now waits for the next time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.usecases.memory_access import ENGINE, MemoryAccess, Seconds
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, RefusedError
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import JournalError, RelaunchOutcome, RelaunchResult, Stage, Transaction
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.recovery import Recovered, Result, recover_all, unfinished
from stratascope.usecases.relaunch.undo import undo
from stratascope.value import replace
from unit.usecases.memory_engine import CrashError, MemoryEngine
from unit.usecases.relaunch.relaunches import go, transaction


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "relaunches")


def broken_off(engine: MemoryEngine, journal: FileJournal, name: str, number: str) -> Transaction:
    """A relaunch that was killed after its stop."""
    made = replace(transaction(engine, engine.add(name)), id=number, name=name, old_aside=f"{name}.old-{number[:8]}")
    until = len(engine.calls) + 2

    def kill(call: int, word: str) -> None:
        if call == until:
            raise CrashError

    engine.after = kill
    with pytest.raises(CrashError):
        list(Exchange(engine, journal, made, clock=Seconds().clock()).forward(1.0))
    engine.after = lambda call, word: None
    return made


def test_one_that_cannot_be_put_right_keeps_no_other(journal: FileJournal) -> None:
    engine = MemoryEngine()
    one = broken_off(engine, journal, "one", "0" * 16)
    two = broken_off(engine, journal, "two", "1" * 16)

    def refuse(call: int, word: str) -> None:
        if word == "start" and engine.boxes[two.old].running.status != "running" and one.id not in started:
            started.append(one.id)
            raise RefusedError(EngineState.CONNECTED, msg("No."), "port taken")

    started: list[str] = []
    engine.before = refuse
    found = list(recover_all(MemoryAccess(engine, journal)))
    assert [item.result for item in found] == [Result.FAILED, Result.UNDONE]
    assert isinstance(found[0].error, RefusedError)
    assert [item.id for item in unfinished(journal)] == [one.id]
    assert [item.result for item in recover_all(MemoryAccess(engine, journal))] == [Result.UNDONE]
    assert unfinished(journal) == ()
    assert {box.running.name: box.running.status for box in engine.boxes.values()} == {
        "one": "running",
        "two": "running",
    }


def test_one_that_is_held_is_left_alone(journal: FileJournal) -> None:
    engine = MemoryEngine()
    one = broken_off(engine, journal, "one", "0" * 16)
    with journal.hold(one.engine, one.old):
        assert [item.result for item in recover_all(MemoryAccess(engine, journal))] == [Result.HELD]
    assert len(unfinished(journal)) == 1


def test_another_engine_of_the_same_name_does_not_forget_it(journal: FileJournal) -> None:
    """It knows nothing of the container: that does not mean that somebody removed it."""
    broken_off(MemoryEngine(), journal, "one", "0" * 16)
    other = MemoryEngine()
    other.boxes.clear()
    elsewhere = replace(ENGINE, endpoint="unix:///elsewhere")
    assert list(recover_all(MemoryAccess(other, journal, elsewhere))) == []
    assert len(unfinished(journal)) == 1


def test_an_undo_leaves_one_entry_whenever_it_dies(journal: FileJournal) -> None:
    """With both, the container that runs would be listed as set aside, and a discard would remove it."""
    engine = MemoryEngine()
    done = go(engine, journal, transaction(engine, engine.add("web")))
    *_, ended = undo(MemoryAccess(engine, journal), done, watch=1.0)
    assert isinstance(ended, RelaunchResult)
    assert ended.ending is RelaunchOutcome.VERIFIED
    (left,) = journal.all()
    assert isinstance(left, Transaction)
    assert (left.old, left.new, left.stage) == (done.new, done.old, Stage.DONE)


def test_what_is_verified_is_not_rolled_back(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    done = go(engine, journal, transaction(engine, engine.add("web")))
    real = journal.write

    def write(made: Transaction) -> None:
        if made.stage is Stage.DONE:
            raise JournalError("No space left on device")
        real(made)

    monkeypatch.setattr(journal, "write", write)
    *_, ended = undo(MemoryAccess(engine, journal), done, watch=1.0)
    assert isinstance(ended, RelaunchResult)
    assert (ended.ending, ended.words) == (RelaunchOutcome.VERIFIED, "No space left on device")
    assert ended.why is not None
    monkeypatch.undo()
    assert [item.result for item in recover_all(MemoryAccess(engine, journal))] == [Result.FINISHED]
    running = [box.running for box in engine.boxes.values() if box.running.status == "running"]
    assert [(item.id, item.name) for item in running] == [(done.old, "web")]


def test_a_replacement_that_went_away_after_it_was_verified(journal: FileJournal) -> None:
    """There is no way forward without it: the original is brought back."""
    engine = MemoryEngine()
    made = transaction(engine, engine.add("web"))
    exchange = Exchange(engine, journal, made, clock=Seconds().clock())
    list(exchange.forward(1.0))
    exchange.enter(Stage.VERIFIED)
    del engine.boxes[exchange.transaction.new]
    assert [item.result for item in recover_all(MemoryAccess(engine, journal))] == [Result.UNDONE]
    box = engine.boxes[made.old]
    assert (box.running.name, box.running.status, box.policy.name) == ("web", "running", "always")


def test_an_engine_that_cannot_set_restart_policies_is_not_asked_to(journal: FileJournal) -> None:
    """Podman before 5.1; most containers have none."""
    engine = MemoryEngine()

    def refuse(call: int, word: str) -> None:
        if word == "restart_policy":
            raise RefusedError(EngineState.CONNECTED, msg("No."), "unknown option")

    engine.before = refuse
    never = RestartPolicy()
    made = replace(transaction(engine, engine.add("web", policy="no")), restart=never, new_restart=never)
    assert go(engine, journal, made).stage is Stage.DONE
    other = replace(transaction(engine, engine.add("other")), name="other", id="f" * 16, old_aside="other.old-ffffffff")
    with pytest.raises(RefusedError):
        go(engine, journal, other)
    assert engine.boxes[other.old].running.status == "running"
    assert "stop" not in engine.calls[engine.calls.index("restart_policy") :]
    assert unfinished(journal) == ()


def test_a_stop_whose_answer_was_lost_may_still_come(journal: FileJournal) -> None:
    """It looks as if it ran, and ends a moment later: only a stop of our own tells when that is over."""
    engine = MemoryEngine()
    made = transaction(engine, engine.add("web"))

    def lost(call: int, word: str) -> None:
        if word == "stop" and engine.calls.count("stop") == 1:
            raise EngineError(EngineState.UNREACHABLE, msg("It did not answer."))

    engine.before = lost
    exchange = Exchange(engine, journal, made, clock=Seconds().clock())
    with pytest.raises(EngineError):
        list(exchange.forward(1.0))
    assert [item.result for item in recover_all(MemoryAccess(engine, journal))] == [Result.UNDONE]
    assert engine.calls[engine.calls.index("stop") :].count("stop") == 2
    assert engine.calls.index("start") > engine.calls.index("stop") + 1
    assert engine.boxes[made.old].running.status == "running"


def test_what_another_journal_was_stopping_is_stopped_before_it_starts(journal: FileJournal, tmp_path: Path) -> None:
    """Podman refuses to start what is still stopping; of another one's relaunch the stage is not known."""
    engine = MemoryEngine()
    made = transaction(engine, engine.add("web"))

    def kill(call: int, word: str) -> None:
        if word == "stop":
            raise CrashError

    engine.before = kill
    with pytest.raises(CrashError):
        go(engine, journal, made)
    box = engine.boxes[made.old]
    box.running = replace(box.running, status="stopping")

    def refuse(call: int, word: str) -> None:
        if word == "start" and box.running.status == "stopping":
            raise RefusedError(EngineState.CONNECTED, msg("No."), "container state improper")

    engine.before = refuse
    other = FileJournal(tmp_path / "another")
    assert [item.result for item in recover_all(MemoryAccess(engine, other))] == [Result.UNDONE]
    assert box.running.status == "running"


def test_what_its_own_journal_finished_meanwhile_is_left_alone(
    journal: FileJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's `recover` looked while it was broken off, and comes to hold it once its owner's has ended."""
    engine = MemoryEngine()
    made = transaction(engine, engine.add("web"))

    def kill(call: int, word: str) -> None:
        if word == "rename" and any(getattr(item, "stage", None) is Stage.VERIFIED for item in unfinished(journal)):
            raise CrashError

    engine.before = kill
    with pytest.raises(CrashError):
        go(engine, journal, made)
    engine.before = lambda call, word: None
    other = FileJournal(tmp_path / "another")
    hold = other.hold
    finished: list[Recovered] = []

    @contextmanager
    def late(name: str, container: str) -> Iterator[None]:
        if not finished:
            finished.extend(recover_all(MemoryAccess(engine, journal)))
        with hold(name, container):
            yield

    monkeypatch.setattr(other, "hold", late)
    assert list(recover_all(MemoryAccess(engine, other))) == []
    assert [item.result for item in finished] == [Result.FINISHED]
    running = [box.running for box in engine.boxes.values() if box.running.status == "running"]
    assert [item.name for item in running] == ["web"]
    assert running[0].id != made.old
