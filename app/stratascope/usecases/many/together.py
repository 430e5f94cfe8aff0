"""Several relaunches or undos, one after the other: all of them stay, or none.

Each relaunch is proven before the next begins. The first failure ends it: that one rolls itself back, and those done
before are undone, last one first, unless a person wants them kept. Meanwhile the journal lists which of them belong
together, so that `recover_groups` undoes them too if this program dies in the middle; afterwards each transaction names
its group.

When a person undoes them, last one first, each is undone by itself: a failure is reported, and the others are undone
all the same, since the reason to undo a group does not end with one of them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress

from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.transaction import (
    WATCH,
    BusyError,
    Group,
    Journal,
    JournalError,
    RelaunchOutcome,
    RelaunchResult,
    Stage,
    Transaction,
    TransactionKind,
    transactions,
)
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.many.plan_together import fresh, members, refusals
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.written_files import lost_files
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.carry_out import Event, in_words
from stratascope.usecases.relaunch.harden import change_limits, harden
from stratascope.usecases.relaunch.known import in_use
from stratascope.usecases.relaunch.recovery import Recovered, Result
from stratascope.usecases.relaunch.undo import undo
from stratascope.value import Value, replace

FAILURES = frozenset({RelaunchOutcome.REFUSED, RelaunchOutcome.ROLLED_BACK, RelaunchOutcome.UNFINISHED})


class Of(Value):
    """An event of one relaunch or undo. `name`: its container; `place`: its index in the argument."""

    name: str
    place: int
    event: Event


class Outcome(Value):
    """How one relaunch or undo ended. `undone`: how it was undone again, if a later one failed; else None."""

    place: int
    ended: RelaunchResult
    undone: RelaunchResult | None = None


class AllEnded(Value):
    """How all of them ended. `outcomes`: in the order they began, for those that did.

    `why`: why none began, with an engine's or a disk's own `words`.
    """

    ending: RelaunchOutcome
    outcomes: tuple[Outcome, ...] = ()
    why: Message | None = None
    words: str = ""
    group: str = ""


@contextmanager
def held(journal: Journal, group: Group | None) -> Iterator[None]:
    """Holds the lock on the group, and writes its entry meanwhile; None: no group. Raises BusyError, JournalError."""
    if group is None:
        yield
        return
    with journal.hold(group.engine, group.id):
        journal.write_group(group)
        yield


def forget(journal: Journal, group: Group | None) -> None:
    """Delete its entry at the end. If that fails, recovery finds nothing left to do."""
    if group is not None:
        with suppress(JournalError):
            journal.forget_group(group.id)


def relaunch_together(
    access: EngineAccess,
    plans: Sequence[Plan],
    *,
    watch: float = WATCH,
    keep_unverified: bool = False,
    keep_done: bool = False,
    exercised: Sequence[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Of | AllEnded]:
    """Carry the plans out in order. The last item is an `AllEnded`; raises nothing that an engine can cause.

    `keep_done`: keep what was done if a later one fails. `exercised`: commands that succeeded on twins with exactly
    these settings.
    """
    refused = refusals(plans)
    if refused:
        yield AllEnded(RelaunchOutcome.REFUSED, (), refused[0][1].text)
        return
    number = secrets.token_hex(8)
    group = None if keep_done else _group(access, plans, number)
    try:
        with held(access.journal, group):
            outcomes: list[Outcome] = []
            for place, made in enumerate(plans):
                events = _carried_out(
                    access, made, number, watch, cancelled, exercised, keep_unverified=keep_unverified
                )
                ended = yield from _one(place, made, events)
                outcomes.append(Outcome(place, ended))
                if ended.ending in FAILURES:
                    break
            failed = outcomes[-1].ended.ending
            if failed in FAILURES and not keep_done:
                for done in reversed(outcomes[:-1]):
                    undone = yield from _undone(access, plans[done.place], done)
                    outcomes[done.place] = replace(done, undone=undone)
            ending = _ending(outcomes)
            if ending is not RelaunchOutcome.UNFINISHED:
                forget(access.journal, group)
            yield AllEnded(ending, tuple(outcomes), group=number)
    except BusyError as error:
        yield AllEnded(RelaunchOutcome.REFUSED, (), error.message)
    except JournalError as error:
        why = msg("The journal can't be written, and without it there would be no way back after a crash.")
        yield AllEnded(RelaunchOutcome.REFUSED, (), why, error.words)


def _group(access: EngineAccess, plans: Sequence[Plan], number: str) -> Group | None:
    """None if there are fewer than two that would be undone together."""
    made = [each for each in plans if not each.live]
    if len(made) < 2:
        return None
    return Group(
        id=number,
        engine=access.engine.id,
        endpoint=access.engine.endpoint,
        name=", ".join(each.spec.name for plan in made for each in members(plan)),
        undoes=False,
        members=tuple(each.spec.id for each in made),
        started_at=time.time(),
    )


def _one(place: int, made: Plan, events: Iterator[Event]) -> Generator[Of, None, RelaunchResult]:
    ended: RelaunchResult | None = None
    for event in events:
        if isinstance(event, RelaunchResult):
            ended = event
        yield Of(made.spec.name, place, event)
    assert ended is not None
    return ended


def _carried_out(
    access: EngineAccess,
    made: Plan,
    group: str,
    watch: float,
    cancelled: Callable[[], bool],
    exercised: Sequence[str],
    *,
    keep_unverified: bool,
) -> Iterator[Event]:
    if cancelled():  # cancelled between two of them
        yield RelaunchResult(RelaunchOutcome.REFUSED, None, msg("Cancelled."))
    elif made.live:
        yield from change_limits(access, made)
    else:
        try:
            made = fresh(access, made)
        except (EngineError, NoSuchContainerError) as error:
            why, words, _ = in_words(error)
            yield RelaunchResult(RelaunchOutcome.REFUSED, None, why, words)
            return
        yield from harden(
            access,
            made,
            watch=watch,
            keep_unverified=keep_unverified,
            exercised=exercised,
            cancelled=cancelled,
            group=group,
        )


def _undone(access: EngineAccess, made: Plan, done: Outcome) -> Generator[Of, None, RelaunchResult | None]:
    """None if there is nothing to undo: limits that were changed live stay."""
    if done.ended.transaction is None:
        return None
    return (yield from _one(done.place, made, go_back(access, done.ended.transaction)))


def _ending(outcomes: Sequence[Outcome]) -> RelaunchOutcome:
    last = outcomes[-1].ended.ending
    if last not in FAILURES:
        endings = [each.ended.ending for each in outcomes]
        return next((each for each in (RelaunchOutcome.KEPT, RelaunchOutcome.ENFORCED) if each in endings), last)
    back = [each.undone for each in outcomes if each.undone is not None]
    if last is RelaunchOutcome.UNFINISHED or any(each.ending in FAILURES for each in back):
        return RelaunchOutcome.UNFINISHED
    return RelaunchOutcome.ROLLED_BACK if back else last


def group_of(kept: Sequence[Transaction], done: Transaction) -> tuple[Transaction, ...]:
    """All transactions of the same group and direction, including itself; oldest first."""
    if not done.group:
        return (done,)
    return tuple(each for each in kept if _way(each) == _way(done))


def _way(done: Transaction) -> tuple[str, str, str]:
    return done.engine, done.group, done.kind


def names_of(done: Transaction) -> str:
    """Names of its containers."""
    return ", ".join(member.name for member in done.members)


def undo_together(
    access: EngineAccess,
    done: Sequence[Transaction],
    *,
    watch: float = WATCH,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Of | AllEnded]:
    """Back to what they set aside, newest first. The last item is an `AllEnded`."""
    order = sorted(range(len(done)), key=lambda place: done[place].started_at, reverse=True)
    group = Group(
        id=secrets.token_hex(8),
        engine=access.engine.id,
        endpoint=access.engine.endpoint,
        name=", ".join(names_of(each) for each in done),
        undoes=True,
        members=tuple(each.id for each in done),
        started_at=time.time(),
    )
    outcomes: list[Outcome] = []
    try:
        with held(access.journal, group if len(done) > 1 else None):
            for place in order:
                if cancelled():
                    break
                ended: RelaunchResult | None = None
                for event in undo(access, done[place], watch=watch, cancelled=cancelled):
                    ended = event if isinstance(event, RelaunchResult) else None
                    yield Of(names_of(done[place]), place, event)
                if ended is not None:
                    outcomes.append(Outcome(place, ended))
            forget(access.journal, group if len(done) > 1 else None)
            yield AllEnded(_worst(outcomes, len(done)), tuple(outcomes))
    except BusyError as error:
        yield AllEnded(RelaunchOutcome.REFUSED, tuple(outcomes), error.message)
    except JournalError as error:
        why = msg("The journal can't be written, and without it there would be no way back after a crash.")
        yield AllEnded(RelaunchOutcome.REFUSED, tuple(outcomes), why, error.words)


def go_back(access: EngineAccess, done: Transaction) -> Iterator[Event]:
    """Undo it since its group is undone: its replacement is removed, as in a rollback, unless it holds files by now.

    The last item is a `RelaunchResult`. Not watched: the original ran like that before.
    """
    ended: RelaunchResult | None = None
    for event in undo(access, done, watch=0.0):
        if isinstance(event, RelaunchResult):
            ended = event
        else:
            yield event
    assert ended is not None
    if ended.ending not in FAILURES and ended.transaction is not None:
        drop(access, ended.transaction)  # once the lock is released
    yield ended


def drop(access: EngineAccess, back: Transaction) -> None:
    """Discard what an undo set aside, if nothing is lost by that; what can't be discarded now stays set aside."""
    if back.owner is not None or back.stage is not Stage.DONE:
        return
    with suppress(EngineError, NoSuchContainerError, JournalError, BusyError), rollback.held(access.journal, back):
        olds = {member.old for member in back.members}
        made = [each for each in access.containers() if each.id in olds]
        if any(lost_files(each, access.port.changes(each.id)) for each in made) or in_use(access.port, back):
            return
        rollback.discard(access.port, access.journal, back)


def _worst(outcomes: Sequence[Outcome], count: int) -> RelaunchOutcome:
    endings = [each.ended.ending for each in outcomes]
    order = (RelaunchOutcome.UNFINISHED, RelaunchOutcome.ROLLED_BACK, RelaunchOutcome.REFUSED, RelaunchOutcome.KEPT)
    worst = next((each for each in order if each in endings), RelaunchOutcome.VERIFIED)
    return worst if len(endings) == count or worst is not RelaunchOutcome.VERIFIED else RelaunchOutcome.REFUSED


def recover_groups(access: EngineAccess) -> Iterator[Recovered]:
    """Undo groups that a crash interrupted on this engine. Call it after `recover_all`. Errors of an engine, an owner
    or a disk are reported, not raised.
    """
    for group in access.journal.groups():
        if access.engine.endpoint != group.endpoint and access.engine.id != group.engine:
            continue
        try:
            with access.journal.hold(group.engine, group.id):
                # read again: its holder may have finished just now
                if any(each.id == group.id for each in access.journal.groups()):
                    yield from _recovered(access, group)
        except BusyError:
            yield Recovered(group, Result.HELD)
        except (EngineError, NoSuchContainerError, JournalError) as error:
            yield Recovered(group, Result.FAILED, error)


def _recovered(access: EngineAccess, group: Group) -> Iterator[Recovered]:
    known = transactions(access.journal)
    of_it = [item for item in known if (item.id in group.members if group.undoes else item.group == group.id)]
    if any(item.stage is not Stage.DONE for item in known if item.group == group.id or item in of_it):
        raise EngineError(EngineState.CONNECTED, msg("One of its containers can't be repaired now."))
    there = [item for item in of_it if group.undoes or item.kind is TransactionKind.HARDEN]
    if not group.undoes:
        for item in of_it:
            if item.kind is TransactionKind.UNDO:  # already being undone when the program died
                drop(access, item)
        if len(there) == len(group.members):
            access.journal.forget_group(group.id)
            yield Recovered(group, Result.FINISHED)
            return
    for item in sorted(there, key=lambda each: each.started_at, reverse=True):
        *_, ended = undo(access, item, watch=0.0) if group.undoes else go_back(access, item)
        assert isinstance(ended, RelaunchResult)
        if ended.ending in FAILURES:
            raise EngineError(EngineState.CONNECTED, ended.why or msg("It could not be undone."), ended.words)
    access.journal.forget_group(group.id)
    yield Recovered(group, Result.FINISHED if group.undoes else Result.UNDONE)
