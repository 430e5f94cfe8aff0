"""Undoes several relaunches, last one first; and one relaunch whose group failed later.

When a person undoes them, each is undone by itself: a failure is reported, and the others are undone all the same,
since the reason to undo a group does not end with one of them. If this program dies in the middle, `recovery` continues
with the rest.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.group import Group
from stratascope.core.relaunch.transaction import (
    WATCH,
    BusyError,
    JournalError,
    RelaunchOutcome,
    RelaunchResult,
    Stage,
    Transaction,
)
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.many.under_way import FAILURES, AllEnded, Of, Outcome, forget, held
from stratascope.usecases.plan.written_files import lost_files
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.usecases.relaunch.staleness import in_use
from stratascope.usecases.relaunch.undo import undo


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
