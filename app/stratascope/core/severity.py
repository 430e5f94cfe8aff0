"""Severity: one scale for findings and threats."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return _RANKS[self]


_RANKS = {severity: place for place, severity in enumerate(Severity)}
SERIOUS = (Severity.CRITICAL, Severity.HIGH)
