"""Tests a hardened container that runs, after its relaunch: by a command of the person, which succeeds or not.

For a relaunch that ended as not tested. The command is what they would try by hand, so it meets the container itself; a
trial on a twin is for what must not. That it succeeded is kept with the relaunch.
"""

from __future__ import annotations

from collections.abc import Callable

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import RefusedError
from stratascope.core.relaunch.transaction import Transaction
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.known import over
from stratascope.usecases.trial.lifecycle import SECONDS, Exercised, TwinAddress, exercise
from stratascope.value import replace


def exercise_hardened(
    access: EngineAccess, made: Transaction, command: str, cancelled: Callable[[], bool] = lambda: False
) -> Exercised:
    """Run it once. Raises EngineError, NoSuchContainerError, BusyError, JournalError; RefusedError if it has ended."""
    now = access.port.running(made.new)
    if now.pid is None or now.status != "running":
        raise RefusedError(EngineState.CONNECTED, msg("It is not running."))
    done = exercise(command, TwinAddress(now.pid, made.name), seconds=SECONDS, clock=access.clock, cancelled=cancelled)
    if not cancelled():
        tested(access, made, works=done.why is None)
    return done


def tested(access: EngineAccess, made: Transaction, *, works: bool) -> None:
    """Keep that it was found to work, or not to. Raises BusyError, JournalError, RefusedError."""
    with rollback.held(access.journal, made):
        why_not = over(access.journal, made)
        if why_not is not None:
            raise RefusedError(EngineState.CONNECTED, why_not)
        access.journal.write(replace(made, works=works))
