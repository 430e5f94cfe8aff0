"""The refusals of containers that are being watched, explained: for the window and the command line alike."""

from __future__ import annotations

import time

from stratascope.core.denials.denial import Claim, Denial, Remedy
from stratascope.core.ground import Surroundings
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.denials.explain import Explainer
from stratascope.usecases.denials.remedies import remedies
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.observe.learning import Learning
from stratascope.usecases.plan.look import subject_of
from stratascope.value import Value

Key = tuple[str, str]


class Denials(Value):
    """What a container was refused, the oldest first. `forgotten`: kinds that are not remembered any more."""

    all: tuple[Denial, ...] = ()
    forgotten: int = 0


class Explaining:
    """See the module. Asks what remedies come to, which takes a while for what is new: not on the window's thread."""

    def __init__(self, learning: Learning, hardening: Hardening) -> None:
        self._learning, self._hardening = learning, hardening
        self._explainers: dict[Key, tuple[ContainerState, Explainer]] = {}

    def of(self, state: ContainerState, *, sessions_only: bool = False) -> Denials:
        """All of that container so far. Raises EngineError, NoSuchContainerError where its engine can't be asked."""
        found = self._learning.refused(state.container)
        if not found.entries:
            return Denials()
        known = self._explainers.get(state.key)
        if known is None or known[0] != state:
            known = self._explainers[state.key] = state, self._explainer(state)
        entries = [entry for entry in found.entries if entry.session or not sessions_only]
        return Denials(known[1].denials(entries, time.time() - time.monotonic()), found.forgotten)

    def _explainer(self, state: ContainerState) -> Explainer:
        access = self._hardening.access(state.container.engine)
        subject = subject_of(access, state, ())

        def found(claim: Claim) -> tuple[Remedy, ...]:
            return remedies(claim, subject, lambda chosen: self._hardening.preview(state, chosen))

        return Explainer(state, Surroundings(access.ground, access.engine), found)
