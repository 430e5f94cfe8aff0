"""The figures of real software: open threats before, by each way of hardening, and the share of what hands reach.

A result that is broken closes nothing, whatever it was called: that is what the goals are measured by. Threats that are
open are counted, those that are serious (high or critical) beside them, and the exposure is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue import all_threats

BY_HAND = "by hand"
NO_ROOT = "recommended without root"
# What is asked for, as shares of what is closed by hand; raise what is asserted (`REACHED`) as they come near
GOALS = {"recommended": 0.60, "tighten": 0.90}
# What a mean over at least MEASURED programs must reach today
REACHED = {"recommended": 0.55, "restricted": 0.0, "strict": 0.0, "tighten": 0.85}
MEASURED = 20

_SERIOUS = {each.id for each in all_threats() if each.severity in (Severity.CRITICAL, Severity.HIGH)}
_OUTCOMES = ("open", "unknown")
_CALLED = {0: "works", 1: "holds", 3: "refused", 4: "rolled back"}


@dataclass(frozen=True, slots=True)
class Held:
    """What stands in the way of threats, as the program tells it."""

    exposure: float
    open: frozenset[str]
    unknown: frozenset[str]

    @property
    def serious(self) -> int:
        return len(self.open & _SERIOUS)

    def __str__(self) -> str:
        return f"{len(self.open)} ({self.serious}) {self.exposure:.1f}"


def held(told: dict[str, Any] | None) -> Held | None:
    """`before`, `predicted` or `after` of an answer. None where there was none."""
    if told is None:
        return None
    by = {word: frozenset(n for n, each in told["threats"].items() if each["outcome"] == word) for word in _OUTCOMES}
    return Held(told["exposure"], *by.values())


@dataclass(frozen=True, slots=True)
class Row:
    """One program, hardened in one way on one engine. `broken`: what of its deep check failed, by name, and how.

    `lost`: when its data was not there, or it did not serve, and how. `seconds`: until the command line had answered;
    `again`: it took a second command, since it was refused for what was written outside the volumes.
    """

    program: str
    engine: str
    way: str
    code: int
    before: Held
    after: Held | None
    broken: dict[str, str] = field(default_factory=dict)
    why: str = ""
    lost: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    again: bool = False

    @property
    def called(self) -> str:
        """What the program called it: `works`, `holds` (enforced, nothing showed more), `rolled back`, `refused`."""
        return _CALLED.get(self.code, f"exit {self.code}")

    @property
    def closed(self) -> int:
        """How many threats it closed; none where it does not work."""
        if self.code not in (0, 1) or self.broken or self.lost or self.after is None:
            return 0
        return len(self.before.open - self.after.open - self.after.unknown)


def share(rows: Iterable[Row], way: str) -> tuple[float, int]:
    """The mean share of what is closed by hand that a way closes, and over how many programs and engines."""
    rows = tuple(rows)
    hands = {(row.program, row.engine): row.closed for row in rows if row.way == BY_HAND and row.closed}
    shares = [
        min(row.closed / most, 1.0) for row in rows if row.way == way and (most := hands.get((row.program, row.engine)))
    ]
    return (sum(shares) / len(shares) if shares else 0.0), len(shares)


def lines(rows: list[Row]) -> Iterator[str]:
    """The table: a line a program and engine; then the shares; then what is broken and was called working."""
    ways = [
        way
        for way in ("recommended", NO_ROOT, "restricted", "strict", "tighten", BY_HAND)
        if any(row.way == way for row in rows)
    ]
    head = ["program", "engine", "before", *ways]
    body = [head]
    for program, engine in sorted({(row.program, row.engine) for row in rows}):
        mine = {row.way: row for row in rows if (row.program, row.engine) == (program, engine)}
        body.append([program, engine, str(next(iter(mine.values())).before), *(_cell(mine.get(way)) for way in ways)])
    widths = [max(len(line[place]) for line in body) for place in range(len(head))]
    yield "open threats (serious) exposure"
    for line in body:
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
    for way in ways[:-1] if BY_HAND in ways else ():
        reached, count = share(rows, way)
        goal = f", to reach {GOALS[way]:.0%}" if way in GOALS else ""
        middle = median(row.seconds for row in rows if row.way == way)
        yield f"{way}: {reached:.0%} of what is closed by hand, mean of {count}{goal}; {middle:.0f} s, the median"
    for row in sorted(rows, key=lambda row: (row.program, row.engine, row.way)):
        yield from (
            f"lost, {row.program}, {row.engine}, {row.way}, {when}: {how[:200]}" for when, how in row.lost.items()
        )
        if row.broken:
            yield f"broken, called “{row.called}”: {row.program}, {row.engine}, {row.way}"
            yield from (f"    {name}: {how[:200]}" for name, how in row.broken.items())
        elif row.code not in (0, 1):
            yield f"{row.called}: {row.program}, {row.engine}, {row.way}: {row.why[:200]}"


def _cell(row: Row | None) -> str:
    if row is None:
        return "·"
    if row.after is None or row.code not in (0, 1):
        return row.called
    marks = {"BROKEN": row.broken, "LOST": row.lost, "holds": row.code, "again": row.again}
    return " ".join((str(row.after), *(word for word, so in marks.items() if so)))
