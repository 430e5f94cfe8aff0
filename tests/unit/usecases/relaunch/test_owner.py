"""Hardening through an owner: whatever happens wherever, the service runs, with our file and proven, or without it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from rig.usecases.host import Host
from rig.usecases.memory_access import ENGINE, MemoryAccess
from stratascope.core.container import Asked, Container, EngineKind, EngineState, Status
from stratascope.core.message import msg
from stratascope.core.ports import OwnerError, OwnerFailedError, OwnerGoneError, RefusedError
from stratascope.core.relaunch.launch_spec import LaunchSpec, Running
from stratascope.core.relaunch.owner import Owned, OwnerFile, OwnerKind, OwnerPlan, OwnerRefusal, OwnerText
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.relaunch.transaction import (
    JournalError,
    RelaunchOutcome,
    RelaunchResult,
    Remedy,
    Stage,
    Transaction,
    TransactionKind,
)
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import choice_of
from stratascope.state.journal import FileJournal
from stratascope.usecases.evidence.readings import ProcessKind
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Preflight, hardened_before, preflight
from stratascope.usecases.relaunch.harden import harden
from stratascope.usecases.relaunch.owner import accept_owned, recover_owned
from stratascope.usecases.relaunch.undo import undo, undo_plan
from stratascope.value import replace
from unit.usecases.memory_engine import CrashError, MemoryEngine

LABELS = (("owner", "service"),)
OWNED = Owned(OwnerKind.COMPOSE, "web", LABELS, ("/p/compose.yaml",), (OwnerFile("/p/ours", "hard"),), 9.0)
AGAIN = replace(OWNED, files=(OwnerFile("/p/ours", "harder"),), earlier=OWNED.files)


@dataclass
class MemoryOwners:
    """An owner in memory, which gives its container a new id where the file changed. It may die in any call."""

    engine: MemoryEngine
    texts: tuple[str, ...] = ()  # what of ours is in its file
    made_with: tuple[str, ...] = ()  # what the container was made from
    by_hand: bool = False
    broken: Callable[[bool], bool] = lambda file: False  # whether what it makes ends at once
    at: Callable[[int, str], None] = lambda number, name: None
    calls: list[str] = field(default_factory=list)
    old: str = ""
    says: str = ""  # what its container said last, where that is gone

    def __post_init__(self) -> None:
        self.old = self.make()

    def make(self) -> str:
        number = self.engine.add("web")
        box = self.engine.boxes[number]
        status = "exited" if self.broken(self.file) else "running"
        box.running = replace(box.running, labels=LABELS, status=status, exit_code=7 if status == "exited" else None)
        self.made_with = self.texts
        return number

    @property
    def file(self) -> bool:
        """Whether its file has any text of ours."""
        return bool(self.texts)

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
        along: frozenset[str] = frozenset(),
    ) -> OwnerPlan | OwnerRefusal | None:
        return None

    def check(self, owned: Owned) -> None:
        if self.by_hand:
            raise OwnerError(msg("The project's files were changed in the meantime. Try again."))

    def holds(self, owned: Owned) -> bool:
        return {file.text for file in owned.files} <= set(self.texts) and not self.by_hand

    def put(self, owned: Owned) -> None:
        self._call("before put")
        self.texts = tuple(dict.fromkeys((*self.texts, *(file.text for file in reversed(owned.files)))))
        self._call("after put")

    def take(self, owned: Owned) -> None:
        self._call("before take")
        gone = {file.text for file in owned.files}
        self.texts = tuple(text for text in self.texts if text not in gone)
        self._call("after take")

    def recreate(self, owned: Owned) -> None:
        self._call("before recreate")
        if self.made_with != self.texts or self.only().status != "running":
            self.engine.boxes.clear()
            self._call("no container")
            self.make()
        self._call("after recreate")

    def last_words(self, owned: Owned) -> str:
        return self.says

    def only(self) -> Running:
        (box,) = self.engine.boxes.values()
        return box.running


class Owner:
    """An owner and its engine in memory, with a journal on the disk."""

    def __init__(self, folder: Path) -> None:
        self.engine = MemoryEngine()
        self.owners = MemoryOwners(self.engine)
        self.journal = FileJournal(folder)
        self.work = MemoryAccess(self.engine, self.journal, owners=self.owners)

    def plan(self, owned: Owned = OWNED) -> Plan:
        spec = LaunchSpec("memory", EngineKind.DOCKER, self.owners.old, "web", "image", "sha256:1", Asked(), "{}", "{}")
        owner = OwnerPlan(owned, msg("Compose does it."), ("compose up",))
        nothing = cast(ContainerState, None)
        return Plan(
            nothing,
            Subject(replace(_container(*LABELS), id=self.owners.old), ENGINE, ()),
            spec,
            (),
            Asked(),
            "{}",
            Preflight((), ()),
            frozenset[Remedy](),
            owner,
        )

    def harden(self, cancelled: Callable[[], bool] = lambda: False) -> RelaunchResult:
        return _last(harden(self.work, self.plan(), watch=1.0, cancelled=cancelled))

    def harden_again(self) -> RelaunchResult:
        """Over the first change, which can still be undone."""
        self.owners.old = self.owners.only().id
        return _last(harden(self.work, self.plan(AGAIN), watch=1.0))

    def kept(self) -> tuple[Transaction, ...]:
        return tuple(item for item in self.journal.all() if isinstance(item, Transaction))

    def consistent(self) -> bool:
        """Whether the one container runs and is made from the file as it is; returns whether that is hardened."""
        assert self.owners.only().status == "running"
        assert self.owners.made_with == self.owners.texts
        return self.owners.file


def _last(events: Iterator[object]) -> RelaunchResult:
    *_, last = events
    assert isinstance(last, RelaunchResult)
    return last


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path / "relaunches")


def test_hardened_undone_and_accepted(owner: Owner) -> None:
    ended = owner.harden()
    assert (ended.ending, owner.consistent()) == (RelaunchOutcome.ENFORCED, True)
    (done,) = owner.kept()
    assert (done.stage, done.new, done.owner) == (Stage.DONE, owner.owners.only().id, OWNED)
    assert _last(undo(owner.work, done, watch=1.0)).ending is RelaunchOutcome.VERIFIED
    assert not owner.consistent()
    assert owner.kept() == ()
    owner.owners.old = owner.owners.only().id
    owner.harden()
    (done,) = owner.kept()
    accept_owned(owner.work, done)
    assert owner.kept() == ()
    assert owner.consistent()


def test_hardened_again_and_undone_to_before_the_first(owner: Owner) -> None:
    owner.harden()
    (first,) = owner.kept()
    assert owner.harden_again().ending is RelaunchOutcome.ENFORCED
    assert owner.owners.made_with == ("hard", "harder")
    (done,) = owner.kept()
    assert done.id != first.id
    assert (done.owner, done.stage) == (replace(AGAIN, files=(*AGAIN.files, *OWNED.files), earlier=()), Stage.DONE)
    told = undo_plan(owner.work, done)
    assert "first" in [caution.code for caution in told.warnings]
    assert _last(undo(owner.work, done, watch=1.0)).ending is RelaunchOutcome.VERIFIED
    assert not owner.consistent()
    assert owner.kept() == ()


def test_a_second_change_that_fails_leaves_the_first(owner: Owner) -> None:
    owner.harden()
    kept = owner.kept()
    owner.owners.broken = lambda file: "harder" in owner.owners.texts
    assert owner.harden_again().ending is RelaunchOutcome.ROLLED_BACK
    assert (owner.consistent(), owner.owners.texts, owner.kept()) == (True, ("hard",), kept)


def test_a_first_change_that_is_no_longer_there_is_not_built_upon(owner: Owner) -> None:
    owner.harden()
    owner.owners.texts = owner.owners.made_with = ("by hand",)
    assert owner.harden_again().ending is RelaunchOutcome.REFUSED
    owner.owners.texts = owner.owners.made_with = ("hard",)
    accept_owned(owner.work, owner.kept()[0])  # an undo of the second one must not take it away any more
    assert owner.harden_again().ending is RelaunchOutcome.REFUSED
    assert owner.consistent()


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 7))
def test_a_second_change_that_is_killed_is_recovered(owner: Owner, number: int, before: bool) -> None:
    """INTENT, STOPPING, STARTED, VERIFIED, the first one is forgotten, DONE: one of the two is kept, and in effect."""
    owner.harden()
    whole = owner.work
    owner.work = dataclasses.replace(whole, journal=_Dying(owner.journal.folder, number, before=before))
    with pytest.raises(CrashError):
        owner.harden_again()
    owner.work = whole
    for item in owner.kept():
        recover_owned(owner.work, item)
    assert owner.consistent()
    (kept,) = owner.kept()
    decided = number > 4 or (number == 4 and not before)
    assert owner.owners.texts == (("hard", "harder") if decided else ("hard",))
    assert kept.owner is not None
    assert {file.text for file in kept.owner.files} == set(owner.owners.texts)
    assert _last(undo(owner.work, kept, watch=1.0)).ending is RelaunchOutcome.VERIFIED
    assert not owner.consistent()


def test_what_ends_by_itself_is_rolled_back(owner: Owner) -> None:
    owner.owners.broken = lambda file: file
    ended = owner.harden()
    assert ended.ending is RelaunchOutcome.ROLLED_BACK
    assert ended.why is not None
    assert dict(ended.why.args)["status"] == "7"
    assert ended.log == "last words"
    assert not owner.consistent()
    assert owner.kept() == ()


@pytest.mark.parametrize("gone", [True, False])
def test_one_that_its_owner_removes_at_once(owner: Owner, gone: bool) -> None:
    """systemd's restarts remove a container that ended; Podman then refuses to tell of it."""
    ask = owner.engine.running

    def running(container: str) -> Running:
        if container != owner.owners.old and owner.owners.file:
            if gone:
                owner.engine.boxes.clear()
            raise RefusedError(EngineState.CONNECTED, msg("The engine refused this."), "no such container")
        return ask(container)

    owner.engine.running = running  # type: ignore[method-assign]
    ended = owner.harden()
    assert ended.ending is RelaunchOutcome.ROLLED_BACK
    assert ended.why is not None
    assert ("its owner removed it" in ended.why.id) is gone
    assert not owner.consistent()


@pytest.mark.parametrize("gone", [False, True], ids=["its engine has its log", "its owner has its log"])
def test_a_failure_names_the_toggle_that_is_suspected(owner: Owner, gone: bool) -> None:
    """As where the engine creates it: by what it said last."""
    owner.owners.broken = lambda file: file
    log = "mkdir: can't create directory '/x': Read-only file system"
    if gone:
        owner.owners.says = log

        def ended(number: int, name: str) -> None:
            if name == "after recreate" and owner.owners.file:
                owner.engine.boxes.clear()

        owner.owners.at = ended
    else:
        owner.engine.says = log
    choices = (choice_of("memory", "67108864"), choice_of("read-only-root", "on"))
    found = _last(harden(owner.work, replace(owner.plan(), choices=choices), watch=1.0))
    assert found.ending is RelaunchOutcome.ROLLED_BACK
    assert (found.log, found.suspects) == (log, ("read-only-root",))
    assert found.blame is not None
    assert not owner.consistent()


def test_an_owner_that_fails_with_the_words_of_the_engine(owner: Owner) -> None:
    words = "Error response from daemon: invalid memory limit"

    def refuse(number: int, name: str) -> None:
        if name == "before recreate" and owner.owners.file:
            raise OwnerFailedError(msg("The command {name} exited with status {status}."), words)

    owner.owners.at = refuse
    found = _last(harden(owner.work, replace(owner.plan(), choices=(choice_of("memory", "67108864"),)), watch=1.0))
    assert (found.ending, found.words, found.suspects) == (RelaunchOutcome.ROLLED_BACK, words, ("memory",))
    assert not owner.consistent()


def test_workers_that_do_not_come_up_again(owner: Owner) -> None:
    owner.work = dataclasses.replace(
        owner.work,
        processes=frozenset({ProcessKind("worker", 33)}),
        processes_after=frozenset({ProcessKind("master", 0)}),
    )
    ended = owner.harden()
    assert ended.ending is RelaunchOutcome.ROLLED_BACK
    assert ended.why is not None
    assert dict(ended.why.args)["name"] == "worker"
    assert not owner.consistent()


def test_an_owner_that_fails_or_sees_nothing_to_do(owner: Owner) -> None:
    def fail(number: int, name: str) -> None:
        if (number, name) == (2, "before recreate"):
            raise OwnerError(
                msg("The command compose did not finish within {seconds} seconds.", seconds=9), "its words"
            )

    owner.owners.at = fail
    ended = owner.harden()
    assert (ended.ending, ended.words) == (RelaunchOutcome.ROLLED_BACK, "its words")
    assert not owner.consistent()
    owner.owners.at = lambda number, name: None
    owner.owners.made_with = ("hard",)  # the owner thinks that all is as the file wants it
    ended = owner.harden()
    assert ended.ending is RelaunchOutcome.ROLLED_BACK
    assert ended.why is not None
    assert "nothing to change" in ended.why.id
    assert not owner.consistent()


def test_a_way_back_that_fails_is_told_and_recovered_later(owner: Owner) -> None:
    owner.owners.broken = lambda file: file

    def fail(number: int, name: str) -> None:
        if name == "before take":
            raise OwnerError(msg("The file {path} was changed.", path="/p/ours"))

    owner.owners.at = fail
    ended = owner.harden()
    assert ended.ending is RelaunchOutcome.UNFINISHED
    assert ended.why is not None
    assert "Going back failed" in ended.why.id
    (left,) = owner.kept()
    owner.owners.at = lambda number, name: None
    assert recover_owned(owner.work, left) is False
    assert not owner.consistent()
    assert owner.kept() == ()


def test_a_project_that_was_removed_leaves_nothing_to_recover(owner: Owner) -> None:
    def gone(number: int, name: str) -> None:
        if name == "before recreate":
            raise OwnerGoneError(msg("A file that its owner creates it from no longer exists: {path}.", path="/p"))

    def die(number: int, name: str) -> None:
        if name == "before recreate":
            raise CrashError

    owner.owners.at = die
    with pytest.raises(CrashError):
        owner.harden()
    owner.owners.at = gone
    (left,) = owner.kept()
    with pytest.raises(OwnerGoneError):
        recover_owned(owner.work, left)
    assert owner.kept() == (left,)
    owner.engine.boxes.clear()
    assert recover_owned(owner.work, left) is False
    assert owner.kept() == ()


def test_cancelled_at_each_step(owner: Owner) -> None:
    for steps in range(6):
        left = [False] * steps
        ended = owner.harden(lambda left=left: left.pop() if left else True)  # type: ignore[misc]
        assert ended.ending is RelaunchOutcome.ROLLED_BACK, steps
        assert not owner.consistent()
        assert owner.kept() == ()
        owner.owners.old = owner.owners.only().id


def test_refused_before_anything_is_changed(owner: Owner) -> None:
    owner.owners.by_hand = True
    assert owner.harden().ending is RelaunchOutcome.REFUSED
    owner.owners.by_hand = False
    with owner.journal.hold("memory", OWNED.key):
        assert owner.harden().ending is RelaunchOutcome.REFUSED
    mine, owner.owners.old = owner.owners.old, "another"
    assert owner.harden().ending is RelaunchOutcome.REFUSED
    owner.owners.old = mine
    owner.harden()
    (done,) = owner.kept()
    owner.owners.by_hand = True
    ended = _last(undo(owner.work, done, watch=1.0))
    assert ended.ending is RelaunchOutcome.REFUSED
    assert ended.why is not None
    assert "after Stratascope wrote to it" in ended.why.id
    assert owner.kept() == (done,)


def test_a_full_disk_under_the_journal_changes_nothing(owner: Owner) -> None:
    class Full(FileJournal):
        def write(self, transaction: Transaction) -> None:
            raise JournalError("No space left on device")

    owner.work = dataclasses.replace(owner.work, journal=Full(owner.journal.folder))
    ended = owner.harden()
    assert (ended.ending, ended.words) == (RelaunchOutcome.ROLLED_BACK, "No space left on device")
    assert not owner.consistent()
    assert "before recreate" not in owner.owners.calls


def test_a_disk_that_fills_up_at_the_very_end_takes_nothing_back(owner: Owner) -> None:
    class Full(FileJournal):
        def write(self, transaction: Transaction) -> None:
            if transaction.stage is Stage.DONE:
                raise JournalError("No space left on device")
            super().write(transaction)

    whole = owner.work
    owner.work = dataclasses.replace(whole, journal=Full(owner.journal.folder))
    ended = owner.harden()
    assert (ended.ending, ended.words) == (RelaunchOutcome.ENFORCED, "No space left on device")
    assert owner.consistent()
    owner.work = whole
    _recovered(owner)
    assert owner.consistent()


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


def _recovered(owner: Owner) -> None:
    """The owner knows by itself that its container is gone: the service has one again."""
    for item in owner.kept():
        recover_owned(owner.work, item)
    hardened = owner.consistent()
    assert [item.stage for item in owner.kept()] == ([Stage.DONE] if hardened else [])
    assert [item.kind for item in owner.kept()] == ([TransactionKind.HARDEN] if hardened else [])


@pytest.mark.parametrize("back", [False, True], ids=["harden", "undo"])
@pytest.mark.parametrize("number", range(5))
def test_killed_in_any_call_of_the_owner_and_recovered(owner: Owner, number: int, back: bool) -> None:
    def kill(call: int, name: str) -> None:
        if call == number:
            raise CrashError

    if back:
        owner.harden()
        owner.owners.calls.clear()
    owner.owners.at = kill
    with pytest.raises(CrashError):
        _ = _last(undo(owner.work, owner.kept()[0], watch=1.0)) if back else owner.harden()
    owner.owners.at = lambda call, name: None
    if not owner.engine.boxes:
        owner.owners.made_with = ("something else",)  # killed between the old container and the new one
        owner.owners.make()
        owner.owners.made_with = ("something else",)
    _recovered(owner)
    assert owner.consistent() is back


@pytest.mark.parametrize("back", [False, True], ids=["harden", "undo"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 7))
def test_killed_at_any_writing_and_recovered(owner: Owner, number: int, before: bool, back: bool) -> None:
    if back:
        owner.harden()
    whole = owner.work
    owner.work = dataclasses.replace(whole, journal=_Dying(owner.journal.folder, number, before=before))
    if number == 6 and not back:
        assert owner.harden().ending is RelaunchOutcome.ENFORCED
    else:
        with pytest.raises(CrashError):
            _ = _last(undo(owner.work, owner.kept()[0], watch=1.0)) if back else owner.harden()
    owner.work = whole
    _recovered(owner)
    # INTENT, STOPPING, STARTED, VERIFIED, and then DONE or the two that are forgotten
    decided = number > 4 or (number == 4 and not before)
    assert owner.consistent() is (decided is not back)


def test_old_journal_files_still_load(owner: Owner) -> None:
    owner.harden()
    (path,) = owner.journal.folder.glob("*.json")
    text = path.read_text()
    path.write_text(text[: text.rindex(',\n    "owner"')] + "\n  }\n}\n")
    (done,) = owner.kept()
    assert done.owner is None


def _container(*labels: tuple[str, str]) -> Container:
    return Container("memory", "a" * 64, "web", "image", Status.RUNNING, 7, 1.0, 1.0, labels=labels)


def test_the_preflight_with_and_without_an_owner(owner: Owner) -> None:
    compose = _container(("com.docker.compose.project", "p"), *LABELS)
    spec = replace(owner.plan().spec, auto_remove=True, lost=(msg("A thing."),))
    plan = OwnerPlan(OWNED, msg("Compose does it."), (), (msg("It may make its networks anew."),))

    def codes(owner: OwnerPlan | OwnerRefusal | None, done: tuple[Transaction, ...] = ()) -> list[str]:
        checked = preflight(spec, compose, (), (), done, Host(), frozenset(), owner)
        return [block.code for block in checked.blocks]

    assert codes(None) == ["compose", "auto-remove", "lost"]
    assert codes(OwnerRefusal(OwnerKind.COMPOSE, msg("Changed."), msg("Export."))) == ["compose", "lost"]
    assert codes(plan) == []
    checked = preflight(spec, compose, (), (), (), Host(), frozenset(), plan)
    assert [item.code for item in checked.warnings] == ["owner", "no-healthcheck"]
    owner.harden()
    assert codes(plan, owner.kept()) == []
    assert [block.code for block in hardened_before(compose, owner.kept())] == ["set-aside"]
    undoing = replace(owner.kept()[0], kind=TransactionKind.UNDO, stage=Stage.STOPPING)
    assert codes(plan, (undoing,)) == ["unfinished"]
