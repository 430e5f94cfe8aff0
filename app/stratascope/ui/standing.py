"""Where a threat stands, in a word and in an order: open first, then not known, then the fewer layers the sooner.

Pure, no Qt. Matrix, fleet and exports share it, so that a threat is called the same everywhere.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.depth import Matrix, ThreatState
from stratascope.core.layer import Severity
from stratascope.core.message import Message, msg
from stratascope.core.threat import Family, Outcome, Stance
from stratascope.i18n import translate
from stratascope.report.words import FAMILIES, STANCES


class Standing(StrEnum):
    """What stands in a threat's way, worst first."""

    OPEN = "open"
    UNKNOWN = "unknown"
    HOST = "host"  # the host's settings alone
    ONCE = "once"
    DEEPER = "deeper"


_SEVERITIES, _FAMILIES, _STANDINGS = list(Severity), list(Family), list(Standing)


def standing(state: ThreatState) -> Standing:
    """Where this threat stands."""
    if state.outcome is Outcome.OPEN:
        return Standing.OPEN
    if state.outcome is Outcome.UNKNOWN:
        return Standing.UNKNOWN
    if state.by_ground:
        return Standing.HOST
    return Standing.ONCE if state.depth[0] == 1 else Standing.DEEPER


def standing_word(where: Standing) -> str:
    """It in a word or two."""
    words: dict[Standing, Message] = {
        Standing.OPEN: msg("Open"),
        Standing.UNKNOWN: msg("Not known"),
        Standing.HOST: msg("By the host only"),
        Standing.ONCE: msg("Stopped once"),
        Standing.DEEPER: msg("Stopped twice or more"),
    }
    return translate(words[where])


def outcome_word(where: Standing) -> str:
    """It where the depth stands beside it."""
    return translate(msg("Stopped")) if where is Standing.DEEPER else standing_word(where)


def stance_word(stance: Stance) -> str:
    """What one layer says, in a word or two."""
    return translate(STANCES[stance])


def family_word(family: Family) -> str:
    """A family in a word, as on the strata."""
    return translate(FAMILIES[family])


def depth_text(state: ThreatState) -> str:
    """How many layers stop it: `0`, `2`, or `1–3` where some are not known."""
    least, most = state.depth
    return str(least) if least == most else f"{least}–{most}"


def worst_first(state: ThreatState) -> tuple[int, int, int, int, int]:
    """Sort key: where it stands, then severity, then how deep, then the family."""
    return (
        _STANDINGS.index(standing(state)),
        _SEVERITIES.index(state.threat.severity),
        *state.depth,
        _FAMILIES.index(state.threat.family),
    )


def by_severity(state: ThreatState) -> tuple[int, ...]:
    """Sort key: severity first."""
    return (_SEVERITIES.index(state.threat.severity), *worst_first(state))


def by_family(state: ThreatState) -> tuple[int, ...]:
    """Sort key: families together."""
    return (_FAMILIES.index(state.threat.family), *worst_first(state))


def by_depth(state: ThreatState) -> tuple[int, ...]:
    """Sort key: the fewest layers first."""
    return (*state.depth, *worst_first(state))


def counts(matrix: Matrix) -> dict[Standing, int]:
    """How many threats stand where; every standing is there."""
    found = dict.fromkeys(Standing, 0)
    for state in matrix.threats:
        found[standing(state)] += 1
    return found
