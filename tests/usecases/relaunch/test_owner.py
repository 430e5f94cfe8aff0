"""Hardening through an owner: whatever happens wherever, the service runs, with our file and proven, or without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from stratascope.core.container import Asked, Container, Engine, EngineKind, EngineState, Status
from stratascope.core.message import msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.launch_spec import LaunchSpec, Running
from stratascope.core.relaunch.owner import (
    Owned,
    OwnerError,
    OwnerFile,
    OwnerGoneError,
    OwnerKind,
    OwnerPlan,
    OwnerRefusal,
    OwnerText,
)
from stratascope.core.relaunch.privileged_files import Entry
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.relaunch.transaction import Ended, Ending, JournalError, Kind, Remedy, Stage, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.linux.mounts import Propagation
from stratascope.state.journal import FileJournal
from stratascope.usecases.evidence.startup_processes import Hand
from stratascope.usecases.plan.plan import Plan, Workshop
from stratascope.usecases.plan.preflight import Preflight, preflight
from stratascope.usecases.relaunch.owner import accept_owned, harden_owned, recover_owned, undo_owned
from stratascope.usecases.relaunch.probation import Clock
from usecases.memory_engine import CrashError, MemoryEngine

LABELS = (("owner", "service"),)
OWNED = Owned(OwnerKind.COMPOSE, "web", LABELS, ("/p/compose.yaml",), (OwnerFile("/p/ours", "hard"),), 9.0)


@dataclass
class MemoryOwners:
    """An owner in memory, which gives its container a new id where the file changed. It may die in any call."""

    engine: MemoryEngine
    file: bool = False
    made_with: bool = False  # what the container was made from
    by_hand: bool = False
    broken: Callable[[bool], bool] = lambda file: False  # whether what it makes ends at once
    at: Callable[[int, str], None] = lambda number, name: None
    calls: list[str] = field(default_factory=list)
    old: str = ""

    def __post_init__(self) -> None:
        self.old = self.make()

    def make(self) -> str:
        number = self.engine.add("web")
        box = self.engine.boxes[number]
        status = "exited" if self.broken(self.file) else "running"
        box.running = replace(box.running, labels=LABELS, status=status, exit_code=7 if status == "exited" else None)
        self.made_with = self.file
        return number

    def _call(self, name: str) -> None:
        number = len(self.calls)
        self.calls.append(name)
        self.at(number, name)

    def plan(
        self,
        container: Container,
        spec: LaunchSpec,
        others: Sequence[Container],
        text: Callable[[OwnerKind], OwnerText],
    ) -> OwnerPlan | OwnerRefusal | None:
        return None

    def check(self, owned: Owned) -> None:
        if self.by_hand:
            raise OwnerError(msg("The project's files were changed in the meantime. Try again."))

    def holds(self, owned: Owned) -> bool:
        return self.file and not self.by_hand

    def put(self, owned: Owned) -> None:
        self._call("before put")
        self.file = True
        self._call("after put")

    def take(self, owned: Owned) -> None:
        self._call("before take")
        self.file = False
        self._call("after take")

    def recreate(self, owned: Owned) -> None:
        self._call("before recreate")
        if self.made_with != self.file or self.only().status != "running":
            self.engine.boxes.clear()
            self._call("no container")
            self.make()
        self._call("after recreate")

    def only(self) -> Running:
        (box,) = self.engine.boxes.values()
        return box.running


class Unseen:
    """Nothing is known of the host's files."""

    def exists(self, path: str) -> bool | None:
        return None

    def replaced(self, pid: int, source: str, target: str) -> bool | None:
        return None

    def propagation(self, path: str) -> Propagation | None:
        return None

    def entries(self, source: str, target: str, most: int) -> tuple[Entry, ...] | None:
        return None


class Shop:
    """A workshop around it, with a journal on the disk."""

    def __init__(self, folder: Path) -> None:
        self.engine = MemoryEngine()
        self.owners = MemoryOwners(self.engine)
        self.journal = FileJournal(folder)
        self.seconds = 0.0
        self.work = Workshop(
            port=self.engine,
            journal=self.journal,
            engine=Engine("memory", EngineKind.DOCKER, "unix:///memory"),
            read=lambda container: None,
            containers=lambda: (),
            host=Unseen(),
            text_of=lambda path: None,
            listeners=lambda: None,
            clock=Clock(lambda: self.seconds, self._sleep),
            owners=self.owners,
        )

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def plan(self) -> Plan:
        spec = LaunchSpec("memory", EngineKind.DOCKER, self.owners.old, "web", "image", "sha256:1", Asked(), "{}", "{}")
        owner = OwnerPlan(OWNED, msg("Compose does it."), ("compose up",))
        nothing = cast(ContainerState, None)
        return Plan(
            nothing, cast(Subject, None), spec, (), Asked(), "{}", Preflight((), ()), frozenset[Remedy](), owner
        )

    def harden(self, cancelled: Callable[[], bool] = lambda: False) -> Ended:
        return _last(harden_owned(self.work, self.plan(), watch=1.0, cancelled=cancelled))

    def kept(self) -> tuple[Transaction, ...]:
        return tuple(item for item in self.journal.all() if isinstance(item, Transaction))

    def consistent(self) -> bool:
        """Whether the one container runs and is made from the file as it is; returns whether that is hardened."""
        assert self.owners.only().status == "running"
        assert self.owners.made_with == self.owners.file
        return self.owners.file


def _last(events: Iterator[object]) -> Ended:
    *_, last = events
    assert isinstance(last, Ended)
    return last


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "relaunches")


def test_hardened_undone_and_accepted(shop: Shop) -> None:
    ended = shop.harden()
    assert (ended.ending, shop.consistent()) == (Ending.VERIFIED, True)
    (done,) = shop.kept()
    assert (done.stage, done.new, done.owner) == (Stage.DONE, shop.owners.only().id, OWNED)
    assert _last(undo_owned(shop.work, done, watch=1.0)).ending is Ending.VERIFIED
    assert not shop.consistent()
    assert shop.kept() == ()
    shop.owners.old = shop.owners.only().id
    shop.harden()
    (done,) = shop.kept()
    accept_owned(shop.work, done)
    assert shop.kept() == ()
    assert shop.consistent()


def test_what_ends_by_itself_is_rolled_back(shop: Shop) -> None:
    shop.owners.broken = lambda file: file
    ended = shop.harden()
    assert ended.ending is Ending.ROLLED_BACK
    assert ended.why is not None
    assert dict(ended.why.args)["status"] == "7"
    assert ended.log == "last words"
    assert not shop.consistent()
    assert shop.kept() == ()


@pytest.mark.parametrize("gone", [True, False])
def test_one_that_its_owner_removes_at_once(shop: Shop, gone: bool) -> None:
    """systemd's restarts remove a container that ended; Podman then refuses to tell of it."""
    ask = shop.engine.running

    def running(container: str) -> Running:
        if container != shop.owners.old and shop.owners.file:
            if gone:
                shop.engine.boxes.clear()
            raise RefusedError(EngineState.CONNECTED, msg("The engine refused this."), "no such container")
        return ask(container)

    shop.engine.running = running  # type: ignore[method-assign]
    ended = shop.harden()
    assert ended.ending is Ending.ROLLED_BACK
    assert ended.why is not None
    assert ("its owner removed it" in ended.why.id) is gone
    assert not shop.consistent()


def test_workers_that_do_not_come_up_again(shop: Shop) -> None:
    shop.work = replace(
        shop.work,
        born_with=lambda container: frozenset({Hand("worker", 33)}),
        present=lambda container: frozenset({Hand("master", 0)}),
    )
    ended = shop.harden()
    assert ended.ending is Ending.ROLLED_BACK
    assert ended.why is not None
    assert dict(ended.why.args)["name"] == "worker"
    assert not shop.consistent()


def test_an_owner_that_fails_or_sees_nothing_to_do(shop: Shop) -> None:
    def fail(number: int, name: str) -> None:
        if (number, name) == (2, "before recreate"):
            raise OwnerError(msg("The command compose did not end in {seconds} seconds.", seconds=9), "its words")

    shop.owners.at = fail
    ended = shop.harden()
    assert (ended.ending, ended.words) == (Ending.ROLLED_BACK, "its words")
    assert not shop.consistent()
    shop.owners.at = lambda number, name: None
    shop.owners.made_with = True  # the owner thinks that all is as the file wants it
    ended = shop.harden()
    assert ended.ending is Ending.ROLLED_BACK
    assert ended.why is not None
    assert "nothing to change" in ended.why.id
    assert not shop.consistent()


def test_a_way_back_that_fails_is_told_and_recovered_later(shop: Shop) -> None:
    shop.owners.broken = lambda file: file

    def fail(number: int, name: str) -> None:
        if name == "before take":
            raise OwnerError(msg("The file {path} was changed.", path="/p/ours"))

    shop.owners.at = fail
    ended = shop.harden()
    assert ended.ending is Ending.UNFINISHED
    assert ended.why is not None
    assert "way back failed" in ended.why.id
    (left,) = shop.kept()
    shop.owners.at = lambda number, name: None
    assert recover_owned(shop.work, left) is False
    assert not shop.consistent()
    assert shop.kept() == ()


def test_a_project_that_was_removed_leaves_nothing_to_recover(shop: Shop) -> None:
    def gone(number: int, name: str) -> None:
        if name == "before recreate":
            raise OwnerGoneError(msg("A file that its owner makes it from is gone: {path}.", path="/p"))

    def die(number: int, name: str) -> None:
        if name == "before recreate":
            raise CrashError

    shop.owners.at = die
    with pytest.raises(CrashError):
        shop.harden()
    shop.owners.at = gone
    (left,) = shop.kept()
    with pytest.raises(OwnerGoneError):
        recover_owned(shop.work, left)
    assert shop.kept() == (left,)
    shop.engine.boxes.clear()
    assert recover_owned(shop.work, left) is False
    assert shop.kept() == ()


def test_cancelled_at_each_step(shop: Shop) -> None:
    for steps in range(6):
        left = [False] * steps
        ended = shop.harden(lambda left=left: left.pop() if left else True)  # type: ignore[misc]
        assert ended.ending is Ending.ROLLED_BACK, steps
        assert not shop.consistent()
        assert shop.kept() == ()
        shop.owners.old = shop.owners.only().id


def test_refused_before_anything_is_changed(shop: Shop) -> None:
    shop.owners.by_hand = True
    assert shop.harden().ending is Ending.REFUSED
    shop.owners.by_hand = False
    with shop.journal.hold("memory", OWNED.key):
        assert shop.harden().ending is Ending.REFUSED
    mine, shop.owners.old = shop.owners.old, "another"
    assert shop.harden().ending is Ending.REFUSED
    shop.owners.old = mine
    shop.harden()
    (done,) = shop.kept()
    shop.owners.by_hand = True
    ended = _last(undo_owned(shop.work, done, watch=1.0))
    assert ended.ending is Ending.REFUSED
    assert ended.why is not None
    assert "after Stratascope wrote to it" in ended.why.id
    assert shop.kept() == (done,)


def test_a_full_disk_under_the_journal_changes_nothing(shop: Shop) -> None:
    class Full(FileJournal):
        def write(self, transaction: Transaction) -> None:
            raise JournalError("No space left on device")

    shop.work = replace(shop.work, journal=Full(shop.journal._folder))
    ended = shop.harden()
    assert (ended.ending, ended.words) == (Ending.ROLLED_BACK, "No space left on device")
    assert not shop.consistent()
    assert "before recreate" not in shop.owners.calls


def test_a_disk_that_fills_up_at_the_very_end_takes_nothing_back(shop: Shop) -> None:
    class Full(FileJournal):
        def write(self, transaction: Transaction) -> None:
            if transaction.stage is Stage.DONE:
                raise JournalError("No space left on device")
            super().write(transaction)

    whole = shop.work
    shop.work = replace(whole, journal=Full(shop.journal._folder))
    ended = shop.harden()
    assert (ended.ending, ended.words) == (Ending.VERIFIED, "No space left on device")
    assert shop.consistent()
    shop.work = whole
    _recovered(shop)
    assert shop.consistent()


class _Dying(FileJournal):
    """Dies before or after the n-th thing that is written."""

    def __init__(self, folder: Path, number: int, *, before: bool) -> None:
        super().__init__(folder)
        self._number, self._before, self._count = number, before, 0

    def write(self, transaction: Transaction) -> None:
        self._count += 1
        if self._count == self._number and self._before:
            raise CrashError
        super().write(transaction)
        if self._count == self._number:
            raise CrashError

    def forget(self, transaction: str) -> None:
        self._count += 1
        if self._count == self._number and self._before:
            raise CrashError
        super().forget(transaction)
        if self._count == self._number:
            raise CrashError


def _recovered(shop: Shop) -> None:
    """The owner knows by itself that its container is gone: the service has one again."""
    for item in shop.kept():
        recover_owned(shop.work, item)
    hardened = shop.consistent()
    assert [item.stage for item in shop.kept()] == ([Stage.DONE] if hardened else [])
    assert [item.kind for item in shop.kept()] == ([Kind.HARDEN] if hardened else [])


@pytest.mark.parametrize("undo", [False, True], ids=["harden", "undo"])
@pytest.mark.parametrize("number", range(5))
def test_killed_in_any_call_of_the_owner_and_recovered(shop: Shop, number: int, undo: bool) -> None:
    def kill(call: int, name: str) -> None:
        if call == number:
            raise CrashError

    if undo:
        shop.harden()
        shop.owners.calls.clear()
    shop.owners.at = kill
    with pytest.raises(CrashError):
        _ = _last(undo_owned(shop.work, shop.kept()[0], watch=1.0)) if undo else shop.harden()
    shop.owners.at = lambda call, name: None
    if not shop.engine.boxes:
        shop.owners.made_with = not shop.owners.file  # killed between the old container and the new one
        shop.owners.make()
        shop.owners.made_with = not shop.owners.file
    _recovered(shop)
    assert shop.consistent() is undo


@pytest.mark.parametrize("undo", [False, True], ids=["harden", "undo"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 7))
def test_killed_at_any_writing_and_recovered(shop: Shop, number: int, before: bool, undo: bool) -> None:
    if undo:
        shop.harden()
    whole = shop.work
    shop.work = replace(whole, journal=_Dying(shop.journal._folder, number, before=before))
    if number == 6 and not undo:
        assert shop.harden().ending is Ending.VERIFIED
    else:
        with pytest.raises(CrashError):
            _ = _last(undo_owned(shop.work, shop.kept()[0], watch=1.0)) if undo else shop.harden()
    shop.work = whole
    _recovered(shop)
    # INTENT, STOPPING, STARTED, VERIFIED, and then DONE or the two that are forgotten
    decided = number > 4 or (number == 4 and not before)
    assert shop.consistent() is (decided is not undo)


def test_old_journal_files_still_load(shop: Shop) -> None:
    shop.harden()
    (path,) = shop.journal._folder.glob("*.json")
    text = path.read_text()
    path.write_text(text[: text.rindex(',\n    "owner"')] + "\n  }\n}\n")
    (done,) = shop.kept()
    assert done.owner is None


def _container(*labels: tuple[str, str]) -> Container:
    return Container("memory", "a" * 64, "web", "image", Status.RUNNING, 7, 1.0, 1.0, labels=labels)


def test_the_preflight_with_and_without_an_owner(shop: Shop) -> None:
    compose = _container(("com.docker.compose.project", "p"), *LABELS)
    spec = replace(shop.plan().spec, auto_remove=True, lost=(msg("A thing."),))
    plan = OwnerPlan(OWNED, msg("Compose does it."), (), (msg("It may make its networks anew."),))

    def codes(owner: OwnerPlan | OwnerRefusal | None, done: tuple[Transaction, ...] = ()) -> list[str]:
        checked = preflight(spec, compose, (), (), done, Unseen(), frozenset(), owner)
        return [block.code for block in checked.blocks]

    assert codes(None) == ["compose", "auto-remove", "lost"]
    assert codes(OwnerRefusal(OwnerKind.COMPOSE, msg("Changed."), msg("Export."))) == ["compose", "lost"]
    assert codes(plan) == []
    checked = preflight(spec, compose, (), (), (), Unseen(), frozenset(), plan)
    assert [item.code for item in checked.warnings] == ["owner", "no-healthcheck"]
    shop.harden()
    assert codes(plan, shop.kept()) == ["set-aside"]
