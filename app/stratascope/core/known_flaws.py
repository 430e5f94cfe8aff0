"""Flaws with a number of their own that a finding is the precondition of, as they were known on a day.

Data, and never a guess by a version: what makes them possible is read or tried, and this says what it is called.
"""

from __future__ import annotations

from stratascope.value import Value


class Flaw(Value):
    """`known`: the day on which this was last looked up; `finding`: the code of the finding, or the id of the threat,
    that shows it.
    """

    id: str
    finding: str
    known: str


FLAWS = (
    Flaw("CVE-2026-123876", "seccomp.upper-half", "2026-11-27"),
    Flaw("CVE-2026-31431", "crypto-socket", "2026-11-27"),
    Flaw("CVE-2025-31133", "namespaces.false-mask", "2026-11-27"),
    Flaw("CVE-2026-94603", "capabilities.restored", "2026-11-28"),
)


def flaws_of(finding: str) -> tuple[str, ...]:
    """The numbers for the references of that finding or threat."""
    return tuple(flaw.id for flaw in FLAWS if flaw.finding == finding)
