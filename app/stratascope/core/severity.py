"""Severity: one scale for findings and threats. And a dated table of CVEs for which a finding is the precondition.

A CVE of this table is never guessed from a version: the precondition is read or tried, and the table only gives its
number. What only a version tells stands in `core.runtime_flaws`, and is told as such.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.value import Value


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

    @property
    def milder(self) -> Severity:
        """The next lower one; of the lowest itself."""
        return _MILDER[self]


_RANKS = {severity: place for place, severity in enumerate(Severity)}
_MILDER = {each: list(Severity)[min(place + 1, len(Severity) - 1)] for place, each in enumerate(Severity)}
SERIOUS = (Severity.CRITICAL, Severity.HIGH)


class Flaw(Value):
    """A CVE. `known`: the day this was last checked; `finding`: code of the finding, or id of the threat, that shows
    it.
    """

    id: str
    finding: str
    known: str


FLAWS = (
    Flaw("CVE-2026-123876", "seccomp.upper-half", "2026-11-27"),
    Flaw("CVE-2020-15257", "use-engine-socket", "2026-12-01"),
    Flaw("CVE-2026-31431", "crypto-socket", "2026-11-27"),
    Flaw("CVE-2025-4598", "feed-crash-handler", "2026-12-01"),
    Flaw("CVE-2025-5054", "feed-crash-handler", "2026-12-01"),
    Flaw("CVE-2025-31133", "namespaces.false-mask", "2026-11-27"),
    Flaw("CVE-2026-94603", "capabilities.restored", "2026-11-28"),
)


def flaws_of(finding: str) -> tuple[str, ...]:
    """CVE numbers to reference for that finding or threat."""
    return tuple(flaw.id for flaw in FLAWS if flaw.finding == finding)
