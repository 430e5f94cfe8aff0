"""Completes or undoes an engine's relaunches that a crash interrupted, each by itself: none blocks the others.

One that a running program works on is left alone. What can't be recovered now stays in the journal, for the next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum

from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.group import Group
from stratascope.core.relaunch.transaction import BusyError, Damaged, Journal, JournalError, Stage, Transaction
from stratascope.core.relaunch.twin import TwinRecord
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.owner import recover_owned
from stratascope.usecases.relaunch.staleness import undone_elsewhere
from stratascope.usecases.relaunch.told_by_engine import still_under_way, under_way
from stratascope.value import Value


class Result(StrEnum):
    FINISHED = "finished"  # the replacement stays
    UNDONE = "undone"  # the original is back
    REMOVED = "removed"  # a twin, which is no longer needed
    HELD = "held"  # a running program works on it
    FAILED = "failed"  # not possible now


class Recovered(Value):
    """A relaunch found unfinished, a group of them, or a leftover twin; `error` if it FAILED."""

    transaction: Transaction | TwinRecord | Group
    result: Result
    error: EngineError | NoSuchContainerError | JournalError | None = None


def unfinished(journal: Journal) -> tuple[Transaction | TwinRecord | Group, ...]:
    """Of all engines: relaunches, then twins, then groups of relaunches, oldest first."""
    return (*_relaunches(journal), *journal.twins(), *journal.groups())


def _relaunches(journal: Journal) -> tuple[Transaction, ...]:
    found = (item for item in journal.all() if not isinstance(item, Damaged))
    return tuple(item for item in found if item.stage is not Stage.DONE)


def recover_all(access: EngineAccess) -> Iterator[Recovered]:
    """All relaunches of that engine; raises nothing that an engine, an owner or a disk can cause."""
    for item in _relaunches(access.journal):
        try:
            if not is_of(access, item):
                continue
            if item.owner is not None:  # takes the lock itself
                yield Recovered(item, _result(recover_owned(access, item)))
                continue
            with rollback.held(access.journal, item):
                # read again: its holder may have finished just now
                now = next((each for each in _relaunches(access.journal) if each.id == item.id), None)
                if now is not None:
                    yield Recovered(now, _result(rollback.recover(access.port, access.journal, now, access.clock)))
        except BusyError:
            yield Recovered(item, Result.HELD)
        except (EngineError, NoSuchContainerError, JournalError) as error:
            yield Recovered(item, Result.FAILED, error)
    yield from _of_others(access)
    _forget_undone(access)


def _of_others(access: EngineAccess) -> Iterator[Recovered]:
    """Crash leftovers that are in another journal, or in none: undone, since nobody can say that they were verified."""
    if not access.engine.local:  # its users on other machines can't be asked whether they are still running
        return
    with suppress(EngineError, NoSuchContainerError):
        for item in under_way(access):
            try:
                with rollback.held(access.journal, item):
                    now = still_under_way(access, item)
                    if now is None:
                        continue
                    rollback.roll_back(access.port, access.journal, now, clock=access.clock)
                yield Recovered(now, Result.UNDONE)
            except BusyError:
                yield Recovered(item, Result.HELD)
            except (EngineError, NoSuchContainerError, JournalError) as error:
                yield Recovered(item, Result.FAILED, error)


def _forget_undone(access: EngineAccess) -> None:
    """Delete entries of what another journal undid: the way back that they describe was taken."""
    for item in access.journal.all():
        if isinstance(item, Damaged) or item.stage is not Stage.DONE or item.owner is not None:
            continue
        with suppress(EngineError, NoSuchContainerError, JournalError, BusyError):
            if is_of(access, item) and undone_elsewhere(access.port, item):
                with rollback.held(access.journal, item):
                    access.journal.forget(item.id)


def _result(stays: bool) -> Result:
    return Result.FINISHED if stays else Result.UNDONE


def is_of(access: EngineAccess, item: Transaction | TwinRecord) -> bool:
    """Whether it is of this engine: an id such as `docker` is another engine when the environment says so. That one
    does not know the container, which would look as if somebody had removed it. Raises EngineError.
    """
    if item.endpoint == access.engine.endpoint:
        return True
    if item.engine != access.engine.id:
        return False
    try:
        original = item.old if isinstance(item, Transaction) else item.original
        return bool(access.port.running(original).id)
    except NoSuchContainerError:
        return False
