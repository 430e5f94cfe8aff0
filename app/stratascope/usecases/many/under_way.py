"""Types for a run of several relaunches or undos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from stratascope.core.message import Message
from stratascope.core.relaunch.group import Group
from stratascope.core.relaunch.transaction import Journal, JournalError, RelaunchOutcome, RelaunchResult
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.value import Value

FAILURES = frozenset({RelaunchOutcome.REFUSED, RelaunchOutcome.ROLLED_BACK, RelaunchOutcome.UNFINISHED})


class Of(Value):
    """An event of one of them. `name`: its container; `place`: its index in what was passed in."""

    name: str
    place: int
    event: Event


class Outcome(Value):
    """How one of them ended. `undone`: how its undo ended, if a later one failed; else None."""

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
