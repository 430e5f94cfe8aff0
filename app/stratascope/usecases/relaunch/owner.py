"""A container recreated by its owner, after changing the owner's file; watched and proven as always.

Same events and journal as with the engine's own calls, but nothing is set aside: the owner removes the old container
itself. The way back is to remove our text from the file and call the owner again. Stages: INTENT, about to change the
files; STOPPING, about to call the owner; STARTED, its new container is being watched; VERIFIED, it is to stay.

An owner may create several containers at once, all replicas of a service: these are the members of one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from stratascope.core.message import Message, msg
from stratascope.core.ports import (
    EngineError,
    NoSuchContainerError,
    OwnerError,
    OwnerFailedError,
    OwnerGoneError,
    Owners,
    RefusedError,
)
from stratascope.core.relaunch.evidence import Expected, Failure
from stratascope.core.relaunch.launch_spec import Running
from stratascope.core.relaunch.owner import Owned
from stratascope.core.relaunch.transaction import (
    JournalError,
    Member,
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Stage,
    State,
    Transaction,
    TransactionKind,
    transactions,
)
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.written_files import lost_files, marks_of
from stratascope.usecases.relaunch.carry_out import in_words, joined, timed
from stratascope.usecases.relaunch.watch import FailedError, Watcher, go_on, last_words
from stratascope.value import replace

_SETTLE = 10.0  # seconds until the owner's container has to be running on the way back
_AGAIN = 0.2  # seconds between two checks


class ByOwner:
    """A `carry_out.Recreation` of a transaction that has an owner; `transaction` is as in the journal."""

    def __init__(
        self,
        access: EngineAccess,
        transaction: Transaction,
        cancelled: Callable[[], bool],
        expected: Expected | None = None,
    ) -> None:
        self.transaction = transaction
        self._access, self._cancelled = access, cancelled
        self._owned = owned_of(transaction)
        self._watcher = Watcher(access.port, access.clock, cancelled, expected)

    def hold(self) -> AbstractContextManager[None]:
        """See `Recreation`."""
        return self._access.journal.hold(self.transaction.engine, self._owned.key)

    def stale(self) -> tuple[Message, str] | None:
        """See `Recreation`."""
        try:
            if self.transaction.kind is TransactionKind.UNDO:
                return _in_the_way(self._access, self._owned, logs=not self.transaction.leave_logs)
            planned = {member.old for member in self.transaction.members}
            if {item.id for item in _theirs(self._access, self._owned)} != planned:
                return msg("Its owner re-created it in the meantime. Try again."), ""
            if self._owned.earlier and not self._on_top():
                return msg("It was changed in the meantime. Check it again."), ""
            _owners(self._access).check(self._owned)
            return _lost(self._access, _joined(self._access, self._owned), logs=not self.transaction.leave_logs)
        except EngineError as error:
            return error.message, error.words
        return None

    def forward(self, watch: float) -> Iterator[Progress]:
        """See `Recreation`."""
        owned, undo = self._owned, self.transaction.kind is TransactionKind.UNDO
        path = owned.files[0].path
        yield from self._step("journal", msg("Record the plan in the journal"), lambda: self.enter(Stage.INTENT))
        yield from self._step(
            "write", msg("Remove it from {path}", path=path) if undo else msg("Write {path}", path=path), self._change
        )
        yield from self._step("re-create", msg("Let its owner re-create {name}", name=owned.service), self._recreate)
        try:
            yield from self._watcher.watch(self.transaction.new, watch)
            self._with_it()
            go_on(self._access.port, self.transaction.further)
        except (NoSuchContainerError, RefusedError) as error:  # Podman: it is just being removed
            if {item.id for item in _theirs(self._access, owned)} >= {item.new for item in self.transaction.members}:
                raise
            raise self._failed(msg("It ended by itself, and its owner removed it."), str(error)) from error

    def enter(self, stage: Stage, *, works: bool | None = None) -> None:
        """See `Recreation`."""
        if self._cancelled():
            raise FailedError(msg("Cancelled."))
        self.transaction = replace(self.transaction, stage=stage, works=works)
        self._access.journal.write(self.transaction)

    def finish(self) -> Transaction:
        """See `Recreation`."""
        return _keep(self._access, self.transaction)

    def back(self, error: Exception) -> Iterator[Progress | RelaunchResult]:
        """See `Recreation`."""
        why, words, log = in_words(error)
        clock = self._access.clock
        begun = clock.now()
        progress = Progress("roll-back", State.BEGUN, 0.0, msg("Let its owner restore it"))
        yield progress
        try:
            _back(self._access, self.transaction)
        except (EngineError, NoSuchContainerError, JournalError) as second:
            yield replace(progress, state=State.FAILED, seconds=clock.now() - begun)
            text = msg("{why} Going back failed too: {second} Run stratascope recover afterwards.", why=why,
                       second=in_words(second)[0])  # fmt: skip
            yield RelaunchResult(
                RelaunchOutcome.UNFINISHED, self.transaction, text, joined(words, in_words(second)[1]), log
            )
            return
        yield replace(progress, state=State.DONE, seconds=clock.now() - begun)
        yield RelaunchResult(RelaunchOutcome.ROLLED_BACK, self.transaction, why, words, log)

    def _on_top(self) -> bool:
        """Whether the earlier change can still be undone, and is in the files."""
        known = transactions(self._access.journal)
        held = _owners(self._access).holds(replace(self._owned, files=self._owned.earlier))
        return held and any(_same_service(item, self.transaction) for item in known)

    def _step(self, name: str, message: Message, action: Callable[[], None]) -> Iterator[Progress]:
        return timed(self._access.clock, name, message, action)

    def _change(self) -> None:
        if self.transaction.kind is TransactionKind.UNDO:
            _owners(self._access).take(self._owned)
        else:
            _owners(self._access).put(self._owned)

    def _recreate(self) -> None:
        self.enter(Stage.STOPPING)
        try:
            _owners(self._access).recreate(self._owned)
        except OwnerFailedError as error:
            raise self._failed(error.message, error.words) from error
        found = _theirs(self._access, self._owned)
        if not found:
            raise self._failed(msg("Its owner started it, and it ended at once."))
        members = self.transaction.members
        if self.transaction.kind is not TransactionKind.UNDO and len(found) != len(members):
            raise FailedError(msg("Containers that its owner created: {count} instead of {wanted}.", count=len(found),
                                  wanted=len(members)))  # fmt: skip
        if {item.id for item in found} & {member.old for member in members}:
            raise FailedError(msg("Its owner found nothing to change, and left the container as it was."))
        self.transaction = self.transaction.with_members(_made(members, found))
        self.enter(Stage.STARTED)

    def _with_it(self) -> None:
        """Raises FailedError if those that use its namespaces do not run: they were re-created, too."""
        for item in _joined(self._access, self._owned):
            if item.status != "running":
                why = msg("{name} uses its namespaces, and does not run any more.", name=item.name)
                raise FailedError(why, item.error, last_words(self._access.port, item.id))

    def _failed(self, why: Message, words: str = "") -> FailedError:
        """With its last output: the engine has that of an existing container, else its owner may."""
        there = _theirs(self._access, self._owned)
        log = last_words(self._access.port, there[0].id) if there else ""
        log = log or _owners(self._access).last_words(self._owned)
        return FailedError(why, words, log, Failure(log, words=words))


def accept_owned(access: EngineAccess, done: Transaction) -> None:
    """Keep the change for good: only its journal entry is deleted. Raises JournalError, BusyError."""
    with access.journal.hold(done.engine, owned_of(done).key):
        access.journal.forget(done.id)


def recover_owned(access: EngineAccess, transaction: Transaction) -> bool:
    """Completes (True) or undoes (False) what a crash interrupted. Raises EngineError, JournalError, BusyError."""
    with access.journal.hold(transaction.engine, owned_of(transaction).key):
        # read again: its holder may have finished just now
        now = next((item for item in transactions(access.journal) if item.id == transaction.id), None)
        if now is None or now.stage is Stage.DONE:
            return True
        if now.stage is Stage.VERIFIED:
            _keep(access, now)
            return True
        _back(access, now)
        return False


def owned_of(transaction: Transaction) -> Owned:
    """Its owner. Raises ValueError if it has none."""
    if transaction.owner is None:
        raise ValueError(f"{transaction.id} has no owner")
    return transaction.owner


def _keep(access: EngineAccess, transaction: Transaction) -> Transaction:
    """It is to stay. Idempotent."""
    done, owned = replace(transaction, stage=Stage.DONE), owned_of(transaction)
    if transaction.kind is TransactionKind.UNDO:  # nothing is left to undo
        access.journal.forget(owned.undoes)
        access.journal.forget(transaction.id)
        return done
    if owned.earlier:  # one way back of both, and before DONE: at most one of the two may be listed
        for item in transactions(access.journal):
            if item.id != done.id and _same_service(item, done):
                access.journal.forget(item.id)
        done = replace(done, owner=replace(owned, files=(*owned.files, *owned.earlier), earlier=()))
    access.journal.write(done)
    return done


def _same_service(item: Transaction, done: Transaction) -> bool:
    same = item.owner is not None and item.owner.key == owned_of(done).key and item.engine == done.engine
    return same and item.stage is Stage.DONE and item.kind is TransactionKind.HARDEN


def _back(access: EngineAccess, transaction: Transaction) -> None:
    """Restore everything, from any stage, any number of times. Raises EngineError, JournalError."""
    owned, owners = owned_of(transaction), _owners(access)
    if transaction.kind is TransactionKind.UNDO:
        owners.put(owned)
    else:
        owners.take(owned)
    if transaction.stage is not Stage.INTENT:
        try:
            owners.recreate(owned)
            _runs(access, owned, len(transaction.members))
        except OwnerGoneError:
            if _theirs(access, owned):
                raise
            # somebody removed the service with its files: there is nothing to restore
    access.journal.forget(transaction.id)


def _made(members: Sequence[Member], found: Sequence[Running]) -> tuple[Member, ...]:
    """Matches members with their replacements: by name, as owners reuse names, else by what is left. An undo may find
    more or fewer of them, since a person may have scaled the service meanwhile.
    """
    named = {item.name: item for item in found}
    kept = [member for member in members if member.name in named]
    others = [member for member in members if member.name not in named]
    fresh = [item for item in found if item.name not in {member.name for member in kept}]
    pairs = [(member, named[member.name]) for member in kept] + list(zip(others, fresh, strict=False))
    pairs += [(replace(members[0], old=""), item) for item in fresh[len(others) :]]
    placed = {member.old: place for place, member in enumerate(members)}
    pairs.sort(key=lambda pair: placed.get(pair[0].old, len(members)))
    return tuple(replace(member, new=item.id, name=item.name) for member, item in pairs)


def _runs(access: EngineAccess, owned: Owned, count: int) -> None:
    """Raises OwnerError if fewer of the owner's own containers are running."""
    until = access.clock.now() + _SETTLE
    while True:
        found = _theirs(access, owned)
        if sum(item.status == "running" for item in found) >= count:
            return
        if access.clock.now() >= until:
            raise OwnerError(msg("Its owner re-created it, but it is not running."), found[0].error if found else "")
        access.clock.sleep(_AGAIN)


def _theirs(access: EngineAccess, owned: Owned) -> tuple[Running, ...]:
    """The service's containers, running or not."""
    return _labelled(access, owned.labels)


def _labelled(access: EngineAccess, labels: Sequence[tuple[str, str]]) -> tuple[Running, ...]:
    (name, value), wanted = labels[0], set(labels)
    return tuple(item for item in access.port.labelled(name, value) if wanted <= set(item.labels))


def _joined(access: EngineAccess, owned: Owned) -> tuple[Running, ...]:
    """Those of the services that use its namespaces, running or not."""
    return tuple(item for _, labels in owned.also for item in _labelled(access, labels))


def _in_the_way(access: EngineAccess, owned: Owned, *, logs: bool) -> tuple[Message, str] | None:
    """What an undo would lose, or could not do. Raises EngineError."""
    path = owned.files[0].path
    if not _owners(access).holds(owned):
        changed = msg("The file {path} was changed after Stratascope wrote to it. Remove by hand what is not wanted, "
                      "and discard.", path=path)  # fmt: skip
        return changed, ""
    return _lost(access, (*_theirs(access, owned), *_joined(access, owned)), logs=logs)


def _lost(access: EngineAccess, found: Sequence[Running], *, logs: bool) -> tuple[Message, str] | None:
    """What these wrote outside their volumes, since their owner is to re-create them. Raises EngineError."""
    containers = {item.id: item for item in access.containers()} if found else {}
    for item in found:
        try:
            there = containers.get(item.id)
            changes = access.port.changes(item.id)
            marks = None if there is None else marks_of(access, there, changes)
            lost = "" if there is None else lost_files(there, changes, marks=marks, logs=logs)
        except NoSuchContainerError as error:
            why, words, _ = in_words(error)
            return why, words
        if lost:
            return msg("It wrote files outside its volumes, which would be lost: {paths}. Copy them elsewhere, and "
                       "remove them in it.", paths=lost), ""  # fmt: skip
    return None


def _owners(access: EngineAccess) -> Owners:
    if access.owners is None:
        raise OwnerError(msg("This program can't reach the owner of that container here."))
    return access.owners
