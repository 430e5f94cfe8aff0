"""Ends a relaunch from any stage: rolls back to the original, or forward to the replacement; and discards originals.

`roll_back` and `roll_forward` may be run any number of times, by the run that began it or by one after a crash: they
look at what exists and do what is missing. Except for that run itself, the containers are checked against the journal
first (`known`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from stratascope.core.message import msg
from stratascope.core.ports import NoSuchContainerError, RefusedError, Relauncher
from stratascope.core.relaunch.evidence import Clock
from stratascope.core.relaunch.file_owners import combined
from stratascope.core.relaunch.launch_spec import ORIGINAL, TRANSACTION, RestartPolicy, Running, filling_image, guard
from stratascope.core.relaunch.transaction import Journal, Member, Stage, Transaction, TransactionKind, transactions
from stratascope.usecases.relaunch.known import ALIVE, Pair, known, look, looked
from stratascope.usecases.relaunch.watch import POLL
from stratascope.value import replace

NEVER = RestartPolicy()
_OWNERS_AS_BEFORE = (Stage.INTENT, Stage.CREATED, Stage.HELD, Stage.STOPPING)
_NOT_STARTED = (*_OWNERS_AS_BEFORE, Stage.OWNERS, Stage.STOPPED)
LATE = 2.0  # seconds to wait for a create whose answer was lost


class NameTakenError(RefusedError):
    """The previous container runs again, but not under its name. The journal keeps the rest of the way back."""

    def __init__(self, name: str, error: RefusedError) -> None:
        text = msg("Another container took its name in the meantime, so it runs as {name}. Free the name, then run "
                   "stratascope recover.", name=name)  # fmt: skip
        super().__init__(error.state, text, error.words)


def roll_back(
    port: Relauncher,
    journal: Journal,
    transaction: Transaction,
    *,
    lost: bool = False,
    clock: Clock | None = None,
    own: bool = False,
    volumes: bool = True,
) -> None:
    """Restore everything. Raises EngineError if the engine can't be asked: try again later, nothing is lost.

    `lost`: the answer to the last call may be lost, so a create may still be in progress. `own`: containers that this
    run created or has checked itself. `volumes`: remove those made for it, where nothing can have come into them.
    """
    pairs = (looked if own else known)(port, transaction)
    olds = [(pair.member, pair.old) for pair in pairs]
    made: list[str] = []
    for member, new in reversed(_replacements(port, transaction, pairs, LATE if lost else 0.0, clock or Clock())):
        if not transaction.created:
            _set_aside(port, new, member.new_aside, member)
        elif _makes_way(port, new, member):
            made.append(new.id)
    kept: RefusedError | None = None
    there = own or pairs[0].old is not None or pairs[0].new is not None
    if there and transaction.stage not in _OWNERS_AS_BEFORE:
        try:
            change_owners(port, transaction, back=True)
        except RefusedError as error:  # running matters more: the journal keeps the rest
            kept = error
    taken: NameTakenError | None = None
    for member, old in olds:
        if old is not None and old.name != member.name and transaction.stage not in (Stage.INTENT, Stage.CREATED):
            refused = _renamed(port, old.id, member.name)
            if refused is not None:
                if old.name != member.old_aside:  # its name is still a mark that somebody works on it
                    _renamed(port, old.id, member.old_aside)
                taken = taken or NameTakenError(member.old_aside, refused)
    _bring_back(port, [(member, old) for member, old in olds if old is not None], transaction.stage)
    if (unfinished := taken or kept) is not None:
        raise unfinished
    for container in made:  # last, as their labels identify the originals
        with contextlib.suppress(NoSuchContainerError):
            port.remove(container)
    for member in transaction.members:
        if member.image:
            port.remove_image(member.image)
        if transaction.created and (member.volumes or member.image):
            port.remove_image(filling_image(member.name, transaction.id))
    if volumes and transaction.created and not _wrote_since(transaction, own=own):
        port.remove_volumes(TRANSACTION, transaction.id)
    journal.forget(transaction.id)


def _wrote_since(transaction: Transaction, *, own: bool) -> bool:
    """Whether its new volumes may have data that nothing else has: the replacement ran, nobody knows for how long."""
    return not own and transaction.stage not in _NOT_STARTED


def volumes_left(transaction: Transaction) -> tuple[str, ...]:
    """Names of the volumes that stay where a crash's relaunch is undone: what the replacement wrote is only there."""
    if transaction.kind is not TransactionKind.HARDEN or not transaction.created:
        return ()
    names = (volume.name for member in transaction.members for volume in member.volumes)
    return tuple(names) if _wrote_since(transaction, own=False) else ()


def _makes_way(port: Relauncher, new: Running, member: Member) -> bool:
    """Whether the replacement still exists, stopped and without the name."""
    with contextlib.suppress(NoSuchContainerError):
        try:
            if new.status in ALIVE:  # it may be writing to volumes shared with the original
                port.stop(new.id, member.stop_timeout)
            if new.name == member.name:
                port.rename(new.id, member.new_aside)
        except RefusedError:
            port.remove(new.id)
        else:
            return True
    return False


def change_owners(port: Relauncher, transaction: Transaction, *, back: bool = False) -> None:
    """Of the files in its volumes: to the hardened one's user, or back, but for those made for a relaunch that did not
    come about. Idempotent.
    """
    give = (transaction.kind is TransactionKind.HARDEN) is not back
    for change in transaction.owners:
        if back and change.new and transaction.created:
            continue  # they go with it, and may have gone already
        if give:
            port.give_volume(change)
        else:
            port.take_volume_back(change)


def _renamed(port: Relauncher, container: str, name: str) -> RefusedError | None:
    """Returns the refusal if somebody took the name meanwhile: running matters more than the right name."""
    try:
        port.rename(container, name)
    except RefusedError as error:
        return error
    return None


def roll_forward(port: Relauncher, journal: Journal, transaction: Transaction, *, own: bool = False) -> Transaction:
    """The replacement stays; the original is set aside and does not start by itself. `own`: see `roll_back`."""
    members = [(pair.member, pair.old, pair.new) for pair in (looked if own else known)(port, transaction)]
    for member, old, _ in reversed(members):
        if old is not None:
            ours = old.name in (member.name, guard(member.new))  # else a person named it
            _set_aside(port, old, member.old_aside if ours else old.name, member)
    for member, _, new in members:
        if new is not None:
            if new.name != member.name:
                port.rename(new.id, member.name)
            if new.status != "running" and member.starts:
                port.start(new.id)
    done = replace(_kept(port, transaction), stage=Stage.DONE)
    for item in transactions(journal):  # before DONE: at most one of the two may be listed as set aside
        if item.stage is Stage.DONE and _over(port, item, done):
            journal.forget(item.id)
    journal.write(done)
    return done


def _kept(port: Relauncher, transaction: Transaction) -> Transaction:
    """Makes the first original the one set aside: the replacement that was itself replaced is not needed."""
    kept = transaction.kept
    if kept is None:
        return transaction
    with contextlib.suppress(NoSuchContainerError):
        port.remove(transaction.old)
    if transaction.old_image:
        port.remove_image(transaction.old_image)
    first = transaction.members[0]
    merged = replace(kept, name=first.name, new=first.new, new_aside=first.new_aside, new_restart=first.new_restart,
                     new_created=first.new_created,
                     image=first.image, body=first.body, owners=combined(kept.owners, first.owners),
                     volumes=(*kept.volumes, *first.volumes))  # fmt: skip
    return replace(transaction.with_members((merged,)), kept=None)


def _over(port: Relauncher, item: Transaction, done: Transaction) -> bool:
    """Whether an entry describes a way back that was taken, or that now starts elsewhere."""
    if item.id == done.id:
        return False
    undone = (item.old, item.new) == (done.new, done.old)
    anew = done.created and done.kind is TransactionKind.UNDO
    return undone or item.old == done.old or (item.new == done.old and (anew or look(port, item.old) is None))


def recover(port: Relauncher, journal: Journal, transaction: Transaction, clock: Clock | None = None) -> bool:
    """Completes (True) or undoes (False) what a crash interrupted. DONE is left alone (True).

    Raises EngineError, JournalError.
    """
    if transaction.stage is Stage.DONE:
        return True
    verified = transaction.stage is Stage.VERIFIED and look(port, transaction.new) is not None
    if verified or all_that_is_left(port, transaction):
        roll_forward(port, journal, transaction)
        return True
    roll_back(port, journal, transaction, lost=True, clock=clock)
    return False


def all_that_is_left(port: Relauncher, transaction: Transaction) -> bool:
    """Whether somebody removed an original (by a prune), so that a rollback would leave none. Raises EngineError.

    Before the replacement has its name nobody relies on it: then the removal is what that person wanted.
    """
    if transaction.stage not in (Stage.RENAMED, Stage.STARTED, Stage.VERIFIED):
        return False
    members = transaction.members
    return all(look(port, item.new) for item in members) and not all(look(port, item.old) for item in members)


def discard(port: Relauncher, journal: Journal, transaction: Transaction) -> None:
    """Remove what is set aside, and images that only it used. Volumes stay. Raises EngineError, JournalError."""
    for pair in reversed(known(port, transaction)):
        if pair.old is not None:
            with contextlib.suppress(NoSuchContainerError):
                port.remove(pair.old.id)
    for member in transaction.members:
        if member.old_image:
            port.remove_image(member.old_image)
    journal.forget(transaction.id)


@contextlib.contextmanager
def held(journal: Journal, transaction: Transaction) -> Iterator[None]:
    """An exclusive lock on everything it concerns. Raises BusyError, JournalError."""
    with contextlib.ExitStack() as stack:
        for member in transaction.members:
            for container in filter(None, (member.old, member.new)):
                stack.enter_context(journal.hold(transaction.engine, container))
        yield


def _replacements(
    port: Relauncher, transaction: Transaction, pairs: Sequence[Pair], late: float, clock: Clock
) -> list[tuple[Member, Running]]:
    """By id, and by label if the program died between the engine's answer and the journal entry; in the order of the
    members, as Podman refuses to remove one that others still need.
    """
    creating = transaction.stage is Stage.INTENT or (
        transaction.stage is Stage.STOPPING and any(member.image or member.volumes for member in transaction.members)
    )
    until = clock.now() + (late if creating else 0.0)
    while True:
        labelled = port.labelled(TRANSACTION, transaction.id) if transaction.created else ()
        found: list[tuple[Member, Running]] = []
        for member, new in ((pair.member, pair.new) for pair in pairs):
            # one that has the name by now is in the journal
            ours = {
                item.id: item
                for item in labelled
                if dict(item.labels).get(ORIGINAL) == member.old and item.name != member.name
            }
            if new is not None:
                ours[new.id] = new
            found += [(member, item) for item in ours.values()]
        complete = len({member.old for member, _ in found}) == len(pairs)
        if not transaction.created or complete or clock.now() >= until:
            return found
        clock.sleep(POLL)


def _bring_back(port: Relauncher, olds: list[tuple[Member, Running]], stage: Stage) -> None:
    """The originals run again as before, with their restart policies."""
    if stage in (Stage.INTENT, Stage.CREATED):
        return
    runs = {member.old: _runs_on(port, old, member, stage) for member, old in reversed(olds)}
    for member, _ in olds:
        ours = stage is not Stage.HELD or member.restart != NEVER  # else it had ended by itself
        if member.was_running and not runs[member.old] and ours:
            port.start(member.old)
    for member, _ in olds:
        if member.restart == NEVER:
            continue
        try:
            port.restart_policy(member.old, member.restart)
        except RefusedError:
            if stage is not Stage.HELD:  # at HELD the first change was refused too, so it is unchanged
                raise


def _runs_on(port: Relauncher, old: Running, member: Member, stage: Stage) -> bool:
    if old.status == "stopping" or (stage is Stage.STOPPING and old.status in ALIVE):
        # A stop whose answer was lost may be in progress, and would take effect after we have looked. Our stop returns
        # after that one; if ours is refused, so was the earlier one.
        with contextlib.suppress(RefusedError):
            port.stop(old.id, member.stop_timeout)
            return False
    return old.status in ("running", "paused")


def _set_aside(port: Relauncher, item: Running, name: str, member: Member) -> None:
    if member.restart != NEVER or member.new_restart != NEVER:
        port.restart_policy(item.id, NEVER)
    if item.status in ALIVE:
        port.stop(item.id, member.stop_timeout)
    if item.name != name:
        port.rename(item.id, name)
