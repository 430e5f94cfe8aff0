"""Relaunches of one container in memory, and how they must end."""

from __future__ import annotations

from rig.usecases.memory_access import Seconds
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.launch_spec import RestartPolicy, Running, claim
from stratascope.core.relaunch.transaction import JournalError, Stage, Transaction, TransactionKind
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.rollback import roll_back
from stratascope.usecases.relaunch.watch import FailedError
from unit.usecases.memory_engine import MemoryEngine

ALWAYS = RestartPolicy("always")


def transaction(engine: MemoryEngine, old: str, new: str = "", *, created: bool = True) -> Transaction:
    return Transaction(
        id="0123456789abcdef",
        kind=TransactionKind.HARDEN if created else TransactionKind.UNDO,
        stage=Stage.INTENT,
        engine="memory",
        endpoint="unix:///memory",
        name="web",
        old=old,
        new=new,
        created=created,
        old_aside="web.old-01234567",
        new_aside=claim(old) if created else "web.old-89abcdef",
        restart=ALWAYS,
        new_restart=ALWAYS,
        was_running=True,
        stop_timeout=1,
        started_at=0.0,
    )


def go(engine: MemoryEngine, journal: FileJournal, made: Transaction, watch: float = 3.0) -> Transaction:
    exchange = Exchange(engine, journal, made, clock=Seconds().clock())
    try:
        for _ in exchange.forward(watch):
            pass
        exchange.enter(Stage.VERIFIED)
        return exchange.finish()
    except (FailedError, RefusedError, JournalError):
        roll_back(engine, journal, exchange.transaction)
        raise


def as_before(engine: MemoryEngine, old: str) -> None:
    assert list(engine.boxes) == [old]
    box = engine.boxes[old]
    assert (box.running.name, box.running.status, box.policy) == ("web", "running", ALWAYS)


def one_runs(engine: MemoryEngine) -> Running:
    running = [box.running for box in engine.boxes.values() if box.running.status == "running"]
    assert [item.name for item in running] == ["web"]
    return running[0]
