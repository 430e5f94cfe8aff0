"""Undoes a relaunch, or redoes it after an undo, with the same order and journal; and the checks before that."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.evidence import Expected
from stratascope.core.relaunch.launch_spec import Health, claim, own_image
from stratascope.core.relaunch.owner import Owned
from stratascope.core.relaunch.transaction import (
    WATCH,
    BusyError,
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
from stratascope.usecases.plan.dependency_graph import dependents, set_aside
from stratascope.usecases.plan.preflight import Block, Caution, unwatched
from stratascope.usecases.plan.written_files import written
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.carry_out import Event, Recreation, Steps, carry_out, in_words
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.known import Pair, UnknownContainerError, known, over, undone_elsewhere
from stratascope.usecases.relaunch.owner import ByOwner, owned_of
from stratascope.usecases.relaunch.watch import FailedError, Watcher
from stratascope.value import Value, replace


class UndoPlan(Value):
    """The effect of an undo. `written`: what the replacement changed in its image since, None if not known.

    It stays in the replacement, which is set aside, until that is discarded; a warning says where it does not.
    """

    written: tuple[str, ...] | None
    warnings: tuple[Caution, ...] = ()
    blocks: tuple[Block, ...] = ()


def undo_plan(access: EngineAccess, done: Transaction) -> UndoPlan:
    """Changes nothing. Raises EngineError."""
    owned = done.owner is not None  # Compose or systemd recreates containers and sets none aside
    cautions: tuple[Caution, ...] = ()
    if not owned:
        try:
            pairs = known(access.port, done)
        except UnknownContainerError as error:
            return UndoPlan(None, blocks=(Block("unknown", error.message, msg("Look at it, and at the journal.")),))
        if alone(pairs):
            text = msg(
                "The container that ran in its place was removed by someone else, so only the original is started "
                "again."
            )
            return UndoPlan((), (Caution("replacement-gone", text),))
        if anew(done, pairs):
            text = msg("The original was removed by someone else. It is re-created from the journal, without what it "
                       "wrote outside its volumes.")  # fmt: skip
            cautions = (Caution("original-gone", text),)
        if not all(each.new and (cautions or each.old) for each in pairs):
            text = msg("The container to go back to, or from, was removed by someone else.")
            return UndoPlan(None, blocks=(Block("gone", text, msg("Discard what is left of it.")),))
    if not owned and access.port.running(done.new).status == "paused":
        return UndoPlan(None, blocks=(Block("paused", msg("It is paused."), msg("Unpause it, and try again.")),))
    state = access.read(done.new)
    try:
        paths = None if state is None else written(state.container, access.port.changes(done.new))
    except (EngineError, NoSuchContainerError):
        paths = None
    if paths is None:
        return UndoPlan(None, (*cautions, Caution("written-unknown", msg("What it has written since can't be read."))))
    if owned and paths:
        text = msg("Its owner re-creates it and keeps nothing that it wrote outside its volumes.")
        return UndoPlan(paths, (Caution("written-lost", text),))
    return UndoPlan(paths, (*cautions, *unwatched(access.liveness(done.new))))


def anew(done: Transaction, pairs: Sequence[Pair]) -> bool:
    """Whether the container to go back to has to be created again, and can be.

    Not if several were relaunched together: their create requests refer to each other by old ids.
    """
    first = pairs[0]
    return bool(done.original and first.new) and not done.further and first.old is None


def alone(pairs: Sequence[Pair]) -> bool:
    """Whether the container to go back from was removed, and all originals exist."""
    return all(each.old and not each.new for each in pairs)


def undo(
    access: EngineAccess, done: Transaction, *, watch: float = WATCH, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Back to what `done` set aside; the replacement is then set aside itself.

    If somebody removed the original it is recreated from the journal (`anew`). With an owner: our text is removed from
    its files, and it recreates the container. The last item is a `RelaunchResult`.
    """
    work: Recreation
    if done.owner is not None:
        back = _begun(done, replace(owned_of(done), undoes=done.id))
        back = back.with_members(tuple(replace(member, old=member.new, new="") for member in done.members))
        work = ByOwner(access, replace(back, kind=TransactionKind.UNDO), cancelled)
    else:
        try:
            pairs = known(access.port, done)
            if alone(pairs):
                yield from _brought_back(access, done, watch, cancelled)
                return
            strangers = _strangers(access, done)
            if done.owners and (why_not := access.port.no_owners()) is not None:
                yield RelaunchResult(RelaunchOutcome.REFUSED, done, why_not)
                return
            wanted, health = _swapped(access, done, pairs)
            elsewhere = undone_elsewhere(access.port, done)
        except (EngineError, NoSuchContainerError) as error:
            why, words, _ = in_words(error)
            yield RelaunchResult(RelaunchOutcome.REFUSED, done, why, words)
            return
        if elsewhere:
            yield RelaunchResult(
                RelaunchOutcome.REFUSED, done, msg("It was undone or discarded in the meantime. Check it again.")
            )
            return
        if strangers:
            why = msg("Other containers have since come to need it: {names}. Remove these first.",
                      names=", ".join(strangers))  # fmt: skip
            yield RelaunchResult(RelaunchOutcome.REFUSED, done, why)
            return
        work = _exchange(access, done, wanted, health, cancelled)

    def steps() -> Steps:
        yield from work.forward(watch)
        work.enter(Stage.VERIFIED)
        return RelaunchOutcome.VERIFIED

    yield from carry_out(work, steps, done=done)


def _exchange(
    access: EngineAccess, done: Transaction, wanted: Transaction, health: Health, cancelled: Callable[[], bool]
) -> Exchange:
    def stale() -> Message | None:
        return over(access.journal, done)

    expected = Expected(access.liveness(done.new), access.liveness, health)
    return Exchange(access.port, access.journal, wanted, cancelled, access.clock, expected, stale=stale)


def _strangers(access: EngineAccess, done: Transaction) -> list[str]:
    """Those that need the replacement but that the undo would not take along."""
    containers = access.containers()
    aside = set_aside(containers, transactions(access.journal))
    ours = {container.id for container in containers if done.concerns(container.id)}
    needing = {
        other.id: other.name
        for container in containers
        if container.id in {member.new for member in done.members}
        for other, _ in dependents(container, containers)
    }
    return [name for key, name in needing.items() if key not in ours | aside]


def _brought_back(
    access: EngineAccess, done: Transaction, watch: float, cancelled: Callable[[], bool]
) -> Iterator[Event]:
    """Recreates the original, if nothing has its place any more."""
    progress = Progress("start", State.BEGUN, 0.0, msg("Start the container set aside"))
    try:
        with rollback.held(access.journal, done):
            why_not = over(access.journal, done)
            if why_not is not None:
                yield RelaunchResult(RelaunchOutcome.REFUSED, done, why_not)
                return
            yield progress
            rollback.roll_back(access.port, access.journal, replace(done, stage=Stage.STOPPED), clock=access.clock)
            yield replace(progress, state=State.DONE)
            if done.was_running:
                yield from Watcher(access.port, access.clock, cancelled).watch(done.old, watch)
    except BusyError as error:
        yield RelaunchResult(RelaunchOutcome.REFUSED, done, error.message)
    except (FailedError, EngineError, NoSuchContainerError, JournalError) as error:
        why, words, log = in_words(error)
        yield RelaunchResult(
            RelaunchOutcome.KEPT if isinstance(error, FailedError) else RelaunchOutcome.UNFINISHED,
            done,
            why,
            words,
            log,
        )
    else:
        yield RelaunchResult(RelaunchOutcome.VERIFIED, done)


def _begun(done: Transaction, owner: Owned | None) -> Transaction:
    number = secrets.token_hex(8)
    return replace(done, id=number, stage=Stage.INTENT, created=False, started_at=time.time(), owner=owner)


def _swapped(access: EngineAccess, done: Transaction, pairs: Sequence[Pair]) -> tuple[Transaction, Health]:
    """With the healthcheck's state of the one that runs now. Raises EngineError, NoSuchContainerError."""
    kind = (
        TransactionKind.HARDEN if done.kind is TransactionKind.UNDO else TransactionKind.UNDO
    )  # undoing an undo is hardening again
    made = anew(done, pairs)
    back = replace(_begun(done, None), kind=kind, created=made)
    found = [_member(access, pair, back.id, made=made) for pair in pairs]
    first, *further = (member for member, _ in found)
    # the one in place is meant to run even if it has exited, and the one that returns as it did before
    first = replace(first, was_running=done.starts, new_runs=done.was_running)
    return back.with_members((first, *further)), found[0][1]


def _member(access: EngineAccess, pair: Pair, number: str, *, made: bool) -> tuple[Member, Health]:
    """`made`: the container to go back to is recreated."""
    member = pair.member
    spec, now = access.port.plan(member.new), access.port.running(member.new)
    back = Member(
        name=now.name,  # a person may have renamed it since
        old=member.new,
        new="" if made else member.old,
        old_aside=f"{now.name}.old-{number[:8]}",
        new_aside=claim(member.new) if made else member.old_aside,
        restart=spec.restart,
        new_restart=member.restart,
        was_running=now.status == "running",
        stop_timeout=spec.stop_timeout,
        old_image=own_image(spec.image),
        inspect=spec.inspect,
        new_created=0.0 if pair.old is None else pair.old.created,
        body=member.original if made else "",
        original=spec.body,
        owners=member.owners,
    )
    return back, now.health
