"""Several relaunches, one after the other: each is proven before the next begins, and all of them stay, or none.

The first failure ends it: that one rolls itself back, and those done before are undone, last one first, unless a person
wants them kept. Meanwhile the journal lists which of them belong together, so that `recovery` undoes them too if this
program dies in the middle; afterwards each transaction names its group.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterator, Sequence

from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.group import Group
from stratascope.core.relaunch.transaction import WATCH, BusyError, JournalError, RelaunchOutcome, RelaunchResult
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.many.plan_together import fresh, members, refusals
from stratascope.usecases.many.under_way import FAILURES, AllEnded, Of, Outcome, forget, held
from stratascope.usecases.many.undo_together import go_back
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.usecases.relaunch.harden import harden
from stratascope.usecases.relaunch.live_limits import change_limits
from stratascope.usecases.relaunch.outcome import in_words
from stratascope.value import replace


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
