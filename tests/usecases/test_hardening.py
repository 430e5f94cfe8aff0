"""The window's desk over several engines: who is asked, and what happens where one is away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Damaged, Kind, Stage, Transaction
from stratascope.state.journal import FileJournal
from stratascope.usecases.front_desk import FrontDesk
from stratascope.usecases.hardening import Workbench
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.recovery import Mended, Result

AWAY = EngineError(EngineState.STOPPED, msg("It is stopped."), "connection refused")


@dataclass
class Bench:
    """Of one engine; only what the desk asks of it."""

    mends: tuple[Mended, ...] = ()
    asked: list[str] = field(default_factory=list)

    def mend(self) -> tuple[Mended, ...]:
        self.asked.append("mend")
        return self.mends

    def size(self, transaction: Transaction) -> int | None:
        return len(transaction.old)


def transaction(engine: str, stage: Stage, number: int) -> Transaction:
    return Transaction(
        id=f"{number:08x}", kind=Kind.HARDEN, stage=stage, engine=engine, endpoint="unix:///e", name="web",
        old=f"old{number}", new=f"new{number}", created=True, old_aside="web.old", new_aside="web.new",
        restart=RestartPolicy(), new_restart=RestartPolicy(), was_running=True, stop_timeout=10,
        started_at=float(number),
    )  # fmt: skip


class Rooms:
    """Benches by engine, and how often each was opened."""

    def __init__(self, **benches: Bench) -> None:
        self.benches, self.opened = benches, list[str]()

    def open(self, engine: str) -> Workbench:
        self.opened.append(engine)
        if engine not in self.benches:
            raise AWAY
        return cast(Workbench, self.benches[engine])


def desk(rooms: Rooms, journal: FileJournal) -> FrontDesk:
    def command(plan: Plan) -> str:
        return plan.spec.name

    return FrontDesk(rooms.open, journal, command)


def test_no_engine_is_asked_where_nothing_is_left_half_done(tmp_path: Path) -> None:
    journal, rooms = FileJournal(tmp_path), Rooms(docker=Bench())
    journal.write(transaction("docker", Stage.DONE, 1))
    assert desk(rooms, journal).recover() == ()
    assert rooms.opened == []


def test_an_engine_that_is_away_keeps_the_others_from_nothing(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    away, back = transaction("docker", Stage.STOPPED, 1), transaction("podman", Stage.STOPPED, 2)
    for item in (away, back, replace(back, id="00000003", stage=Stage.CREATED)):
        journal.write(item)
    rooms = Rooms(podman=Bench(mends=(Mended(back, Result.UNDONE),)))
    assert desk(rooms, journal).recover() == (Mended(away, Result.FAILED, AWAY), Mended(back, Result.UNDONE))
    assert rooms.opened == ["docker", "podman"]
    assert rooms.benches["podman"].asked == ["mend"]


def test_what_is_set_aside_is_listed_though_its_engine_is_away(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    journal.write(transaction("docker", Stage.DONE, 1))
    journal.write(transaction("podman", Stage.DONE, 22))
    journal.write(transaction("podman", Stage.STARTED, 3))
    (tmp_path / "broken.json").write_text("{")
    rooms = Rooms(podman=Bench())
    found = desk(rooms, journal).aside()
    assert [(item.engine, item.size) for item in found if not isinstance(item, Damaged)] == [
        ("docker", None),
        ("podman", len("old22")),
    ]
    assert [Path(item.path).name for item in found if isinstance(item, Damaged)] == ["broken.json"]


def test_a_bench_is_opened_once(tmp_path: Path) -> None:
    journal, rooms = FileJournal(tmp_path), Rooms(podman=Bench())
    for number in (1, 2):
        journal.write(transaction("podman", Stage.DONE, number))
    made = desk(rooms, journal)
    made.aside()
    made.aside()
    assert rooms.opened == ["podman"]
