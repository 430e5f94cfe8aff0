"""Judges what is not started yet without an engine: for the machine of the demo capture."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.hardening_plan import HardeningPlan, Wanted
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.check.corrections import Corrected, Corrections, Judged
from stratascope.usecases.plan.offers import Offer, Preview
from stratascope.usecases.plan.standards import Standard
from stratascope.wiring.check import checker
from stratascope.wiring.engines import demo_capture


class Judge:
    """The window's judge; `fault` is raised instead of an answer. `threads`: those it was called on."""

    def __init__(self) -> None:
        self.checker = checker(None, demo_capture())
        self.corrections = Corrections(lambda: self.checker)
        self.fault: ProbeError | None = None
        self.machines: tuple[str, ...] = ("",)
        self.machine = ""
        self.threads: set[tuple[str, str]] = set()

    def choose(self, machine: str) -> None:
        self.machine = machine

    def check(self, text: str, file: str) -> Judged:
        self._note("check")
        return self.corrections.check(text, file, 1764000000.0)

    def corrected(self, text: str, file: str, chosen: Mapping[str, tuple[Choice, ...]]) -> Corrected:
        self._note("corrected")
        return self.corrections.corrected(text, file, chosen)

    def offer(self, state: ContainerState) -> Offer:
        self._note("offer")
        return self.corrections.offer(state)

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview:
        return self.corrections.preview(state, choices)

    def suggested(self, state: ContainerState, wanted: Wanted | None = None) -> HardeningPlan:
        self._note("suggested")
        return self.corrections.suggested(state, wanted)

    def standards(self, state: ContainerState) -> tuple[Standard, ...]:
        self._note("standards")
        return self.corrections.standards(state)

    def _note(self, what: str) -> None:
        self.threads.add((what, threading.current_thread().name))
        if self.fault is not None:
            raise self.fault
