"""Hardening over several engines: who is asked, and what happens where one is away."""

from __future__ import annotations

from pathlib import Path

from rig.usecases.memory_access import ENGINE, MemoryAccess
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Damaged, Stage, Transaction, TransactionKind
from stratascope.state.journal import FileJournal
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.relaunch.recovery import Recovered, Result
from stratascope.value import replace
from unit.usecases.memory_engine import MemoryEngine

AWAY = EngineError(EngineState.STOPPED, msg("It is stopped."), "connection refused")


class Sized(MemoryEngine):
    """It tells a size that can be told from another."""

    def size(self, container: str) -> int | None:
        return len(container)


def transaction(engine: str, stage: Stage, number: int) -> Transaction:
    return Transaction(
        id=f"{number:08x}",
        kind=TransactionKind.HARDEN,
        stage=stage,
        engine=engine,
        endpoint=f"unix:///{engine}",
        name="web",
        old=f"old{number}",
        new=f"new{number}",
        created=True,
        old_aside="web.old",
        new_aside="web.new",
        restart=RestartPolicy(),
        new_restart=RestartPolicy(),
        was_running=True,
        stop_timeout=10,
        started_at=float(number),
    )


class Connections:
    """Engines that answer, and how often each was connected to."""

    def __init__(self, journal: FileJournal, *engines: str) -> None:
        self.journal, self.engines, self.opened = journal, engines, list[str]()

    def open(self, engine: str) -> MemoryAccess:
        self.opened.append(engine)
        if engine not in self.engines:
            raise AWAY
        return MemoryAccess(Sized(), self.journal, replace(ENGINE, id=engine, endpoint=f"unix:///{engine}"))

    def hardening(self) -> Hardening:
        return Hardening(self.open, self.journal, lambda made: made.spec.name)


def test_no_engine_is_asked_where_nothing_is_left_half_done(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    connections = Connections(journal, "docker")
    journal.write(transaction("docker", Stage.DONE, 1))
    assert connections.hardening().recover() == ()
    assert connections.opened == []


def test_an_engine_that_is_away_keeps_the_others_from_nothing(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    away, back = transaction("docker", Stage.STOPPED, 1), transaction("podman", Stage.STOPPED, 2)
    third = replace(back, id="00000003", stage=Stage.CREATED)
    for item in (away, back, third):
        journal.write(item)
    connections = Connections(journal, "podman")
    undone = [Recovered(item, Result.UNDONE) for item in (back, third)]
    assert list(connections.hardening().recover()) == [Recovered(away, Result.FAILED, AWAY), *undone]
    assert connections.opened == ["docker", "podman"]


def test_what_is_set_aside_is_listed_though_its_engine_is_away(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    journal.write(transaction("docker", Stage.DONE, 1))
    journal.write(transaction("podman", Stage.DONE, 22))
    journal.write(transaction("podman", Stage.STARTED, 3))
    (tmp_path / "broken.json").write_text("{")
    connections = Connections(journal, "podman")
    found = connections.hardening().aside()
    assert [(item.engine, item.size) for item in found if not isinstance(item, Damaged)] == [
        ("docker", None),
        ("podman", len("old22")),
    ]
    assert [Path(item.path).name for item in found if isinstance(item, Damaged)] == ["broken.json"]


def test_an_engine_is_connected_to_once(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    connections = Connections(journal, "podman")
    for number in (1, 2):
        journal.write(transaction("podman", Stage.DONE, number))
    made = connections.hardening()
    made.aside()
    made.aside()
    assert connections.opened == ["podman"]
