"""A matrix for readers: what matters first, and how many threats are open, held once, held more often. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from stratascope.core.depth import Matrix, ThreatState
from stratascope.core.layer import Severity
from stratascope.core.message import Message, msg, plural
from stratascope.core.snapshot import ContainerState
from stratascope.core.threat import Outcome
from stratascope.report.words import exposure_word

_OUTCOMES = (Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED)
_SEVERITIES = tuple(Severity)
SERIOUS = frozenset({Severity.CRITICAL, Severity.HIGH})


@dataclass(frozen=True, slots=True)
class Counts:
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


def worst_first(matrix: Matrix) -> tuple[ThreatState, ...]:
    """Open before unknown before stopped; of these the more severe, then the less deep, first."""
    return tuple(
        sorted(
            matrix.threats,
            key=lambda state: (
                _OUTCOMES.index(state.outcome),
                _SEVERITIES.index(state.threat.severity),
                state.depth,
            ),
        )
    )


def counts(matrix: Matrix) -> Counts:
    """How many of each."""
    found = dict.fromkeys(("serious", "medium", "minor", "unknown", "ground", "once", "more"), 0)
    for state in matrix.threats:
        found[fate(state)] += 1
    return Counts(**found)


def fate(state: ThreatState) -> str:
    """Which of the fields of `Counts` a threat counts in."""
    if state.outcome is Outcome.UNKNOWN:
        return "unknown"
    if state.outcome is Outcome.OPEN:
        severity = state.threat.severity
        return "serious" if severity in SERIOUS else "medium" if severity is Severity.MEDIUM else "minor"
    if state.by_ground:
        return "ground"
    return "once" if state.depth[0] == 1 else "more"


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
        parts.append(msg("{count} held by the host's settings alone", count=found.ground))
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


def rank(state: ContainerState) -> tuple[bool, float, float]:
    """To sort containers by: the most exposed first, of two alike the one that is so for certain; unknown ones last."""
    if state.matrix is None:
        return True, 0.0, 0.0
    return False, -state.matrix.exposure.worst, -state.matrix.exposure.best
