"""Several containers as one, and a writable layer carried over: whatever happens, all run as before, or all anew."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.evidence import Clock
from stratascope.core.relaunch.launch_spec import FileChange, Health, RestartPolicy, Running, claim, layer_image
from stratascope.core.relaunch.transaction import JournalError, Member, Stage, Transaction, TransactionKind
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.rollback import discard, recover, roll_back
from stratascope.usecases.relaunch.watch import FailedError
from stratascope.value import replace
from unit.usecases.memory_engine import CrashError, MemoryEngine

ALWAYS = RestartPolicy("always")
WROTE = (FileChange("/srv/data", "added"),)
LAST = (FileChange("/srv/last", "added"),)  # while it was being stopped
NUMBER, BACK = "0123456789abcdef", "fedcba9876543210"


@dataclass
class Scene:
    """An engine with `web`, perhaps with `side` and `tail` that need it, and how it is to be relaunched."""

    engine: MemoryEngine
    journal: FileJournal
    names: tuple[str, ...]
    old: dict[str, str]
    transaction: Transaction

    def exchange(self, transaction: Transaction | None = None) -> Exchange:
        return Exchange(self.engine, self.journal, transaction or self.transaction, clock=Clock(lambda: 0.0, _no_time))

    def go(self, transaction: Transaction | None = None) -> Transaction:
        exchange = self.exchange(transaction)
        try:
            list(exchange.forward(0.0))
            exchange.enter(Stage.VERIFIED)
            return exchange.finish()
        except (FailedError, RefusedError, JournalError):
            roll_back(self.engine, self.journal, exchange.transaction)
            raise

    def running(self) -> dict[str, str]:
        """Ids by name of what runs; each in namespaces that live, with all that it wrote."""
        found = {box.running.name: key for key, box in self.engine.boxes.items() if box.running.status == "running"}
        assert set(found) == set(self.names)
        assert self.engine.dead() == []
        for key in found.values():
            box = self.engine.boxes[key]
            assert box.policy == ALWAYS
            if self.transaction.image:
                assert set(WROTE) <= {*box.holds, *box.files}
        return found

    def as_before(self) -> None:
        assert self.running() == self.old
        assert set(self.engine.boxes) == set(self.old.values())
        assert set(self.engine.images) == {"image"}
        assert self.journal.all() == ()


def quick() -> Clock:
    """One that goes only by sleeping."""
    passed = [0.0]
    return Clock(lambda: passed[0], lambda seconds: passed.__setitem__(0, passed[0] + seconds))


def _no_time(seconds: float) -> None:
    raise AssertionError("nothing is to be waited for")


def member(name: str, old: str, *, commit: bool, needs: tuple[str, ...] = ()) -> Member:
    return Member(
        name=name,
        old=old,
        new="",
        old_aside=f"{name}.old-01234567",
        new_aside=claim(old),
        restart=ALWAYS,
        new_restart=ALWAYS,
        was_running=True,
        stop_timeout=1,
        image=layer_image(name, NUMBER) if commit else "",
        body=json.dumps({"needs": needs}),
    )


def scene(journal: FileJournal, *, commit: bool, together: bool) -> Scene:
    engine = MemoryEngine(last_words=LAST)
    old = {"web": engine.add("web")}
    members = [member("web", old["web"], commit=commit)]
    if together:  # the last needs both
        for name in ("side", "tail"):
            needs = tuple(old.values())
            old[name] = engine.add(name, needs=needs)
            members.append(member(name, old[name], commit=commit, needs=needs))
    for key in old.values():
        engine.boxes[key].files = WROTE
    bare = Transaction(
        id=NUMBER,
        kind=TransactionKind.HARDEN,
        stage=Stage.INTENT,
        engine="memory",
        endpoint="unix:///memory",
        name="web",
        old=old["web"],
        new="",
        created=True,
        old_aside="",
        new_aside="",
        restart=ALWAYS,
        new_restart=ALWAYS,
        was_running=True,
        stop_timeout=1,
        started_at=0.0,
    )
    return Scene(engine, journal, tuple(old), old, bare.with_members(tuple(members)))


def way_back(engine: MemoryEngine, done: Transaction) -> Transaction:
    members = tuple(
        replace(
            item,
            old=item.new,
            new=item.old,
            new_created=engine.boxes[item.old].running.created,
            old_aside=f"{item.name}.old-fedcba98",
            new_aside=item.old_aside,
            image="",
            old_image=item.image,
        )
        for item in done.members
    )
    back = replace(done, id=BACK, kind=TransactionKind.UNDO, stage=Stage.INTENT, created=False)
    return back.with_members(members)


WAYS = [(True, False), (False, True), (True, True)]


@pytest.fixture(autouse=True)
def _without_syncing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of relaunches: whether the disk keeps what was written is tested with the journal itself."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(params=WAYS, ids=["commit", "together", "both"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Scene]:
    count = iter(range(1000))
    commit, together = request.param
    return lambda: scene(FileJournal(tmp_path / str(next(count))), commit=commit, together=together)


def undoing(made: Scene) -> Transaction:
    """Relaunched, and about to be undone."""
    done = made.go()
    made.journal.forget(done.id)
    made.engine.calls.clear()
    return way_back(made.engine, done)


def test_all_are_replaced_undone_and_discarded(make: Callable[[], Scene]) -> None:
    made = make()
    done = made.go()
    new = made.running()
    assert new == {item.name: item.new for item in done.members}
    assert not set(new.values()) & set(made.old.values())
    for item in done.members:
        if item.image:
            assert made.engine.boxes[item.new].holds == (*WROTE, *LAST)
        needed = made.engine.boxes[item.new].needs
        assert set(needed) <= set(new.values()), "a replacement needs replacements only"
        aside = made.engine.boxes[item.old]
        assert (aside.running.name, aside.running.status, aside.policy.name) == (item.old_aside, "exited", "no")
    assert made.journal.all() == (done,)

    back = made.go(way_back(made.engine, done))
    made.journal.forget(done.id)
    assert made.running() == made.old
    discard(made.engine, made.journal, back)
    made.as_before()


def test_discarding_the_originals_leaves_what_the_replacements_are_made_of(make: Callable[[], Scene]) -> None:
    made = make()
    done = made.go()
    discard(made.engine, made.journal, done)
    assert made.running() == {item.name: item.new for item in done.members}
    assert set(made.engine.images) == {"image", *(item.image for item in done.members if item.image)}
    assert made.journal.all() == ()


def test_what_wrote_nothing_needs_no_image(make: Callable[[], Scene]) -> None:
    made = make()
    made.engine.last_words = ()
    for key in made.old.values():
        made.engine.boxes[key].files = ()
    made.transaction = replace(made.transaction, image="")
    made.go()
    assert "commit" not in made.engine.calls
    assert set(made.engine.images) == {"image"}
    made.running()


@pytest.mark.parametrize("undo", [False, True], ids=["harden", "undo"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_call_and_recovered(make: Callable[[], Scene], when: str, undo: bool) -> None:
    number = -1
    while True:
        number += 1
        made = make()
        transaction = undoing(made) if undo else made.transaction
        there = made.running()

        def kill(call: int, name: str, number: int = number) -> None:
            if call == number:
                raise CrashError

        setattr(made.engine, when, kill)
        exchange = made.exchange(transaction)
        try:
            list(exchange.forward(0.0))
            exchange.enter(Stage.VERIFIED)
            exchange.finish()
        except CrashError:
            pass
        else:
            break
        made.engine.before = made.engine.after = lambda call, name: None
        for found in made.journal.all():
            assert isinstance(found, Transaction)
            stays = recover(made.engine, made.journal, found, quick())
            running = made.running()
            assert running == ({item.name: item.new for item in found.members} if stays else there), (number, stays)
            if not stays and not undo:
                made.as_before()
        before = {key: box.running for key, box in made.engine.boxes.items()}
        for found in made.journal.all():
            assert isinstance(found, Transaction)
            recover(made.engine, made.journal, found, quick())
        assert {key: box.running for key, box in made.engine.boxes.items()} == before
    assert number == len(made.engine.calls), "every call was one to be killed at"


@pytest.mark.parametrize("undo", [False, True], ids=["harden", "undo"])
def test_killed_on_the_way_back_too(make: Callable[[], Scene], undo: bool) -> None:
    """A replacement that fails, and the program dies at any call of the roll-back."""
    number = -1
    while True:
        number += 1
        made = make()
        transaction = undoing(made) if undo else made.transaction
        there = made.running()
        made.engine.on_start = lambda item, there=there: (  # type: ignore[misc]
            item if item.id in there.values() else replace(item, status="exited", exit_code=1)
        )
        exchange = made.exchange(transaction)
        with pytest.raises(RefusedError if transaction.further else FailedError):
            list(exchange.forward(0.0))
        first = len(made.engine.calls)

        def kill(call: int, name: str, at: int = first + number) -> None:
            if call == at:
                raise CrashError

        made.engine.after = kill
        try:
            roll_back(made.engine, made.journal, exchange.transaction)
        except CrashError:
            made.engine.after = lambda call, name: None
            for found in made.journal.all():
                assert isinstance(found, Transaction)
                assert not recover(made.engine, made.journal, found, quick())
        else:
            break
        assert made.running() == there
        if not undo:
            made.as_before()
    assert made.running() == there
    assert number > 3


@pytest.mark.parametrize("undo", [False, True], ids=["harden", "undo"])
def test_an_engine_that_refuses_any_call(make: Callable[[], Scene], undo: bool) -> None:
    number = -1
    while True:
        number += 1
        made = make()
        transaction = undoing(made) if undo else made.transaction
        there = made.running()

        def refuse(call: int, name: str, number: int = number) -> None:
            if call == number:
                raise RefusedError(EngineState.CONNECTED, msg("No."), "500")

        made.engine.before = refuse
        try:
            made.go(transaction)
        except RefusedError:
            pass
        else:
            break
        assert made.running() == there
        if not undo:
            made.as_before()
    assert number == len(made.engine.calls)


def test_a_journal_that_fills_the_disk(make: Callable[[], Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    number = -1
    while True:
        number += 1
        made = make()
        count = iter(range(1000))
        real = made.journal.write

        def write(transaction: Transaction, number: int = number) -> None:
            if next(count) == number:  # noqa: B023
                raise JournalError("No space left on device")
            real(transaction)  # noqa: B023

        monkeypatch.setattr(made.journal, "write", write)
        try:
            made.go()
        except JournalError:
            made.as_before()
        else:
            break
    # OWNERS is there only where volumes are handed over; those that are made from its layer are one more
    assert number == len(set(Stage) - {Stage.OWNERS}) + bool(made.transaction.image)


@pytest.mark.parametrize("who", ["side", "tail"])
def test_one_of_them_that_fails_takes_all_back(tmp_path: Path, who: str) -> None:
    made = scene(FileJournal(tmp_path), commit=True, together=True)

    def start(item: Running) -> Running:
        failing = item.name == who and item.id != made.old[who]
        return replace(item, health=Health.UNHEALTHY) if failing else item

    made.engine.on_start = start
    with pytest.raises(FailedError) as caught:
        made.go()
    assert dict(caught.value.why.args)["name"] == who
    assert caught.value.log == "last words"
    made.as_before()


def test_one_that_did_not_run_is_replaced_and_not_started(tmp_path: Path) -> None:
    made = scene(FileJournal(tmp_path), commit=False, together=True)
    main, side, tail = made.transaction.members
    made.engine.boxes[tail.old].running = replace(made.engine.boxes[tail.old].running, status="exited")
    made.transaction = made.transaction.with_members((main, side, replace(tail, was_running=False)))
    made.names = ("web", "side")
    done = made.go()
    assert set(made.running()) == {"web", "side"}
    found = made.engine.boxes[done.members[2].new].running
    assert (found.name, found.status) == ("tail", "created")
