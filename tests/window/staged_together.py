"""Several containers hardened without an engine: planned and run one after the other by `staged_hardening`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rig.window.staged_hardening import StagedHardening
from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.relaunch.transaction import RelaunchOutcome, RelaunchResult, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.hardening import HardeningTogether
from stratascope.usecases.many.together import FAILURES, AllEnded, Of, Outcome
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Block
from stratascope.value import replace


class StagedTogether(HardeningTogether):
    """Runs them. `fails`: the name of the container that is rolled back."""

    def __init__(self, staged: StagedHardening) -> None:
        super().__init__(staged)
        self._staged = staged
        self.fails = ""
        self.blocks: dict[str, tuple[Block, ...]] = {}  # what blocks the containers of these names
        self.asked: list[tuple[tuple[str, ...], Preset | None, tuple[Choice, ...]]] = []

    def plan(
        self, states: Sequence[ContainerState], preset: Preset | None, choices: Sequence[Choice] = ()
    ) -> tuple[Plan, ...]:
        self.asked.append((tuple(each.container.name for each in states), preset, tuple(choices)))
        plans = [
            self._staged.plan(each, choices if preset is None else self._staged.preset(each, preset)) for each in states
        ]
        return tuple(
            replace(made, checked=replace(made.checked, blocks=self.blocks.get(made.spec.name, made.checked.blocks)))
            for made in plans
        )

    def run(
        self, plans: Sequence[Plan], watch: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Of | AllEnded]:
        outcomes: list[Outcome] = []
        for place, made in enumerate(plans):
            self._staged.outcome = (
                RelaunchOutcome.ROLLED_BACK if made.spec.name == self.fails else RelaunchOutcome.VERIFIED
            )
            for event in self._staged.run(made, watch, cancelled):
                if isinstance(event, RelaunchResult):
                    outcomes.append(Outcome(place, event))
                yield Of(made.spec.name, place, event)
            if outcomes[-1].ended.ending in FAILURES:
                back = RelaunchResult(RelaunchOutcome.VERIFIED, None)
                yield AllEnded(
                    RelaunchOutcome.ROLLED_BACK, (*(replace(each, undone=back) for each in outcomes[:-1]), outcomes[-1])
                )
                return
        yield AllEnded(RelaunchOutcome.VERIFIED, tuple(outcomes), group="g1")

    def undo(
        self, done: Sequence[Transaction], watch: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Of | AllEnded]:
        outcomes = []
        for place in reversed(range(len(done))):
            ended = RelaunchResult(RelaunchOutcome.VERIFIED, done[place])
            yield Of(done[place].name, place, ended)
            outcomes.append(Outcome(place, ended))
        yield AllEnded(RelaunchOutcome.VERIFIED, tuple(outcomes))
