"""Changing only limits: the engine does so while the container runs, without a relaunch."""

from __future__ import annotations

import time
from collections.abc import Iterator

from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.launch_spec import Limits
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.relaunch.transaction import Progress, RelaunchOutcome, RelaunchResult, State
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.carry_out import Event
from stratascope.usecases.relaunch.outcome import in_words
from stratascope.usecases.relaunch.proof import not_enforced, verify
from stratascope.value import replace


def change_limits(access: EngineAccess, made: Plan) -> Iterator[Event]:
    """The last item is a `RelaunchResult`; raises nothing that an engine can cause."""
    begun = time.monotonic()
    progress = Progress("limits", State.BEGUN, 0.0, msg("Change the limits while it runs"))
    yield progress
    wanted = made.wanted
    try:
        access.port.limit(made.spec.id, Limits(wanted.memory, wanted.memory_swap, wanted.pids, wanted.cpu_cores))
    except (EngineError, NoSuchContainerError) as error:
        yield replace(progress, state=State.FAILED, seconds=time.monotonic() - begun)
        why, words, _ = in_words(error)
        if _changed(access, made):  # part of it, or all and only the answer failed
            why = msg("{why} A part of it may be in effect.", why=why)
            yield RelaunchResult(RelaunchOutcome.KEPT, None, why, words)
        else:
            yield RelaunchResult(RelaunchOutcome.REFUSED, None, why, words)
        return
    yield replace(progress, state=State.DONE, seconds=time.monotonic() - begun)
    proofs = verify(access, made, made.spec.id)
    yield from proofs
    failed = [item for item in proofs if item.proof.outcome is not Proven.ENFORCED]
    yield (
        RelaunchResult(RelaunchOutcome.KEPT, None, not_enforced(failed))
        if failed
        else RelaunchResult(RelaunchOutcome.LIMITED, None, enforced=True)
    )


def _changed(access: EngineAccess, made: Plan) -> bool:
    """True also if that is not known."""
    try:
        now = access.read(made.spec.id)
    except EngineError:
        return True
    return now is not None and now.container.asked != made.state.container.asked
