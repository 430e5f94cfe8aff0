"""New volumes filled with what a container keeps: killed or refused at any call, nothing is lost or half there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.data_volume import DataVolume
from stratascope.core.relaunch.evidence import Clock
from stratascope.core.relaunch.launch_spec import FileChange, RestartPolicy, claim
from stratascope.core.relaunch.transaction import Member, Stage, Transaction, TransactionKind
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.rollback import discard, recover, roll_back
from stratascope.usecases.relaunch.watch import FailedError
from stratascope.value import replace
from unit.usecases.memory_engine import CrashError, MemoryEngine

NUMBER = "0123456789abcdef"
VOLUME = DataVolume("web-srv", "/srv")
WROTE = (FileChange("/srv/data", "added"), FileChange("/etc/other", "changed"))
LAST = (FileChange("/srv/last", "added"),)  # while it was being stopped


def scene() -> tuple[MemoryEngine, Transaction]:
    engine = MemoryEngine(last_words=LAST)
    old = engine.add("web")
    engine.boxes[old].files = WROTE
    always = RestartPolicy("always")
    member = Member(
        name="web",
        old=old,
        new="",
        old_aside="web.old-01234567",
        new_aside=claim(old),
        restart=always,
        new_restart=always,
        was_running=True,
        stop_timeout=1,
        body=json.dumps({"volumes": {VOLUME.name: VOLUME.target}}),
        volumes=(VOLUME,),
    )
    bare = Transaction.of(
        (member,),
        number=NUMBER,
        kind=TransactionKind.HARDEN,
        stage=Stage.INTENT,
        engine="memory",
        endpoint="unix:///memory",
        created=True,
        started_at=0.0,
        choices=(),
        owner=None,
    )
    return engine, bare


def clock() -> Clock:
    """One that goes only by sleeping."""
    passed = [0.0]
    return Clock(lambda: passed[0], lambda seconds: passed.__setitem__(0, passed[0] + seconds))


def exchange(engine: MemoryEngine, journal: FileJournal, transaction: Transaction) -> Exchange:
    return Exchange(engine, journal, transaction, clock=clock())


def forward(work: Exchange) -> Transaction:
    list(work.forward(0.0))
    work.enter(Stage.VERIFIED)
    return work.finish()


def in_volume(engine: MemoryEngine) -> set[str]:
    return {each.path for each in engine.made[VOLUME.name].files}


def nothing_lost(engine: MemoryEngine, old: str) -> bool:
    """Whether the replacement runs, with all of its data; else the original does, as it was."""
    (running,) = (key for key, box in engine.boxes.items() if box.running.status == "running")
    assert engine.boxes[running].running.name == "web"
    assert {*WROTE, *LAST} >= set(engine.boxes[old].files) >= set(WROTE)
    assert set(engine.images) == {"image"}, "the image that filled it is gone"
    if running != old:
        assert in_volume(engine) == {"/srv/data", "/srv/last"}
        return True
    assert set(engine.boxes) == {old}, "nothing of the relaunch is left"
    assert in_volume(engine) == {"/srv/data", "/srv/last"} if engine.made else True, "kept as a whole, or not at all"
    return False


def test_it_is_filled_with_what_is_there_once_it_has_stopped(tmp_path: Path) -> None:
    engine, transaction = scene()
    journal = FileJournal(tmp_path)
    done = forward(exchange(engine, journal, transaction))
    assert nothing_lost(engine, transaction.old)
    assert done.volumes == (VOLUME,)
    made, filled = engine.calls.index("make_volume"), engine.calls.index("commit")
    assert made < engine.calls.index("create") < engine.calls.index("stop") < filled < engine.calls.index("start")
    discard(engine, journal, done)
    assert VOLUME.name in engine.made, "it is in use, and no discard removes one"


@pytest.mark.parametrize("how", ["before", "after"])
def test_killed_at_any_call_and_recovered(tmp_path: Path, how: str) -> None:
    kept = 0
    for number in range(100):
        engine, transaction = scene()
        journal = FileJournal(tmp_path / str(number))

        def die(at: int, name: str, number: int = number) -> None:
            if at == number:
                raise CrashError

        setattr(engine, how, die)
        work = exchange(engine, journal, transaction)
        try:
            forward(work)
        except CrashError:
            pass
        else:
            break
        setattr(engine, how, lambda at, name: None)
        for item in journal.all():
            assert isinstance(item, Transaction)
            recover(engine, journal, item, clock())
        if not nothing_lost(engine, transaction.old):
            kept += bool(engine.made)
    assert number > 12
    assert kept <= 2, "only where the replacement had run, for nobody knows how long"


def test_refused_at_any_call(tmp_path: Path) -> None:
    for number in range(100):
        engine, transaction = scene()
        journal = FileJournal(tmp_path / str(number))

        def refuse(at: int, name: str, number: int = number) -> None:
            if at == number:
                raise RefusedError(EngineState.CONNECTED, msg("There is no space left."), "ENOSPC")

        engine.before = refuse
        work = exchange(engine, journal, transaction)
        try:
            forward(work)
        except RefusedError:
            roll_back(engine, journal, work.transaction, own=True)
            assert not nothing_lost(engine, transaction.old)
            assert not engine.made
        else:
            break
    assert number > 8


def test_what_does_not_arrive_whole_is_rolled_back(tmp_path: Path) -> None:
    engine, transaction = scene()

    def lose(at: int, name: str) -> None:
        if name == "remove_image" and engine.made:
            engine.made[VOLUME.name].files = ()

    engine.before = lose
    journal = FileJournal(tmp_path)
    work = exchange(engine, journal, transaction)
    with pytest.raises(FailedError, match="data"):
        forward(work)
    engine.before = lambda at, name: None
    roll_back(engine, journal, work.transaction, own=True)
    assert not nothing_lost(engine, transaction.old)
    assert not engine.made


def test_a_name_that_is_taken_by_now_is_left_alone(tmp_path: Path) -> None:
    engine, transaction = scene()
    engine.make_volume(VOLUME.name, {})
    journal = FileJournal(tmp_path)
    work = exchange(engine, journal, transaction)
    with pytest.raises(RefusedError):
        forward(work)
    roll_back(engine, journal, work.transaction, own=True)
    assert engine.made[VOLUME.name].files == ()
    assert engine.boxes[transaction.old].running.status == "running"


@pytest.mark.parametrize(
    ("kind", "lacks", "whole"),
    [("added", "/srv/data", False), ("added", "", True), ("deleted", "", True), ("changed", "/srv/data", False)],
)
def test_an_image_that_lacks_some_brings_the_original_back(
    tmp_path: Path, kind: str, lacks: str, *, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, bare = scene()
    (member,) = bare.members
    engine.boxes[member.old].files = (FileChange("/srv/data", kind),)
    engine.last_words = ()
    bare = bare.with_members((replace(member, volumes=(), image="carried"),))
    commit = engine.commit

    def damaged(container: str, repository: str) -> str:
        number = commit(container, repository)
        engine.images[repository] = tuple(each for each in engine.images[repository] if each.path != lacks)
        return number

    monkeypatch.setattr(engine, "commit", damaged)
    work = exchange(engine, FileJournal(tmp_path), bare)
    if whole:
        assert forward(work).stage is Stage.DONE
        return
    with pytest.raises(FailedError) as failed:
        list(work.forward(0.0))
    assert "/srv/data" in translate(failed.value.why)
    assert "start" not in engine.calls, "before it is started"
