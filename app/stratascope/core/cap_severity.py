"""Cap a finding's severity by its threats: critical words need a critical threat that is not stopped. Pure.

A layer sees only its own facts. What it finds may be stopped by another layer, or by the ground: a socket whose
permissions let nobody in, a capability for a feature that this kernel lacks.
"""

from __future__ import annotations

from stratascope.core.layer import Finding
from stratascope.core.severity import Severity
from stratascope.core.threats.states import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.value import replace


def cap_severity(finding: Finding, matrix: Matrix | None) -> Finding:
    """The finding, no more severe than the threats behind it."""
    if not finding.behind or matrix is None:
        return finding
    states = [state for name in finding.behind if (state := matrix.of(name)) is not None]
    worst = [state.threat.severity for state in states if state.outcome is not Outcome.STOPPED]
    if not worst:
        return replace(finding, severity=Severity.LOW, text=finding.milder or finding.text)
    most = min(worst, key=lambda each: each.rank)
    return finding if finding.severity.rank >= most.rank else replace(finding, severity=most)
