"""Which toggle is to blame for a replacement that failed: pure, from its log, its end, and what was chosen.

An explanation that may be wrong is worth having where it says how sure it is: the strongest symptom wins, a toggle that
was the only one chosen needs none, and where nothing fits that is said: then it is searched for on twins
(`usecases.trial.loosen`). What the words mean all the same is told beside it, by the knowledge of why containers end.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Asked
from stratascope.core.denials.ended.why import meaning
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice, Failure, Subject, Suspicion
from stratascope.layers.toggles import toggle
from stratascope.value import replace

_NEAR = 15  # as strong as the strongest, for all that can be told


def blame(chosen: Sequence[Choice], failure: Failure, subject: Subject) -> tuple[Message, tuple[str, ...]]:
    """Our best explanation, and the toggles that it points to, likeliest first."""
    if not chosen:
        return _with_meaning(msg("No option was changed, so no toggle is the cause."), failure, subject), ()
    found: list[tuple[Suspicion, str]] = []
    for choice in chosen:
        suspicion = toggle(choice.toggle).symptoms(failure, choice.value, subject)
        if suspicion is not None:
            found.append((suspicion, choice.toggle))
    found.sort(key=lambda item: -item[0].weight)
    if len(chosen) == 1:
        only = toggle(chosen[0].toggle)
        if found:
            return msg("{toggle} is the cause. {why}", toggle=only.id, why=found[0][0].text), (only.id,)
        text = msg("{toggle} was the only change, so it is the cause.", toggle=only.id)
        return _with_meaning(text, failure, subject), (only.id,)
    if not found:
        text = msg("None of its output points to one of the {count} toggles.", count=len(chosen))
        return _with_meaning(text, failure, subject), ()
    best = found[0][0]
    near = tuple(name for suspicion, name in found if suspicion.weight > best.weight - _NEAR)
    text = msg("{toggle} is probably the cause. {why}", toggle=near[0], why=best.text)
    if len(near) > 1:
        others = ", ".join(near[1:])
        text = msg("{toggle} is probably the cause, or {others}. {why}", toggle=near[0], others=others, why=best.text)
    return text, near


def still_lacking(wanted: Asked, failure: Failure, subject: Subject) -> Message:
    """Of one that had ended before, and ended again with these options."""
    text = msg("It ended again: it lacks something else.")
    return _with_meaning(text, failure, replace(subject, container=replace(subject.container, asked=wanted)))


def _with_meaning(text: Message, failure: Failure, subject: Subject) -> Message:
    known = meaning(failure, subject.container.asked)
    return text if known is None else msg("{text} {why}", text=text, why=known.claim.what)


def leave_out(failed: Sequence[Choice]) -> tuple[Message, tuple[str, ...]]:
    """The same for toggles that /proc does not confirm."""
    names = tuple(choice.toggle for choice in failed)
    text = msg("Leave out what does not take effect here: {toggles}.", toggles=", ".join(names))
    return text, names
