"""What a sandbox's maker was told to hide and is within its reach, as findings beside those of its layers."""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.layer import Finding
from stratascope.core.message import NOTHING, msg
from stratascope.core.reach.row import Reached
from stratascope.core.snapshot import ContainerState
from stratascope.value import replace

_LISTED = 300  # characters of a path


def with_drift(state: ContainerState, found: Reached) -> ContainerState:
    """The same, with a finding for each such row."""
    findings = sorted((*state.findings, *_findings(found)), key=lambda each: each.severity.rank)
    return replace(state, findings=tuple(findings))


def _findings(found: Reached) -> Iterable[Finding]:
    for row in found.open:
        if row.to_hide:
            text = msg(
                "It was to be hidden, and is within reach: {thing} ({path})",
                thing=row.thing.name,
                path=row.where[:_LISTED],
            )
            advice = NOTHING if row.remedy is None else row.remedy.text
            yield Finding(
                f"namespaces.not-hidden.{row.thing.id}", "namespaces", row.thing.severity, text, advice, row.source
            )
