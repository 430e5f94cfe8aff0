"""What judges texts for the machine of the demo, where no image is known."""

from __future__ import annotations

from stratascope.core.snapshot import MachineCapture
from stratascope.usecases.check.check import Checker
from stratascope.wiring.check import checker
from stratascope.wiring.engines import demo_capture


def of_the_demo() -> Checker:
    """Made anew."""
    demo = demo_capture()
    return checker(None, MachineCapture(demo.taken_at, demo.host, (), ()))
