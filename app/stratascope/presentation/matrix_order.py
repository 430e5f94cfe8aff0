"""A matrix for readers: what matters first, and how many threats are open, held once, held more often. Pure."""

from __future__ import annotations

from stratascope.core.message import Message, msg, plural
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Outcome
from stratascope.presentation import threat_outcomes
from stratascope.presentation.threat_outcomes import Kind
from stratascope.presentation.words import exposure_word
from stratascope.value import Value

_OUTCOMES = (Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED)
_COUNTED_AS = {
    Kind.CRITICAL: "serious",
    Kind.HIGH: "serious",
    Kind.MEDIUM: "medium",
    Kind.LOW: "minor",
    Kind.UNKNOWN: "unknown",
    Kind.HOST: "ground",
    Kind.ONCE: "once",
    Kind.DEEPER: "more",
}


class Counts(Value):
    """Threats of one container by what becomes of them; every threat counts once."""

    serious: int  # open, critical or high
    medium: int  # open
    minor: int  # open
    unknown: int
    ground: int  # held by the host's settings alone
    once: int
    more: int

    @property
    def open(self) -> int:
        """All that are open."""
        return self.serious + self.medium + self.minor


def by_outcome(matrix: Matrix) -> tuple[ThreatState, ...]:
    """All threats as reports list them: open before unknown before stopped; the more severe, then the less deep, first.

    The window's order (`threat_outcomes.worst_first`) puts those of the stopped first that the least holds.
    """
    key = threat_outcomes.by_severity
    return tuple(sorted(matrix.threats, key=lambda state: (_OUTCOMES.index(state.outcome), *key(state))))


def counts(matrix: Matrix) -> Counts:
    """How many of each."""
    found = dict.fromkeys(_COUNTED_AS.values(), 0)
    for kind, count in threat_outcomes.kinds(matrix).items():
        found[_COUNTED_AS[kind]] += count
    return Counts(**found)


def counted_as(state: ThreatState) -> str:
    """Which of the fields of `Counts` a threat counts in."""
    return _COUNTED_AS[threat_outcomes.kind_of(state)]


def counts_line(found: Counts) -> Message:
    """The numbers in one sentence."""
    parts: list[Message] = []
    if found.serious:
        parts.append(msg("{count} serious open", count=found.serious))
    if found.medium:
        parts.append(msg("{count} medium open", count=found.medium))
    if found.minor:
        parts.append(msg("{count} minor open", count=found.minor))
    if found.unknown:
        parts.append(msg("{count} not known", count=found.unknown))
    if found.ground:
        parts.append(msg("{count} stopped by the host's settings alone", count=found.ground))
    parts.append(msg("{count} stopped by one layer", count=found.once))
    parts.append(msg("{count} by two or more", count=found.more))
    line = parts[0]
    for part in parts[1:]:
        line = msg("{first}, {rest}", first=line, rest=part)
    total = found.open + found.unknown + found.ground + found.once + found.more
    return plural("Of {count} thing it could try: {line}", "Of {count} things it could try: {line}", total, line=line)


def exposure_line(matrix: Matrix) -> Message:
    """Number, word, and what it would be at best."""
    worst, best = matrix.exposure.worst, matrix.exposure.best
    number = f"{worst:.1f}"
    if best == worst:
        return msg("Exposure {number}, {word}", number=number, word=exposure_word(worst))
    return msg(
        "Exposure {number}, {word} (at best {best})", number=number, word=exposure_word(worst), best=f"{best:.1f}"
    )


def exceeds(containers: tuple[ContainerState, ...], limit: float) -> tuple[ContainerState, ...]:
    """Those whose exposure is above the limit; where nothing is known there is no exposure to compare."""
    return tuple(state for state in containers if state.matrix is not None and state.matrix.exposure.worst > limit)
