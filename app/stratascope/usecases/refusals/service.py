"""The refusals of containers that are being watched, explained: for the window and the command line alike."""

from __future__ import annotations

import time

from stratascope.core.container import Asked
from stratascope.core.ground import Surroundings
from stratascope.core.refusals.ended.ending import Ending
from stratascope.core.refusals.refusal import Claim, Refusal, RefusalRemedy
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.observe.service import ObservationService
from stratascope.usecases.plan.look import subject_of
from stratascope.usecases.refusals.ended import why_ended
from stratascope.usecases.refusals.explain import Explainer, Remedies, ordered
from stratascope.usecases.refusals.remedies import remedies
from stratascope.value import Value

Key = tuple[str, str]
_Life = tuple[int | None, Asked]  # its first process and what it was made with: by these it is explained
_DRIFT = 0.5  # seconds: the clock was set, or the machine slept


class RefusalList(Value):
    """What a container was refused, the oldest first. `forgotten`: kinds that are not remembered any more."""

    all: tuple[Refusal, ...] = ()
    forgotten: int = 0


class RefusalService:
    """See the module. Asks what remedies come to, which takes a while for what is new: not on the window's thread."""

    def __init__(self, learning: ObservationService, hardening: Hardening) -> None:
        self._learning, self._hardening = learning, hardening
        self._explainers: dict[Key, tuple[_Life, Explainer]] = {}
        self._since = 0.0  # the moment at zero of the observer's clock

    def of(self, state: ContainerState, *, sessions_only: bool = False) -> RefusalList:
        """All of that container so far. Raises EngineError, NoSuchContainerError where its engine can't be asked."""
        found = self._learning.refused(state.container)
        if not found.entries:
            return RefusalList()
        known = self._explainers.get(state.key)
        life = state.container.pid, state.container.asked
        # what it was when it ran says more than what is left of it
        if known is None or (known[0] != life and state.gap is None):
            known = self._explainers[state.key] = life, self._explainer(state)
        entries = [entry for entry in found.entries if entry.session or not sessions_only]
        since = time.time() - time.monotonic()
        if abs(since - self._since) > _DRIFT:  # else what is the same would be told as another a microsecond later
            self._since = since
        return RefusalList(known[1].denials(entries, self._since), found.forgotten)

    def ending(self, state: ContainerState) -> Ending:
        """Why it ended or never began; what it was refused last is part of it where it was watched meanwhile.

        Raises EngineError, NoSuchContainerError.
        """
        access = self._hardening.access(state.container.engine)
        refusals = ordered(self.of(state).all)
        known = self._explainers.get(state.key)
        return why_ended(access, state, refusals, self._remedies(access, state) if known is None else known[1].remedies)

    def _explainer(self, state: ContainerState) -> Explainer:
        access = self._hardening.access(state.container.engine)
        return Explainer(state, Surroundings(access.ground, access.engine), self._remedies(access, state))

    def _remedies(self, access: EngineAccess, state: ContainerState) -> Remedies:
        subject = subject_of(access, state, ())

        def found(claim: Claim) -> tuple[RefusalRemedy, ...]:
            return remedies(claim, subject, lambda chosen: self._hardening.preview(state, chosen))

        return found
