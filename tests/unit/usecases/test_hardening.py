"""Hardening over several engines: who is asked, and what happens where one is away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.usecases.live.replay import Replay
from rig.usecases.memory_access import ENGINE, MemoryAccess, Seconds
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.observation.observation import Observation, Seen
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.launch_spec import FileChange, LaunchSpec, RestartPolicy
from stratascope.core.relaunch.toggle import Preset, ToggleError
from stratascope.core.relaunch.transaction import Damaged, Stage, Transaction, TransactionKind
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers.toggles import choice_of
from stratascope.state.journal import FileJournal
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.relaunch.recovery import Recovered, Result
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_capture
from unit.usecases.memory_engine import MemoryEngine

SEEN = Observation(Seen(30.0, 1), peaks=(("memory", 100 * 2.0**20),))
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


class Asked(MemoryEngine):
    """How often it was asked what is in a container."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Counter[str]()

    def plan(self, container: str) -> LaunchSpec:
        self.asked["plan"] += 1
        return super().plan(container)

    def changes(self, container: str) -> tuple[FileChange, ...]:
        self.asked["changes"] += 1
        return super().changes(container)


class Scene:
    """One container of the demo on an engine in memory, which is read as `now`."""

    def __init__(self, state: ContainerState, journal: FileJournal) -> None:
        self.engine, self.time = Asked(), Seconds()
        container = replace(state.container, id=self.engine.add("web"), engine="memory")
        self.state = self.now = replace(state, container=container)
        access = MemoryAccess(self.engine, journal, clock=self.time.clock(), state_of=lambda _: self.now)
        self.hardening = Hardening(lambda _: access, journal, lambda made: "")

    def restart(self) -> None:
        self.now = replace(self.state, container=replace(self.state.container, pid=4711))

    def other(self) -> None:
        self.state = replace(self.state, unread=0)

    def run(self) -> None:
        made = self.hardening.plan(self.state, ())
        list(self.hardening.run(replace(made, checked=replace(made.checked, blocks=())), watch=0.0))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    found: list[Snapshot] = []
    Replay(demo_capture(), assembler(), demo=True).start(found.append)
    return Scene(next(state for state in found[0].containers if state.matrix is not None), FileJournal(tmp_path))


def test_all_presets_and_their_plans_ask_once_what_is_in_a_container(scene: Scene) -> None:
    scene.hardening.offer(scene.state)
    for preset in Preset:
        scene.hardening.plan(scene.state, scene.hardening.preset(scene.state, preset))
    assert scene.engine.asked == {"plan": 1, "changes": 1}


@pytest.mark.parametrize(
    "meanwhile",
    [lambda scene: scene.time.sleep(2.1), Scene.other, Scene.restart, Scene.run],
    ids=["time passed", "a newer state is known", "it was restarted", "it was relaunched"],
)
def test_a_plan_asks_again_where_it_may_be_another(scene: Scene, meanwhile: Callable[[Scene], None]) -> None:
    scene.hardening.preset(scene.state, Preset.RECOMMENDED)
    meanwhile(scene)
    before = scene.engine.asked["plan"]
    scene.hardening.plan(scene.state, ())
    assert scene.engine.asked["plan"] == before + 1


def test_what_was_learned_meanwhile_counts_at_once(scene: Scene) -> None:
    wanted = (choice_of("memory", "learned"),)
    scene.hardening.offer(scene.state)
    with pytest.raises(ToggleError, match="Nothing was learned"):
        scene.hardening.preview(scene.state, wanted)
    scene.hardening.access("memory").needs.add(scene.state.container, SEEN)
    with pytest.raises(ToggleError, match="says nothing about this"):
        scene.hardening.preview(scene.state, wanted)
