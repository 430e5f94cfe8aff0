"""This machine's facts, kept until something about them changes."""

from __future__ import annotations

from stratascope.probe.local import LocalProber
from stratascope.usecases.live.engine_readings import OwnMachine
from stratascope.usecases.live.reader import Reach, Reader, Translations


def test_read_again_when_the_wall_clock_was_set() -> None:
    """The times of containers made from then on are of the new clock."""
    prober, booted = LocalProber(), 1_000_000.0
    machine = OwnMachine(Reader((), Translations({}), prober, lambda _: Reach(prober)), lambda: booted)
    first = machine.facts()
    for booted, again in ((1_000_000.4, False), (1_010_800.0, True), (1_010_800.0, False), (999_000.0, True)):
        later = machine.facts()
        assert (later[0] is not first[0]) is again, booted
        first = later
