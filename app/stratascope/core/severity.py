"""How much a finding or a threat matters: one scale for both."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How much it matters, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """Its place in that order: what is worse has less."""
        return _RANKS[self]


_RANKS = {severity: place for place, severity in enumerate(Severity)}
SERIOUS = (Severity.CRITICAL, Severity.HIGH)
