"""What a run of several relaunches or undos is made of, whichever way it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from stratascope.core.message import Message
from stratascope.core.relaunch.group import Group
from stratascope.core.relaunch.transaction import Ended, Ending, Journal, JournalError
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.value import Value

FAILURES = frozenset({Ending.REFUSED, Ending.ROLLED_BACK, Ending.UNFINISHED})


class Of(Value):
    """What happens to one of them. `name`: whose, in words; `place`: which of those that were handed in."""

    name: str
    place: int
    event: Event


class Outcome(Value):
    """How one of them ended. `undone`: how it was undone, as a later one failed; None where it was not."""

    place: int
    ended: Ended
    undone: Ended | None = None


class AllEnded(Value):
    """How all of them ended. `outcomes`: in the order in which they were begun, as far as they were.

    `why`: why none was begun, with an engine's or a disk's own `words`.
    """

    ending: Ending
    outcomes: tuple[Outcome, ...] = ()
    why: Message | None = None
    words: str = ""
    group: str = ""


@contextmanager
def held(journal: Journal, group: Group | None) -> Iterator[None]:
    """Alone on the group, which is written down meanwhile; None: nothing ties them. Raises BusyError, JournalError."""
    if group is None:
        yield
        return
    with journal.hold(group.engine, group.id):
        journal.write_group(group)
        yield


def forget(journal: Journal, group: Group | None) -> None:
    """It came to its end. Where that can't be written down, recovery finds that nothing is left to do."""
    if group is not None:
        with suppress(JournalError):
            journal.forget_group(group.id)
