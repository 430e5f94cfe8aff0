"""Measures and prints for `make bench`: medians of alternating runs, each with its goal."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def median(run: Callable[[], object], times: int, before: Callable[[], object] | None = None) -> float:
    """Median seconds of `times` runs; `before` is not measured."""
    taken = []
    for _ in range(times):
        if before is not None:
            before()
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def in_turn(times: int, *runs: Callable[[], object]) -> list[float]:
    """Median seconds of each; the runs alternate, so that changing load affects all alike."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(times):
        for run, seconds in zip(runs, taken, strict=True):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in taken]


class Table:
    """Prints the lines and remembers whether each goal was met."""

    def __init__(self) -> None:
        self.missed = 0

    def line(self, what: str, ours: float, base: float, goal: float, unit: str = "ms") -> None:
        ratio = ours / base
        scale = 1000.0 if unit == "ms" else 1.0
        word = "met" if ratio <= goal else "MISSED"
        self.missed += ratio > goal
        numbers = f"{ours * scale:9.1f} {unit} against {base * scale:9.1f} {unit}"
        say(f"{what:62} {numbers} = {ratio:5.2f} (goal <= {goal}) {word}")

    def limit(self, what: str, value: float, goal: float, unit: str = "ms") -> None:
        word = "met" if value <= goal else "MISSED"
        self.missed += value > goal
        say(f"{what:62} {value:9.1f} {unit} (goal <= {goal} {unit}) {word}")
