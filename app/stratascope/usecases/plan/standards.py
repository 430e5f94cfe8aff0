"""What it takes to match a published standard, in addition to the plan.

A finding says which rules of a standard it offends (`Finding.refs`). For each that the plan leaves, the choice with the
least effect that resolves it is added. What is in use is not taken away for it, nobody is cut off, and none is made
another user by guess: such rules are reported as not met, and a person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from stratascope.core.layer import Finding
from stratascope.core.relaunch.hardening_plan import HardeningPlan
from stratascope.core.relaunch.toggle import Choice, Preset, Subject
from stratascope.usecases.plan.pieces import merged
from stratascope.value import Value

_RULES = {
    Preset.PSS_BASELINE: ("PSS:baseline",),
    Preset.PSS_RESTRICTED: ("PSS:baseline", "PSS:restricted"),  # restricted includes all of baseline
    Preset.CIS: ("CIS-Docker-1.6.0:5.",),
}
STANDARDS = tuple(_RULES)
Mends = Callable[[Sequence[Choice], Finding], bool]  # whether a finding would be gone with these choices


class Standard(Value):
    """What matches it here. `adds`: choices beside the plan; `unmet`: what offends it all the same."""

    preset: Preset
    choices: tuple[Choice, ...]
    adds: tuple[Choice, ...] = ()
    unmet: tuple[Finding, ...] = ()


def standard(
    preset: Preset,
    plan: HardeningPlan,
    findings: Iterable[Finding],
    pieces: Sequence[Choice],
    subject: Subject,
    mends: Mends,
) -> Standard:
    """`findings`: all of the container as it is; `pieces`: all that could be chosen, each for itself."""
    adds, unmet = list[Choice](), list[Finding]()
    for finding in sorted(offending(preset, findings), key=lambda each: each.severity.rank):
        chosen = merged((*plan.choices, *adds))
        if mends(chosen, finding):
            continue
        candidates = _candidates(plan, pieces, subject, finding)
        found = next((each for each in candidates if mends(merged((*chosen, *each)), finding)), None)
        if found is None:
            unmet.append(finding)
        else:
            adds += found
    return Standard(preset, merged((*plan.choices, *adds)), tuple(adds), tuple(unmet))


def offending(preset: Preset, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Those that name a rule of it."""
    rules = _RULES[preset]
    return (each for each in findings if any(ref.startswith(rules) for ref in each.refs))


def _candidates(
    plan: HardeningPlan, pieces: Sequence[Choice], subject: Subject, finding: Finding
) -> list[tuple[Choice, ...]]:
    """Least effect first; rows of the plan that are off before what is none of its rows."""
    rows = [row.choices for row in plan.changes if not row.on]
    known = {choice for row in rows for choice in row}
    found = [*rows, *((each,) for each in pieces if each not in known)]
    free = [each for each in found if not _kept(each[0], finding, subject)]
    return sorted(free, key=lambda each: each[0].cure(subject))


def _kept(choice: Choice, finding: Finding, subject: Subject) -> bool:
    which = choice.toggle
    if which.layer != finding.layer and not which.leaves_privileged:
        return True  # it changes nothing of that layer
    return which.reaches or which.changes_users or choice.gives or choice.evidence(subject).used
