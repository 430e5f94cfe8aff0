"""The background service with everything around it played: what it records, tells and shows, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from rig.window import reach, sample
from stratascope.core.history.entry import Exposed, HistoryError, Standing, Subject
from stratascope.core.message import Message, msg
from stratascope.core.reach.row import Answer, Reached
from stratascope.core.relaunch.launch_spec import TWIN, TwinRecord
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.state.history import FileHistory
from stratascope.usecases.background import gathering
from stratascope.usecases.background.service import BackgroundService, Does, Read, Wanted
from stratascope.usecases.live.alerts import Alert
from stratascope.usecases.reach import agents
from stratascope.value import replace

OF = replace(sample.snapshot(), demo=False, listed=frozenset(each.id for each in sample.snapshot().engines))
WORST = max(OF.containers, key=lambda each: each.matrix.exposure.worst if each.matrix is not None else 0.0)


class Past(FileHistory):
    def __init__(self, folder: Path, known: dict[Subject, Standing] | None) -> None:
        super().__init__(folder)
        self.known = known

    def latest(self) -> dict[Subject, Standing]:
        if self.known is None:
            raise HistoryError(msg("Nothing could be read"))
        return self.known


class Played:
    """View, recorder and surroundings in one."""

    recording, waiting = True, False
    trouble: Message | None = None

    def __init__(self) -> None:
        self.publish: Callable[[Snapshot], None] = lambda _: None
        self.chosen = Wanted(notices=True, above=9.0, failures=True, gains=True)
        self.seen: list[Snapshot] = []
        self.told: list[str] = []
        self.shown: list[Snapshot] = []
        self.ends: list[str] = []
        self.said: list[tuple[bool, bool]] = []
        self.goes_on = True
        self.copies: tuple[TwinRecord, ...] = ()
        self.began, self.stepped = threading.Event(), threading.Event()

    def start(self, publish: Callable[[Snapshot], None] | None = None) -> None:
        if publish is not None:
            self.publish = publish
            self.began.set()

    def stop(self) -> None:
        self.ends.append("view")

    def see(self, snapshot: Snapshot) -> None:
        self.seen.append(snapshot)

    def close(self) -> None:
        self.ends.append("rest")

    def wanted(self) -> Wanted:
        self.stepped.set()
        return self.chosen

    def hardened(self) -> Sequence[Transaction]:
        return ()

    def twins(self) -> Sequence[TwinRecord]:
        return self.copies

    def tell(self, alert: Alert, still: Callable[[], bool]) -> None:
        assert still()
        self.told.append(translate(alert.title))

    def show(self, snapshot: Snapshot) -> None:
        self.shown.append(snapshot)

    def say(self, does: Does) -> bool:
        self.said.append((does.recording, does.notices))
        return self.goes_on


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "FIRST", 0.0)


class Run:
    def __init__(self, past: FileHistory, read: Read | None = None) -> None:
        self.played = Played()
        self.service = BackgroundService(self.played, self.played, past, self.played, read)
        self.thread = threading.Thread(target=self.service.run)
        self.thread.start()
        self.played.began.wait()

    def show(self, snapshot: Snapshot) -> None:
        """Until all is done that it leads to."""
        count = len(self.played.shown)
        self.played.publish(snapshot)
        while len(self.played.shown) == count:
            self.played.stepped.wait(0.01)
        for _ in range(2):
            self.played.stepped.clear()
            self.service.look()
            self.played.stepped.wait()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(Past(tmp_path, {}))
    yield made
    made.service.end()
    made.thread.join()


def without(name: str) -> Snapshot:
    return replace(OF, containers=tuple(each for each in OF.containers if each.container.name != name))


def test_each_snapshot_is_recorded_and_shown_and_news_is_told(run: Run) -> None:
    name = WORST.container.name
    run.show(without(name))
    assert run.played.told == []
    run.show(OF)
    assert run.played.told == [f"{name} could take over"]
    assert (run.played.seen, run.played.shown) == ([without(name), OF],) * 2
    assert run.played.said[-1] == (True, True)
    run.service.end()
    run.thread.join()
    assert run.played.ends == ["view", "rest", "rest"]


def test_no_notices_unless_wanted_and_no_old_news_when_they_are(run: Run) -> None:
    run.played.chosen = Wanted(notices=False, gains=True)
    run.show(without(WORST.container.name))
    run.show(OF)
    run.played.chosen = Wanted(notices=True, gains=True)
    run.show(replace(OF, taken_at=OF.taken_at + 1))
    assert run.played.told == []


def test_what_came_while_it_did_not_run_is_news(tmp_path: Path) -> None:
    past = {Subject(each.container.engine, each.container.name): Standing(threats=(), exposed=Exposed(1.0, 1.0))
            for each in OF.containers if each is not WORST}  # fmt: skip
    for state in OF.containers:
        if state is not WORST and state.matrix is not None:
            known = tuple(each.threat.id for each in state.matrix.threats)
            past[Subject(state.container.engine, state.container.name)] = Standing(
                threats=known, exposed=Exposed(1.0, 1.0)
            )
    run = Run(Past(tmp_path, past))
    run.show(OF)
    run.service.end()
    run.thread.join()
    assert run.played.told == [f"{WORST.container.name} could take over"]


def test_a_twin_is_no_news_and_an_image_with_its_label_is(run: Run) -> None:
    mine, other = (replace(WORST.container, id=f"id-{name}", name=name, labels=((TWIN, name),)) for name in ("1", "2"))
    run.show(OF)
    run.played.copies = (TwinRecord("1", "docker", "unix:///x", "a", "web", 0.0),)
    run.show(replace(OF, containers=(*OF.containers, *(replace(WORST, container=each) for each in (mine, other)))))
    assert run.played.told == ["2 could take over"]


def test_a_history_that_can_not_be_read_stops_nothing(tmp_path: Path) -> None:
    run = Run(Past(tmp_path, None))
    run.show(OF)
    run.service.end()
    run.thread.join()
    assert (run.played.told, run.played.shown) == ([], [OF])


def test_it_ends_when_asked_to(run: Run) -> None:
    run.played.goes_on = False
    run.played.publish(OF)
    run.thread.join()
    assert run.played.ends == ["view", "rest", "rest"]


def test_an_agent_that_gets_at_more_is_told_and_recorded_and_not_in_the_tray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "LEAST", 0.0)
    answers = [Answer.CLOSED, Answer.OPEN]
    made = Run(Past(tmp_path, {}), lambda snapshot, state: Reached((reach.row("ssh-keys", answers.pop(0)),)))
    made.played.chosen = Wanted(notices=True, reach=True)
    try:
        for pid in (1, 2):
            made.show(replace(OF, containers=(*OF.containers, reach.agent(pid=pid))))
    finally:
        made.service.end()
        made.thread.join()
    assert made.played.told == ["codex can get at more now"]
    assert {len(snapshot.containers) for snapshot in made.played.seen} == {len(OF.containers) + 1}
    assert {len(snapshot.containers) for snapshot in made.played.shown} == {len(OF.containers)}
