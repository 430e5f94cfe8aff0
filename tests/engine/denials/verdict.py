"""What was told of cases, held against what refuses them by construction; and the table of it.

A layer that is told as certain and is another one is *wrong*. One that is told by exclusion is never wrong, and right
only where it is the one. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.denials.case import Case
from engine.denials.staged import Told


@dataclass(frozen=True)
class Verdict:
    """One case on one engine."""

    engine: str
    case: Case
    told: Told

    @property
    def layer(self) -> str:
        """Who refused it, by our program; empty where it said nothing of it."""
        return str(self.told.lines[-1]["layer"]) if self.told.lines else ""

    @property
    def certain(self) -> bool:
        return bool(self.told.lines and self.told.lines[-1]["certain"])

    @property
    def right(self) -> bool:
        return self.layer in self.case.layers

    @property
    def wrong(self) -> bool:
        return self.certain and not self.right

    @property
    def folded(self) -> bool:
        """Whether it is hidden as what healthy programs are refused."""
        return bool(self.told.lines and self.told.lines[-1]["benign"])

    @property
    def word(self) -> str:
        if not self.layer:
            return "NOTHING"
        if self.wrong:
            return "WRONG"
        return ("right" if self.certain else "by exclusion") if self.right else "BY EXCLUSION, ANOTHER"

    def row(self) -> str:
        """For the table."""
        helped = {None: "", True: "helps", False: "DOES NOT HELP"}[self.told.helped]
        late = "" if self.told.seconds is None else f"{self.told.seconds:.2f} s"
        offered = self.told.remedy or ("" if not self.case.remedied else "NO REMEDY")
        return (
            f"{self.engine:9} {self.case.id:28} {'/'.join(self.case.layers):24} {self.layer or '-':13} {self.word:21} "
            f"{offered[:44]:44} {helped:13} {late:7} {self.told.words[:160]!r}".rstrip(" '")
        )


@dataclass(frozen=True)
class Sum:
    """What the goals are measured by."""

    right: float
    wrong: int
    remedied: float  # of those that one of our toggles ought to allow
    harmful: int  # remedies that were offered and did not help
    slowest: float


def summed(verdicts: Iterable[Verdict]) -> Sum:
    """Of all; the remedies of those that were tried."""
    found = tuple(verdicts)
    wanted = [each for each in found if each.case.remedied]
    return Sum(
        sum(each.right for each in found) / max(1, len(found)),
        sum(each.wrong for each in found),
        sum(each.told.helped is True for each in wanted) / max(1, len(wanted)),
        sum(each.told.helped is False for each in found),
        max((each.told.seconds or 0.0 for each in found), default=0.0),
    )


def table(verdicts: Iterable[Verdict]) -> str:
    """A line each, and one with the sums."""
    found = tuple(verdicts)
    total = summed(found)
    return "\n".join((
        *(each.row() for each in found),
        f"{len(found)} cases: the layer right {total.right:.0%}, wrong {total.wrong}, the remedy right "
        f"{total.remedied:.0%}, of no help {total.harmful}, the slowest {total.slowest:.2f} s",
    ))  # fmt: skip
