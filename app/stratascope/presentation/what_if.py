"""What would reach the kernel if layers failed, and the sentence about it. No Qt.

The matrix without these layers comes from the pure function `depth.without`; results are cached until another container
or a new reading is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratascope.core.message import Message, comma, msg, plural, verbatim
from stratascope.core.severity import Severity
from stratascope.core.threats.depth import Matrix, ThreatState, without
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.threat_outcomes import small, worst_first

NAMED = 4  # threats listed by name; the rest is counted


class WhatIf:
    """One container's matrix, and the ids of layers assumed to fail."""

    def __init__(self) -> None:
        self.matrix: Matrix | None = None
        self.away: frozenset[str] = frozenset()
        self._kept: dict[frozenset[str], Matrix] = {}

    def show(self, matrix: Matrix | None) -> None:
        """Show another reading; layers stay removed."""
        if matrix is not self.matrix:
            self.matrix = matrix
            self._kept = {}

    def toggle(self, layer: str) -> None:
        """Remove that layer, or restore it."""
        self.away ^= {layer}

    def clear(self) -> None:
        """Restore all layers."""
        self.away = frozenset()

    def result(self) -> Matrix | None:
        """The matrix without the removed layers; None if there is no matrix."""
        if self.matrix is None or not self.away:
            return self.matrix
        if self.away not in self._kept:
            self._kept[self.away] = without(self.matrix, self.away)
        return self._kept[self.away]


def fallen(before: Matrix, after: Matrix) -> tuple[ThreatState, ...]:
    """Threats that are open after and were not before, worst first."""
    were = {state.threat.id for state in before.threats if state.outcome is Outcome.OPEN}
    found = [state for state in after.threats if state.outcome is Outcome.OPEN and state.threat.id not in were]
    return tuple(sorted(found, key=worst_first))


def sentence(supposing: WhatIf, titles: Mapping[str, str]) -> str:
    """What would reach the kernel; empty if no layer is removed. `titles`: the layers' titles by id, in order."""
    before, after = supposing.matrix, supposing.result()
    if before is None or after is None or not supposing.away:
        return ""
    names = _listed([title for layer, title in titles.items() if layer in supposing.away])
    new = fallen(before, after)
    if not new:
        return translate(msg("If {layers} failed, nothing more would reach the kernel.", layers=names))
    what = _listed([small(translate(state.threat.title)) for state in new[:NAMED]], len(new) - NAMED)
    critical = sum(state.threat.severity is Severity.CRITICAL for state in new)
    if critical:
        return translate(
            plural(
                "If {layers} failed, {count} more thing would reach the kernel, {critical} of it critical: {what}.",
                "If {layers} failed, {count} more things would reach the kernel, {critical} of them critical: {what}.",
                len(new), layers=names, critical=critical, what=what,
            )
        )  # fmt: skip
    return translate(
        plural(
            "If {layers} failed, {count} more thing would reach the kernel: {what}.",
            "If {layers} failed, {count} more things would reach the kernel: {what}.",
            len(new), layers=names, what=what,
        )
    )  # fmt: skip


def _listed(words: list[str], more: int = 0) -> Message:
    """Words as a list in a sentence."""
    if not words:
        return msg("nothing")
    found = verbatim(words[0])
    for word in words[1:-1] if more <= 0 else words[1:]:
        found = comma(found, word)
    if more > 0:
        return msg("{list} and {count} more", list=found, count=more)
    return msg("{list} and {item}", list=found, item=words[-1]) if len(words) > 1 else found
