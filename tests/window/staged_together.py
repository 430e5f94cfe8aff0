"""Several containers hardened without an engine: planned and run one after the other by `staged_hardening`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from rig.window.staged_hardening import StagedHardening
from stratascope.core.relaunch.hardening_plan import Wanted
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.transaction import RelaunchOutcome, RelaunchResult, Remedy, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.hardening import HardeningTogether, PlannedTogether, Suggested
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
        self.asked: list[tuple[tuple[str, ...], frozenset[Remedy]]] = []
        self.suggesting: list[tuple[str, Preset]] = []
        self.gate: threading.Semaphore | None = None  # how many plans may be made

    def suggest(self, state: ContainerState, preset: Preset, wanted: Wanted | None = None) -> Suggested:
        self.suggesting.append((state.container.name, preset))
        if self.gate is not None:
            self.gate.acquire()
        chosen = self.choices(state, preset, wanted)
        return Suggested(state, chosen, effect=self._staged.preview(state, chosen))

    def plan(self, found: Sequence[Suggested], remedies: frozenset[Remedy] = frozenset()) -> PlannedTogether:
        self.asked.append((tuple(each.state.container.name for each in found), remedies))
        plans, exposures = [], []
        for each in found:
            made = self._staged.plan(each.state, each.choices, remedies)
            blocks = self.blocks.get(made.spec.name, made.checked.blocks)
            left = tuple(each for each in blocks if each.remedy is None or each.remedy not in remedies)
            plans.append(replace(made, checked=replace(made.checked, blocks=left)))
            assert each.effect is not None
            exposures.append((made.spec.id, each.effect.before, each.effect.after))
        return PlannedTogether(tuple(plans), tuple(exposures))

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
