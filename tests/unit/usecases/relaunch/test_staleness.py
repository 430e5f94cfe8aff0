"""A plan or an entry that is old by the time its button is pressed: nothing is stopped, removed or started twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from rig.usecases.memory_access import ENGINE, MemoryAccess, Seconds
from rig.window import sample
from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.relaunch.transaction import RelaunchOutcome, RelaunchResult, Stage, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Preflight
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.harden import harden
from stratascope.usecases.relaunch.rollback import recover, roll_back
from stratascope.usecases.relaunch.undo import undo, undo_plan
from stratascope.usecases.relaunch.watch import FailedError
from stratascope.value import replace
from unit.usecases.memory_engine import MemoryEngine
from unit.usecases.relaunch.relaunches import ALWAYS, go, one_runs, transaction


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "relaunches")


def hardening(engine: MemoryEngine, journal: FileJournal) -> Hardening:
    access = MemoryAccess(engine, journal)
    return Hardening(lambda name: access, journal, lambda made: "")


def state_of(number: str) -> ContainerState:
    state = next(state for state in sample.states() if state.matrix is not None)
    return replace(state, container=replace(state.container, id=number, name="web", asked=Asked()))


def planned(work: MemoryAccess, number: str) -> Plan:
    """An unchanged relaunch."""
    state = state_of(number)
    spec = work.port.plan(number)
    return Plan(state, Subject(state.container, ENGINE, ()), spec, (), Asked(), spec.body, Preflight((), ()))


def last(events: Iterable[object]) -> RelaunchResult:
    *_, ended = events
    assert isinstance(ended, RelaunchResult)
    return ended


def boxes(engine: MemoryEngine) -> dict[str, tuple[str, str, str]]:
    return {key: (box.running.name, box.running.status, box.policy.name) for key, box in engine.boxes.items()}


def test_a_discard_of_what_was_undone_meanwhile_removes_nothing(journal: FileJournal) -> None:
    """The window still shows the entry; what it called set aside is what runs."""
    engine = MemoryEngine()
    done = go(engine, journal, transaction(engine, engine.add("web")))
    assert last(undo(MemoryAccess(engine, journal), done, watch=1.0)).ending is RelaunchOutcome.VERIFIED
    before = boxes(engine)
    with pytest.raises(RefusedError) as caught:
        hardening(engine, journal).discard(done)
    assert "undone or discarded in the meantime" in translate(caught.value.message)
    assert boxes(engine) == before


def _start(engine: MemoryEngine, number: str) -> None:
    engine.start(number)


def _name_back(engine: MemoryEngine, number: str) -> None:
    other = engine.named("web")
    assert other is not None
    engine.rename(other.id, "elsewhere")
    engine.rename(number, "web")


@pytest.mark.parametrize(("somebody", "why"), [(_start, "Stop it first"), (_name_back, "has its own name again")])
def test_what_is_in_use_is_not_discarded(
    journal: FileJournal, somebody: Callable[[MemoryEngine, str], None], why: str
) -> None:
    engine = MemoryEngine()
    done = go(engine, journal, transaction(engine, engine.add("web")))
    somebody(engine, done.old)
    with pytest.raises(RefusedError, match=why):
        hardening(engine, journal).discard(done)
    assert done.old in engine.boxes
    assert journal.all() == (done,)


def test_an_undo_of_what_was_undone_meanwhile_stops_nothing(journal: FileJournal) -> None:
    engine = MemoryEngine()
    done = go(engine, journal, transaction(engine, engine.add("web")))
    assert last(undo(MemoryAccess(engine, journal), done, watch=1.0)).ending is RelaunchOutcome.VERIFIED
    before, kept = boxes(engine), journal.all()
    ended = last(undo(MemoryAccess(engine, journal), done, watch=1.0))
    assert ended.ending is RelaunchOutcome.REFUSED
    assert (boxes(engine), journal.all()) == (before, kept)


def _hardened(engine: MemoryEngine, journal: FileJournal, number: str) -> None:
    go(engine, journal, replace(transaction(engine, number), id="f" * 16, old_aside="web.old-ffffffff"))


def _stopped(engine: MemoryEngine, journal: FileJournal, number: str) -> None:
    engine.stop(number, 1)


def _renamed(engine: MemoryEngine, journal: FileJournal, number: str) -> None:
    engine.rename(number, "shop")


def _removed(engine: MemoryEngine, journal: FileJournal, number: str) -> None:
    engine.remove(number)


@pytest.mark.parametrize("somebody", [_hardened, _stopped, _renamed, _removed])
def test_a_plan_that_is_old_changes_nothing(
    journal: FileJournal, somebody: Callable[[MemoryEngine, FileJournal, str], None]
) -> None:
    engine = MemoryEngine()
    old = engine.add("web")
    work = MemoryAccess(engine, journal)
    made = planned(work, old)
    somebody(engine, journal, old)
    before, kept = boxes(engine), journal.all()
    ended = last(harden(work, made, watch=1.0))
    assert ended.ending is RelaunchOutcome.REFUSED
    assert ended.why is not None
    assert "in the meantime" in translate(ended.why)
    assert (boxes(engine), journal.all()) == (before, kept)


@pytest.mark.parametrize("created", [True, False], ids=["harden", "undo"])
@pytest.mark.parametrize("crash", [True, False])
def test_the_only_one_that_is_left_is_not_removed(journal: FileJournal, created: bool, crash: bool) -> None:
    """Somebody pruned what had just been set aside, and then the rest did not go well."""
    engine = MemoryEngine()
    made = transaction(engine, engine.add("web"))
    if not created:
        done = go(engine, journal, made)
        made = replace(
            transaction(engine, done.new, done.old, created=False), id="e" * 16, new_aside=done.old_aside,
            old_aside="web.old-eeeeeeee",
        )  # fmt: skip
    exchange = Exchange(engine, journal, made, clock=Seconds().clock())
    list(exchange.forward(1.0))
    engine.remove(made.old)
    left = exchange.transaction
    if crash:
        assert recover(engine, journal, left)
    else:
        ended = last(exchange.back(FailedError(msg("Cancelled."))))
        assert ended.ending is RelaunchOutcome.KEPT
        assert ended.why is not None
        assert "Someone else removed the container that ran before" in translate(ended.why)
    assert one_runs(engine).id == left.new
    stages = [item.stage for item in journal.all() if isinstance(item, Transaction) and item.id == left.id]
    assert stages == [Stage.DONE]


def test_what_is_written_as_it_stops_is_not_left_behind(journal: FileJournal) -> None:
    """A program that saves its state at SIGTERM: the plan knew of nothing."""
    engine = MemoryEngine()
    old = engine.add("web")
    work = MemoryAccess(engine, journal)
    made = planned(work, old)
    engine.last_words = (FileChange("/app/state.json", "added"),)
    ended = last(harden(work, made, watch=1.0))
    assert ended.ending is RelaunchOutcome.ROLLED_BACK
    assert ended.why is not None
    assert "/app/state.json" in translate(ended.why)
    assert boxes(engine) == {old: ("web", "running", "always")}


def test_a_replacement_is_stopped_as_it_wants_before_it_is_removed(journal: FileJournal) -> None:
    """It has the volumes of the original, and may have taken requests by then."""
    engine = MemoryEngine()
    exchange = Exchange(engine, journal, transaction(engine, engine.add("web")), clock=Seconds().clock())
    list(exchange.forward(1.0))
    engine.calls.clear()
    roll_back(engine, journal, exchange.transaction)
    assert [call for call in engine.calls if call in ("stop", "remove")] == ["stop", "remove"]


@pytest.mark.parametrize("status", ["exited", "restarting"])
def test_a_replacement_that_broke_can_be_undone(journal: FileJournal, status: str) -> None:
    engine = MemoryEngine()
    done = go(engine, journal, transaction(engine, engine.add("web")))
    box = engine.boxes[done.new]
    box.running = replace(box.running, status=status, pid=None, exit_code=1)
    assert last(undo(MemoryAccess(engine, journal), done, watch=1.0)).ending is RelaunchOutcome.VERIFIED
    assert one_runs(engine).id == done.old
    assert engine.boxes[done.old].policy == ALWAYS


def test_a_paused_one_is_not_undone(journal: FileJournal) -> None:
    engine = MemoryEngine()
    done = go(engine, journal, transaction(engine, engine.add("web")))
    box = engine.boxes[done.new]
    box.running = replace(box.running, status="paused")
    assert [block.code for block in undo_plan(MemoryAccess(engine, journal), done).blocks] == ["paused"]


@pytest.mark.parametrize("fails", [False, True])
def test_an_undo_keeps_the_name_that_a_person_gave(journal: FileJournal, fails: bool) -> None:
    engine = MemoryEngine()
    done = go(engine, journal, transaction(engine, engine.add("web")))
    engine.rename(done.new, "shop")
    ended = last(
        undo(MemoryAccess(engine, journal), done, watch=1.0, cancelled=lambda: fails and "rename" in engine.calls[9:])
    )
    assert ended.ending is (RelaunchOutcome.ROLLED_BACK if fails else RelaunchOutcome.VERIFIED)
    running = [box.running for box in engine.boxes.values() if box.running.status == "running"]
    assert [(item.id, item.name) for item in running] == [(done.new if fails else done.old, "shop")]
