"""A relaunch or an undo from lock to end, whether engine or owner creates the container.

Generators that yield each step as it happens, for the window and the command line alike. Nothing here knows Qt or an
engine's JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.evidence import Clock
from stratascope.core.relaunch.transaction import (
    BusyError,
    JournalError,
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Stage,
    State,
    Transaction,
)
from stratascope.usecases.relaunch.proof import Proved
from stratascope.usecases.relaunch.watch import FailedError
from stratascope.value import replace


def in_words(error: Exception) -> tuple[Message, str, str]:
    """The reason, the engine's own error, and the container's last output."""
    match error:
        case FailedError():
            return error.why, error.words, error.log
        case EngineError():
            return error.message, error.words, ""
        case JournalError():
            return msg("The journal can no longer be written."), error.words, ""
        case NoSuchContainerError():
            return msg("A container disappeared midway; someone else removed it."), str(error), ""
    return msg("Something unexpected happened."), str(error), ""


def joined(*words: str) -> str:
    """The texts of both, without repetition."""
    return "; ".join(dict.fromkeys(filter(None, words)))


T = TypeVar("T")
Event = Progress | Proved | RelaunchResult
Steps = Generator[Progress | Proved, None, RelaunchOutcome]


class Recreation(Protocol):
    """One relaunch in progress. All raise EngineError, NoSuchContainerError and JournalError."""

    @property
    def transaction(self) -> Transaction:
        """The state as in the journal."""

    def hold(self) -> AbstractContextManager[None]:
        """An exclusive lock on everything it concerns. Also raises BusyError."""

    def stale(self) -> tuple[Message, str] | None:
        """Why it is no longer what was planned, with words of the engine or the owner. Changes nothing."""

    def forward(self, watch: float) -> Iterator[Progress]:
        """All steps up to STARTED, including watching. Also raises FailedError."""

    def enter(self, stage: Stage, *, works: bool | None = None) -> None:
        """Record the stage; from VERIFIED on there is only the way forward. `works`: see `Transaction`. Raises
        FailedError if cancelled.
        """

    def finish(self) -> Transaction:
        """The steps after VERIFIED; `recover` does the same."""

    def back(self, error: Exception) -> Iterator[Progress | RelaunchResult]:
        """Restore everything as it was. The last item is a `RelaunchResult`."""


def carry_out(
    work: Recreation,
    steps: Callable[[], Steps],
    *,
    done: Transaction | None = None,
    explained: Callable[[RelaunchResult, Exception], RelaunchResult] = lambda ended, error: ended,
) -> Iterator[Event]:
    """The steps under the lock, rolled back automatically if one fails. The last item is a `RelaunchResult`.

    Raises nothing that an engine, an owner or a disk can cause. `done`: the transaction that an undo is of, reported if
    it is refused. `explained`: adds our best explanation to a failure.
    """
    try:
        with work.hold():
            why_not = work.stale()
            if why_not is not None:
                yield RelaunchResult(RelaunchOutcome.REFUSED, done, *why_not)
                return
            try:
                ending = yield from steps()
            except (FailedError, EngineError, NoSuchContainerError, JournalError) as error:
                for event in work.back(error):
                    yield explained(event, error) if isinstance(event, RelaunchResult) else event
                return
            yield finished(work, ending)
    except BusyError as error:
        yield RelaunchResult(RelaunchOutcome.REFUSED, done, error.message)
    except EngineError as error:
        yield RelaunchResult(RelaunchOutcome.REFUSED, done, error.message, error.words)
    except JournalError as error:
        why = msg("The journal can't be written, and without it there would be no way back after a crash.")
        yield RelaunchResult(RelaunchOutcome.REFUSED, done, why, error.words)


def timed(clock: Clock, step: str, message: Message, action: Callable[[], T]) -> Generator[Progress, None, T]:
    """Do it, and yield when it begins and, with the time it took, when it is done."""
    begun = clock.now()
    progress = Progress(step, State.BEGUN, 0.0, message)
    yield progress
    found = action()
    yield replace(progress, state=State.DONE, seconds=clock.now() - begun)
    return found


def finished(work: Recreation, ending: RelaunchOutcome) -> RelaunchResult:
    """It stays from here on: the journal says so, and recovery would complete it as well."""
    try:
        return RelaunchResult(ending, work.finish())
    except (EngineError, NoSuchContainerError, JournalError) as error:
        why, words, _ = in_words(error)
        text = msg("{why} What runs now stays; run stratascope recover to finish.", why=why)
        return RelaunchResult(ending, work.transaction, text, words)
