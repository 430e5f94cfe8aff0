"""What would allow a refused attempt, at the least price: of all toggles that could, the one that opens least.

Whether a toggle can is the toggle's own knowledge (`Toggle.allows`); what it would open is the same prediction that the
right column shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.core.denials.denial import Claim, Remedy
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.relaunch.want import Want
from stratascope.core.threats.threat import Outcome
from stratascope.layers.toggles import all_toggles, value_text
from stratascope.usecases.plan.offers import Preview

Foretell = Callable[[Sequence[Choice]], Preview]  # raises ToggleError


def remedies(claim: Claim, subject: Subject, preview: Foretell) -> tuple[Remedy, ...]:
    """Those of the wants that something of ours can give, what opens least first."""
    found = [_remedy(choice, preview) for want in claim.wants for choice in _choices(want, subject)]
    return tuple(sorted(found, key=lambda each: (each.opened is None, len(each.opened or ()))))


def _choices(want: Want, subject: Subject) -> list[Choice]:
    found = []
    for each in all_toggles():
        value = each.allows(want, subject)
        if value is not None:
            try:
                found.append(Choice(each.id, each.check(value, subject)))
            except ToggleError:
                continue  # this engine can't
    return found


def _remedy(choice: Choice, preview: Foretell) -> Remedy:
    text = msg("{name}={value}", name=choice.toggle, value=value_text(choice))
    return Remedy(text, choice, _opened((choice,), preview))


def _opened(chosen: Sequence[Choice], preview: Foretell) -> tuple[str, ...] | None:
    try:
        found = preview(chosen)
    except ToggleError:
        return None
    pairs = zip(found.before.threats, found.after.threats, strict=True)
    return tuple(new.threat.id for old, new in pairs if new.outcome is Outcome.OPEN and old.outcome is not Outcome.OPEN)
