"""Hardening through the owner: its file is written, it creates the container again, and we watch and prove as always.

The same events and the same journal as a relaunch, but nothing is set aside: the owner removes the old container by
itself. The way back is the file without our text, and the owner again. Stages: INTENT, the files are about to be
changed; STOPPING, the owner is about to be told; STARTED, its new container is being watched; VERIFIED, it is to stay.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import Running
from stratascope.core.relaunch.owner import Owned, OwnerError, OwnerGoneError, Owners
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.relaunch.transaction import (
    BusyError,
    Ended,
    Ending,
    JournalError,
    Kind,
    Progress,
    Stage,
    State,
    Transaction,
)
from stratascope.usecases.plan.plan import Plan, Workshop, expected
from stratascope.usecases.plan.preflight import lost_files
from stratascope.usecases.relaunch.outcome import in_words
from stratascope.usecases.relaunch.probation import Expected, FailedError, watch_running
from stratascope.usecases.relaunch.verification import Proved, all_back, unproven, verify

_SETTLE = 10.0  # seconds that the owner's container may take to run after the way back
_AGAIN = 0.2  # seconds between two looks at it

Events = Iterator[Progress | Proved | Ended]


def harden_owned(
    shop: Workshop,
    made: Plan,
    *,
    watch: float,
    keep_unverified: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Events:
    """Carry out a plan that has an owner. The last thing is an `Ended`; it raises nothing that an owner can cause."""
    if made.checked.blocks or made.owner is None:
        yield Ended(Ending.REFUSED, None, made.checked.blocks[0].text if made.checked.blocks else None)
        return
    transaction = _transaction(shop, made, made.owner.owned)
    try:
        with shop.journal.hold(transaction.engine, made.owner.owned.key):
            why = _meanwhile(shop, made.owner.owned, transaction.old)
            if why is not None:
                yield Ended(Ending.REFUSED, None, why.message, why.words)
                return
            work = _Work(shop, transaction, cancelled, expected(shop, made))
            yield from _guarded(work, lambda: _hardened(shop, made, work, watch, keep_unverified))
    except BusyError as error:
        yield Ended(Ending.REFUSED, None, error.message)
    except JournalError as error:
        why_not = msg("The journal can't be written, and without it there would be no way back after a crash.")
        yield Ended(Ending.REFUSED, None, why_not, error.words)


def undo_owned(
    shop: Workshop, done: Transaction, *, watch: float, cancelled: Callable[[], bool] = lambda: False
) -> Events:
    """Take our text out of the owner's files, and let it create the container again."""
    owned = _owned(done)
    try:
        with shop.journal.hold(done.engine, owned.key):
            why = _in_the_way(shop, owned)
            if why is not None:
                yield Ended(Ending.REFUSED, done, *why)
                return
            back = replace(
                done,
                id=secrets.token_hex(8),
                kind=Kind.UNDO,
                stage=Stage.INTENT,
                old=done.new,
                new="",
                started_at=time.time(),
                owner=replace(owned, undoes=done.id),
            )
            work = _Work(shop, back, cancelled)
            yield from _guarded(work, lambda: _undone(work, watch))
    except BusyError as error:
        yield Ended(Ending.REFUSED, done, error.message)
    except JournalError as error:
        yield Ended(Ending.REFUSED, done, msg("The journal can't be written."), error.words)


def accept_owned(shop: Workshop, done: Transaction) -> None:
    """The change is to stay for good: only the journal forgets it. Raises JournalError, BusyError."""
    with shop.journal.hold(done.engine, _owned(done).key):
        shop.journal.forget(done.id)


def recover_owned(shop: Workshop, transaction: Transaction) -> bool:
    """What a crash left half done is finished (True) or undone (False). Raises EngineError, JournalError, BusyError."""
    with shop.journal.hold(transaction.engine, _owned(transaction).key):
        # read again: whoever held it may have come to its end just now
        kept = (item for item in shop.journal.all() if isinstance(item, Transaction))
        now = next((item for item in kept if item.id == transaction.id), None)
        if now is None or now.stage is Stage.DONE:
            return True
        transaction = now
        if transaction.stage is Stage.VERIFIED:
            _keep(shop, transaction)
            return True
        _back(shop, transaction)
        return False


class _Work:
    """One transaction on its way; `transaction` is as the journal has it."""

    def __init__(
        self,
        shop: Workshop,
        transaction: Transaction,
        cancelled: Callable[[], bool],
        expected: Expected | None = None,
    ) -> None:
        self.transaction = transaction
        self.shop, self.cancelled, self._expected = shop, cancelled, expected

    def forward(self, watch: float) -> Iterator[Progress]:
        """All steps up to STARTED and watched. Raises FailedError, EngineError, NoSuchContainerError, JournalError."""
        owned, undo = _owned(self.transaction), self.transaction.kind is Kind.UNDO
        path = owned.files[0].path
        yield from self.step("journal", msg("Write down what is going to happen"), lambda: self.enter(Stage.INTENT))
        yield from self.step(
            "write", msg("Take it out of {path}", path=path) if undo else msg("Write {path}", path=path), self._change
        )
        yield from self.step("re-create", msg("Let its owner create {name} again", name=owned.service), self._recreate)
        told = msg("Watch it for {seconds} seconds", seconds=f"{watch:g}")
        yield from self.step("watch", told, lambda: self._watch(watch))

    def enter(self, stage: Stage) -> None:
        """The journal first."""
        if self.cancelled():
            raise FailedError(msg("Cancelled."))
        self.transaction = replace(self.transaction, stage=stage)
        self.shop.journal.write(self.transaction)

    def step(self, name: str, message: Message, action: Callable[[], None]) -> Iterator[Progress]:
        """Tell when it begins and how long it took."""
        clock = self.shop.clock
        begun = clock.now()
        yield Progress(name, State.BEGUN, 0.0, message)
        action()
        yield Progress(name, State.DONE, clock.now() - begun, message)

    def _change(self) -> None:
        if self.transaction.kind is Kind.UNDO:
            _owners(self.shop).take(_owned(self.transaction))
        else:
            _owners(self.shop).put(_owned(self.transaction))

    def _recreate(self) -> None:
        self.enter(Stage.STOPPING)
        owned = _owned(self.transaction)
        _owners(self.shop).recreate(owned)
        found = _theirs(self.shop, owned)
        if not found:
            raise FailedError(msg("Its owner started it, and it ended at once."))
        if len(found) > 1:
            raise FailedError(msg("Its owner made {count} containers instead of one.", count=len(found)))
        if found[0].id == self.transaction.old:
            raise FailedError(msg("Its owner saw nothing to change, and left the container as it was."))
        self.transaction = replace(self.transaction, new=found[0].id, name=found[0].name)
        self.enter(Stage.STARTED)

    def _watch(self, seconds: float) -> None:
        try:
            watch_running(
                self.shop.port, self.transaction.new, seconds, self.cancelled, self.shop.clock, self._expected
            )
        except (NoSuchContainerError, RefusedError) as error:  # Podman refuses to tell of one that goes just now
            if any(item.id == self.transaction.new for item in _theirs(self.shop, _owned(self.transaction))):
                raise
            text = msg("It ended by itself, and its owner removed it.")
            raise FailedError(text, str(error)) from error


def _hardened(shop: Workshop, made: Plan, work: _Work, watch: float, keep_unverified: bool) -> Events:
    before = shop.born_with(work.transaction.old)
    yield from work.forward(watch)
    all_back(shop, made, before, work.transaction.new)
    begun = shop.clock.now()
    told = Progress("verify", State.BEGUN, 0.0, msg("Hold the result against /proc"))
    yield told
    proofs = verify(shop, made, work.transaction.new)
    yield from proofs
    yield replace(told, state=State.DONE, seconds=shop.clock.now() - begun)
    failed = [item for item in proofs if item.proof.outcome is not Proven.ENFORCED]
    if failed and not keep_unverified:
        raise FailedError(unproven(failed))
    work.enter(Stage.VERIFIED)
    yield _finished(work, Ending.KEPT if failed else Ending.VERIFIED)


def _undone(work: _Work, watch: float) -> Events:
    yield from work.forward(watch)
    work.enter(Stage.VERIFIED)
    yield _finished(work, Ending.VERIFIED)


def _finished(work: _Work, ending: Ending) -> Ended:
    """It stays whatever happens now: that it does is in the journal, and recovery would finish it too."""
    try:
        return Ended(ending, _keep(work.shop, work.transaction))
    except JournalError as error:
        text = msg("The journal can't be written any more. The replacement stays; run stratascope recover to finish.")
        return Ended(ending, work.transaction, text, error.words)


def _guarded(work: _Work, run: Callable[[], Events]) -> Events:
    """Run it, and walk the way back where it fails."""
    try:
        yield from run()
        return
    except (FailedError, EngineError, NoSuchContainerError, JournalError) as error:
        why, words, log = in_words(error)
    clock = work.shop.clock
    begun = clock.now()
    told = Progress("roll-back", State.BEGUN, 0.0, msg("Let its owner bring back what it was"))
    yield told
    try:
        _back(work.shop, work.transaction)
    except (EngineError, NoSuchContainerError, JournalError) as second:
        yield replace(told, state=State.FAILED, seconds=clock.now() - begun)
        text = msg("{why} The way back failed too: {second} Run stratascope recover afterwards.", why=why,
                   second=in_words(second)[0])  # fmt: skip
        yield Ended(Ending.UNFINISHED, work.transaction, text, f"{words}; {in_words(second)[1]}", log)
        return
    yield replace(told, state=State.DONE, seconds=clock.now() - begun)
    yield Ended(Ending.ROLLED_BACK, work.transaction, why, words, log)


def _keep(shop: Workshop, transaction: Transaction) -> Transaction:
    """It is to stay. May be run again."""
    owned = _owned(transaction)
    done = replace(transaction, stage=Stage.DONE)
    if transaction.kind is Kind.UNDO:  # nothing is left to undo
        shop.journal.forget(owned.undoes)
        shop.journal.forget(transaction.id)
    else:
        shop.journal.write(done)
    return done


def _back(shop: Workshop, transaction: Transaction) -> None:
    """All as it was before, from any stage, any number of times. Raises EngineError, JournalError."""
    owned, owners = _owned(transaction), _owners(shop)
    if transaction.kind is Kind.UNDO:
        owners.put(owned)
    else:
        owners.take(owned)
    if transaction.stage is not Stage.INTENT:
        try:
            owners.recreate(owned)
            _runs(shop, owned)
        except OwnerGoneError:
            if _theirs(shop, owned):
                raise
            # somebody removed the service with its files: there is nothing to bring back
    shop.journal.forget(transaction.id)


def _runs(shop: Workshop, owned: Owned) -> None:
    """Raises OwnerError where the owner's own container does not run."""
    until = shop.clock.now() + _SETTLE
    while True:
        found = _theirs(shop, owned)
        if any(item.status == "running" for item in found):
            return
        if shop.clock.now() >= until:
            raise OwnerError(msg("Its owner created it again, but it does not run."), found[0].error if found else "")
        shop.clock.sleep(_AGAIN)


def _theirs(shop: Workshop, owned: Owned) -> tuple[Running, ...]:
    """The service's containers, running or not."""
    (name, value), wanted = owned.labels[0], set(owned.labels)
    return tuple(item for item in shop.port.labelled(name, value) if wanted <= set(item.labels))


def _meanwhile(shop: Workshop, owned: Owned, old: str) -> OwnerError | None:
    """Why the plan is none any more."""
    try:
        if [item.id for item in _theirs(shop, owned)] != [old]:
            return OwnerError(msg("Its owner created it again in the meantime. Try again."))
        _owners(shop).check(owned)
    except EngineError as error:
        return OwnerError(error.message, error.words)
    return None


def _in_the_way(shop: Workshop, owned: Owned) -> tuple[Message, str] | None:
    """What an undo would lose, or could not do."""
    path = owned.files[0].path
    changed = msg(
        "The file {path} was changed after Stratascope wrote to it. Take out there what is not wanted, and discard.",
        path=path,
    )
    try:
        if not _owners(shop).holds(owned):
            return changed, ""
        containers = {item.id: item for item in shop.containers()}
        for item in _theirs(shop, owned):
            lost = lost_files(containers[item.id], shop.port.changes(item.id)) if item.id in containers else ""
            if lost:
                return msg("It wrote files outside its volumes, which would be lost: {paths}. Copy them away, and "
                           "remove them in it.", paths=lost), ""  # fmt: skip
    except (EngineError, NoSuchContainerError) as error:
        why, words, _ = in_words(error)
        return why, words
    return None


def _owned(transaction: Transaction) -> Owned:
    if transaction.owner is None:
        raise ValueError(f"{transaction.id} has no owner")
    return transaction.owner


def _owners(shop: Workshop) -> Owners:
    if shop.owners is None:
        raise OwnerError(msg("This program can't ask the owner of that container here."))
    return shop.owners


def _transaction(shop: Workshop, made: Plan, owned: Owned) -> Transaction:
    spec = made.spec
    return Transaction(
        id=secrets.token_hex(8),
        kind=Kind.HARDEN,
        stage=Stage.INTENT,
        engine=spec.engine,
        endpoint=shop.engine.endpoint,
        name=spec.name,
        old=spec.id,
        new="",
        created=False,
        old_aside="",
        new_aside="",
        restart=spec.restart,
        new_restart=spec.restart,
        was_running=True,
        stop_timeout=spec.stop_timeout,
        started_at=time.time(),
        choices=tuple(f"{choice.toggle}={choice.value}" for choice in made.choices),
        owner=owned,
    )
