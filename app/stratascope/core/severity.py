"""How much a finding or a threat matters: one scale for both."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How much it matters, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
