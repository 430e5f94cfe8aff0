"""Judges what is not started yet without an engine: for the machine of the demo capture."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.check.corrections import Corrected, Corrections, Judged
from stratascope.usecases.plan.offers import Hint, Offer, Preview
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

    def hint(self, state: ContainerState, choices: Sequence[Choice], offer: Offer) -> Hint | None:
        self._note("hint")
        return self.corrections.hint(state, choices, offer)

    def _note(self, what: str) -> None:
        self.threads.add((what, threading.current_thread().name))
        if self.fault is not None:
            raise self.fault
