"""The crash-safe order: whatever happens wherever, one container runs under the right name afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.usecases.memory_access import Seconds
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.launch_spec import NAME, ORIGINAL, TRANSACTION, Health, Running
from stratascope.core.relaunch.transaction import JournalError, Stage, State, Transaction
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.rollback import discard, recover
from stratascope.usecases.relaunch.watch import FailedError
from stratascope.value import replace
from unit.usecases.memory_engine import CrashError, MemoryEngine
from unit.usecases.relaunch.relaunches import ALWAYS, as_before, go, one_runs, transaction


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "relaunches")


def test_the_replacement_takes_the_name_and_the_original_is_set_aside(journal: FileJournal) -> None:
    engine = MemoryEngine()
    old = engine.add("web")
    done = go(engine, journal, transaction(engine, old))
    assert done.stage is Stage.DONE
    assert one_runs(engine).id == done.new
    aside = engine.boxes[old]
    assert (aside.running.name, aside.running.status, aside.policy.name) == ("web.old-01234567", "exited", "no")
    assert journal.all() == (done,)


def test_undo_brings_the_original_back_with_its_policy(journal: FileJournal) -> None:
    engine = MemoryEngine()
    old = engine.add("web")
    done = go(engine, journal, transaction(engine, old))
    back = replace(
        transaction(engine, done.new, old, created=False), id="fedcba9876543210", new_aside="web.old-01234567",
        old_aside="web.old-fedcba98",
    )  # fmt: skip
    exchange = Exchange(engine, journal, back, clock=Seconds().clock())
    told = [translate(step.message) for step in exchange.forward(3.0) if step.state is State.BEGUN]
    assert told[1:4] == [
        "Stop the running container",
        "Give its name to the kept container",
        "Start the kept container",
    ]
    undone = exchange.finish()
    assert one_runs(engine).id == old
    assert engine.boxes[old].policy == ALWAYS
    assert engine.boxes[undone.old].running.name == "web.old-fedcba98"
    assert engine.boxes[undone.old].policy.name == "no"


def test_discard_removes_what_is_set_aside(journal: FileJournal) -> None:
    engine = MemoryEngine()
    old = engine.add("web")
    done = go(engine, journal, transaction(engine, old))
    discard(engine, journal, done)
    assert list(engine.boxes) == [done.new]
    assert journal.all() == ()
    discard(engine, journal, done)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"status": "exited", "exit_code": 3}, "with status 3"),
        ({"health": Health.UNHEALTHY}, "unhealthy"),
        ({"health": Health.STARTING}, "health check did not report healthy"),
    ],
)
def test_a_replacement_that_fails_is_rolled_back(journal: FileJournal, changed: dict[str, object], words: str) -> None:
    engine = MemoryEngine()
    old = engine.add("web")

    def start(item: Running) -> Running:
        return item if item.id == old else replace(item, **changed)  # type: ignore[arg-type]

    engine.on_start = start
    with pytest.raises(FailedError) as caught:
        go(engine, journal, transaction(engine, old))
    assert words in str(caught.value.why.id.format(**dict(caught.value.why.args)))
    as_before(engine, old)
    assert journal.all() == ()


def test_a_warning_of_the_engine_is_a_failure_before_anything_stops(journal: FileJournal) -> None:
    engine = MemoryEngine(warnings=("Your kernel does not support memory limits",))
    old = engine.add("web")
    with pytest.raises(FailedError):
        go(engine, journal, transaction(engine, old))
    assert "stop" not in engine.calls
    as_before(engine, old)


def test_the_number_of_calls() -> None:
    engine = MemoryEngine()
    old = engine.add("web")
    exchange = Exchange(engine, _Forgetful(), transaction(engine, old), clock=Seconds().clock())
    list(exchange.forward(1.0))
    exchange.enter(Stage.VERIFIED)
    exchange.finish()
    assert engine.calls == [
        "create",
        "restart_policy",
        "stop",
        "rename",
        "rename",
        "start",
        "restart_policy",
        "rename",  # the original: until now its name says that the replacement may not stay
    ]


class _Forgetful(FileJournal):
    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))

    def write(self, transaction: Transaction) -> None:
        return None


def _through(exchange: Exchange) -> None:
    for _ in exchange.forward(1.0):
        pass
    exchange.enter(Stage.VERIFIED)
    exchange.finish()


def _points() -> Iterator[tuple[str, int]]:
    for when in ("before", "after"):
        for number in range(7):
            yield when, number


@pytest.mark.parametrize(("when", "number"), list(_points()))
@pytest.mark.parametrize("created", [True, False], ids=["harden", "undo"])
def test_killed_at_any_call_and_recovered(journal: FileJournal, when: str, number: int, created: bool) -> None:
    engine = MemoryEngine()
    old = engine.add("web")
    new = "" if created else engine.add("web.old-89abcdef", status="exited", policy="no")
    if not created:
        engine.boxes[old].running = replace(
            engine.boxes[old].running, labels=((TRANSACTION, "f" * 16), (ORIGINAL, new), (NAME, "web"))
        )

    def kill(call: int, name: str) -> None:
        if call == number:
            raise CrashError

    setattr(engine, when, kill)
    exchange = Exchange(engine, journal, transaction(engine, old, new, created=created), clock=Seconds().clock())
    with pytest.raises(CrashError):
        _through(exchange)
    engine.before = engine.after = lambda call, name: None
    for found in journal.all():
        assert isinstance(found, Transaction)
        stays = recover(engine, journal, found)
        running = one_runs(engine)
        assert running.id == (found.new if stays else old)
    one_runs(engine)
    # once more does nothing
    before = {key: box.running for key, box in engine.boxes.items()}
    for found in journal.all():
        assert isinstance(found, Transaction)
        recover(engine, journal, found)
    assert {key: box.running for key, box in engine.boxes.items()} == before


@pytest.mark.parametrize("number", range(7))
def test_an_engine_that_refuses_any_call(journal: FileJournal, number: int) -> None:
    engine = MemoryEngine()
    old = engine.add("web")

    def refuse(call: int, name: str) -> None:
        if call == number:
            raise RefusedError(EngineState.CONNECTED, msg("No."), "500")

    engine.before = refuse
    with pytest.raises(RefusedError):
        go(engine, journal, transaction(engine, old))
    one_runs(engine)


@pytest.mark.parametrize("number", range(8))
def test_a_journal_that_fills_the_disk(journal: FileJournal, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    old = engine.add("web")
    count = 0
    real = journal.write

    def write(made: Transaction) -> None:
        nonlocal count
        count += 1
        if count == number + 1:
            raise JournalError("No space left on device")
        real(made)

    monkeypatch.setattr(journal, "write", write)
    with pytest.raises(JournalError):
        go(engine, journal, transaction(engine, old))
    as_before(engine, old)
