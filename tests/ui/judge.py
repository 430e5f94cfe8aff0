"""Judges what is not started yet without an engine: for the machine of the demo capture."""

from __future__ import annotations

from stratascope.core.ports import ProbeError
from stratascope.usecases.check.check import Checked
from stratascope.usecases.check.fix import Fixed, fixed
from stratascope.wiring.check import checker
from stratascope.wiring.engines import demo_record


class Judge:
    """What a window is given; `fault` is raised instead of an answer."""

    def __init__(self) -> None:
        self.checker = checker(None, demo_record())
        self.fault: ProbeError | None = None

    def check(self, text: str, file: str) -> Checked:
        if self.fault is not None:
            raise self.fault
        return self.checker.text(text, file, 1764000000.0)

    def corrected(self, text: str, file: str) -> Fixed:
        return fixed(self.checker, text, file)
