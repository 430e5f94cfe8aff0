"""The outcomes of threats as words, sort orders and counts; and the exposure in a line.

Pure, no Qt. Shared by window and reports, so that a threat is named and counted the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import reduce

from stratascope.core.message import Message, comma, msg, plural
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Family, Outcome, Ruling
from stratascope.i18n.translate import translate
from stratascope.presentation.terms import FAMILIES, OUTCOMES, exposure_word, stance_words


class ThreatOutcome(StrEnum):
    """The outcome of a threat, by severity if open; worst first."""

    CRITICAL = "open, critical"
    HIGH = "open, high"
    MEDIUM = "open, medium"
    LOW = "open, minor"
    UNKNOWN = "not known"
    HOST = "held by the host's settings"
    ONCE = "stopped once"
    DEEPER = "stopped more often"


SERIOUS = (ThreatOutcome.CRITICAL, ThreatOutcome.HIGH)
OPEN = (*SERIOUS, ThreatOutcome.MEDIUM, ThreatOutcome.LOW)


class Protection(StrEnum):
    """What stops a threat, whatever its severity; worst first."""

    OPEN = "open"
    UNKNOWN = "unknown"
    HOST = "host"  # the host's settings alone
    ONCE = "once"
    DEEPER = "deeper"


_FAMILIES, _PROTECTIONS = list(Family), list(Protection)
_OPEN = {
    Severity.CRITICAL: ThreatOutcome.CRITICAL,
    Severity.HIGH: ThreatOutcome.HIGH,
    Severity.MEDIUM: ThreatOutcome.MEDIUM,
    Severity.LOW: ThreatOutcome.LOW,
}
_PROTECTION = {
    **dict.fromkeys(OPEN, Protection.OPEN),
    ThreatOutcome.UNKNOWN: Protection.UNKNOWN,
    ThreatOutcome.HOST: Protection.HOST,
    ThreatOutcome.ONCE: Protection.ONCE,
    ThreatOutcome.DEEPER: Protection.DEEPER,
}
_WORDS = {
    Protection.OPEN: OUTCOMES[Outcome.OPEN],
    Protection.UNKNOWN: OUTCOMES[Outcome.UNKNOWN],
    Protection.HOST: msg("By the host only"),
    Protection.ONCE: msg("Stopped by one layer"),
    Protection.DEEPER: msg("Stopped by two or more layers"),
}


def kind_of(state: ThreatState) -> ThreatOutcome:
    """The outcome of this threat."""
    if state.outcome is Outcome.OPEN:
        return _OPEN[state.threat.severity]
    if state.outcome is Outcome.UNKNOWN:
        return ThreatOutcome.UNKNOWN
    if state.by_ground:
        return ThreatOutcome.HOST
    return ThreatOutcome.ONCE if state.depth[0] <= 1 else ThreatOutcome.DEEPER


def protection(state: ThreatState) -> Protection:
    """What stops this threat."""
    return _PROTECTION[kind_of(state)]


def kinds(matrix: Matrix) -> dict[ThreatOutcome, int]:
    """The number of threats by outcome, including zeros."""
    found = dict.fromkeys(ThreatOutcome, 0)
    for state in matrix.threats:
        found[kind_of(state)] += 1
    return found


def protections(matrix: Matrix) -> dict[Protection, int]:
    """The number of threats by protection, including zeros."""
    found = dict.fromkeys(Protection, 0)
    for kind, count in kinds(matrix).items():
        found[_PROTECTION[kind]] += count
    return found


def protection_word(where: Protection) -> str:
    """A protection in a word or two."""
    return translate(_WORDS[where])


def outcome_word(where: Protection) -> str:
    """A protection in short form, shown next to the depth."""
    return translate(OUTCOMES[Outcome.STOPPED]) if where is Protection.DEEPER else protection_word(where)


def stance_word(ruling: Ruling | None) -> str:
    """A layer's ruling in a word or two."""
    return translate(stance_words(ruling))


def family_word(family: Family) -> str:
    """A family in a word, as in the strata drawing."""
    return translate(FAMILIES[family])


def small(title: str) -> str:
    """A title inside a sentence: "Use the engine's socket" is "use the engine's socket", but BPF and AppArmor stay."""
    rest = title.partition(" ")[0][1:]
    return title[0].lower() + title[1:] if rest.islower() or title[1:2] == " " else title


def depth_text(state: ThreatState) -> str:
    """How many layers stop it: `0`, `2`, or `1–3` if some are not known."""
    least, most = state.depth
    return str(least) if least == most else f"{least}–{most}"


def worst_first(state: ThreatState) -> tuple[int, int, int, int, int]:
    """Sort key: what stops it, then severity, then how deep, then the family."""
    return (
        _PROTECTIONS.index(protection(state)),
        state.threat.severity.rank,
        *state.depth,
        _FAMILIES.index(state.threat.family),
    )


def by_severity(state: ThreatState) -> tuple[int, ...]:
    """Sort key: severity first."""
    return (state.threat.severity.rank, *worst_first(state))


def by_family(state: ThreatState) -> tuple[int, ...]:
    """Sort key: families together."""
    return (_FAMILIES.index(state.threat.family), *worst_first(state))


def by_depth(state: ThreatState) -> tuple[int, ...]:
    """Sort key: the fewest layers first."""
    return (*state.depth, *worst_first(state))


_OUTCOMES = (Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED)
_COUNTED_AS = {
    ThreatOutcome.CRITICAL: "serious",
    ThreatOutcome.HIGH: "serious",
    ThreatOutcome.MEDIUM: "medium",
    ThreatOutcome.LOW: "minor",
    ThreatOutcome.UNKNOWN: "unknown",
    ThreatOutcome.HOST: "ground",
    ThreatOutcome.ONCE: "once",
    ThreatOutcome.DEEPER: "more",
}


def by_outcome(matrix: Matrix) -> tuple[ThreatState, ...]:
    """All threats in the reports' order: open, unknown, stopped; within each by severity, then by increasing depth.

    The window's order (`worst_first`) sorts stopped threats by how little stops them.
    """
    return tuple(sorted(matrix.threats, key=lambda state: (_OUTCOMES.index(state.outcome), *by_severity(state))))


def counted_as(state: ThreatState) -> str:
    """The name under which a threat is counted; also its CSS class in the page."""
    return _COUNTED_AS[kind_of(state)]


def counts_line(found: Mapping[ThreatOutcome, int]) -> Message:
    """The numbers of `kinds` in one sentence; zeros are left out, except for stopped ones."""
    parts = (
        (
            found[ThreatOutcome.CRITICAL] + found[ThreatOutcome.HIGH],
            msg("{count} serious open", count=found[ThreatOutcome.CRITICAL] + found[ThreatOutcome.HIGH]),
        ),
        (found[ThreatOutcome.MEDIUM], msg("{count} medium open", count=found[ThreatOutcome.MEDIUM])),
        (found[ThreatOutcome.LOW], msg("{count} minor open", count=found[ThreatOutcome.LOW])),
        (found[ThreatOutcome.UNKNOWN], msg("{count} not known", count=found[ThreatOutcome.UNKNOWN])),
        (
            found[ThreatOutcome.HOST],
            msg("{count} stopped by the host's settings alone", count=found[ThreatOutcome.HOST]),
        ),
    )
    texts = [text for count, text in parts if count]
    texts.append(msg("{count} stopped by one layer", count=found[ThreatOutcome.ONCE]))
    texts.append(msg("{count} by two or more", count=found[ThreatOutcome.DEEPER]))
    line = reduce(comma, texts)
    total = sum(found.values())
    return plural("Of {count} thing it could try: {line}", "Of {count} things it could try: {line}", total, line=line)


def exposure_line(matrix: Matrix) -> Message:
    """The exposure as number and word, with the best case if it differs."""
    worst, best = matrix.exposure.worst, best_number(matrix)
    number = f"{worst:.1f}"
    if not best:
        return msg("Exposure {number}, {word}", number=number, word=exposure_word(worst))
    return msg("Exposure {number}, {word} (at best {best})", number=number, word=exposure_word(worst), best=best)


def best_number(matrix: Matrix) -> str:
    """The exposure in the best case, where that shows as another number; else empty."""
    best, worst = (f"{each:.1f}" for each in (matrix.exposure.best, matrix.exposure.worst))
    return "" if best == worst else best


def not_known(matrix: Matrix) -> Message | None:
    """How many threats could not be judged; None: all were."""
    count = sum(each.outcome is Outcome.UNKNOWN for each in matrix.threats)
    text = plural("{count} of {all} threats is not known.", "{count} of {all} threats are not known.", count,
                  all=len(matrix.threats))  # fmt: skip
    return text if count else None


def open_questions(matrix: Matrix, worst: ThreatState | None) -> tuple[ThreatState, ...]:
    """The serious threats of which nobody knows whether they are open, more serious than the worst that is."""
    known = len(Severity) if worst is None else worst.threat.severity.rank
    least = min(known, Severity.MEDIUM.rank)
    found = (each for each in matrix.threats if each.outcome is Outcome.UNKNOWN and each.threat.severity.rank < least)
    return tuple(sorted(found, key=lambda each: each.threat.severity.rank))


def exceeds(containers: tuple[ContainerState, ...], limit: float) -> tuple[ContainerState, ...]:
    """Containers whose exposure is above the limit; those with unknown exposure are left out."""
    return tuple(state for state in containers if state.matrix is not None and state.matrix.exposure.worst > limit)
