"""Everything that the window asks of hardening for several containers of one engine: plans, run, undo.

`hardening` handles one container at a time. A preset's choices are computed once per kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Choice, Preset, ToggleError
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.many.kinds import by_kind
from stratascope.usecases.many.plan_together import plan_together
from stratascope.usecases.many.together import relaunch_together
from stratascope.usecases.many.under_way import AllEnded, Of
from stratascope.usecases.many.undo_together import undo_together
from stratascope.usecases.plan.look import look
from stratascope.usecases.plan.plan import Plan


class HardeningTogether:
    """See the module. Every method asks the engine, and belongs on a thread of its own."""

    def __init__(self, hardening: Hardening) -> None:
        self._hardening = hardening

    def plan(
        self, states: Sequence[ContainerState], preset: Preset | None, choices: Sequence[Choice] = ()
    ) -> tuple[Plan, ...]:
        """One plan per relaunch, in order; containers for which the preset has nothing left are left out.

        `choices`: for all, if there is no `preset`. Raises EngineError, NoSuchContainerError, ToggleError.
        """
        access = self._hardening.access(states[0].container.engine)
        wanted = []
        for kind in by_kind((state.container, state) for state in states):
            chosen = tuple(choices) if preset is None else self._hardening.preset(kind[0], preset)
            wanted += [(look(access, state.container.id), chosen) for state in kind if chosen]
        if not wanted:
            raise ToggleError(msg("Nothing is left to change in any of them."))
        return plan_together(access, wanted)

    def run(
        self, plans: Sequence[Plan], watch: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Of | AllEnded]:
        """One after the other: all of them stay, or none. The last item is an `AllEnded`."""
        access = self._hardening.access(plans[0].spec.engine)
        yield from relaunch_together(access, plans, watch=watch, cancelled=cancelled)

    def undo(
        self, done: Sequence[Transaction], watch: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Of | AllEnded]:
        """Newest first. The last item is an `AllEnded`."""
        access = self._hardening.access(done[0].engine)
        yield from undo_together(access, done, watch=watch, cancelled=cancelled)
