"""A preset's choices for one container: those of its toggles, and those that close its critical threats.

Every preset takes back grants that open a critical threat, unless something shows that they are in use: those stay, and
are reported. Starting as another user is left to a person, or to presets that know which user.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratascope.core.container import Asked
from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Choice, Preset, Subject, ToggleError
from stratascope.layers.toggles import all_toggles, choices, fold, toggle
from stratascope.usecases.plan.closing import Closing, joined
from stratascope.value import Value, replace


class InUse(Value):
    """Something that would close a critical threat but is left as it is, and the evidence that it is used."""

    choice: Choice
    why: Message


def unused(closing: Closing, subject: Subject) -> tuple[tuple[Choice, ...], tuple[InUse, ...]]:
    """Splits what closes the critical threats: without evidence of use; and the rest."""
    taken, kept = list[Choice](), list[InUse]()
    for piece in _pieces(closing.choices):
        which = toggle(piece.toggle)
        if which.changes_users:
            continue
        why = which.used(piece.value, subject)
        if why is None:
            taken.append(piece)
        else:
            kept.append(InUse(piece, why))
    if subject.container.asked.privileged and not any(toggle(each.toggle).leaves_privileged for each in taken):
        taken = [each for each in taken if not toggle(each.toggle).overridden]
    return joined(taken), tuple(kept)


def preset_choices(preset: Preset, subject: Subject, first: Sequence[Choice]) -> tuple[Choice, ...]:
    """The choices of a preset in `GRADES`, in addition to those that close the critical threats (`first`)."""
    asked = fold(subject.container.asked, first, subject)
    of_toggles = choices(preset, replace(subject, container=replace(subject.container, asked=asked)))
    found = {each.toggle: each for each in (*first, *of_toggles)}
    for each in first:  # a list of what stays already says what goes
        others = [other for other in found.values() if other is not each]
        if found[each.toggle] is each and _same(others, found.values(), subject):
            del found[each.toggle]
    return tuple(found[each.id] for each in all_toggles() if each.id in found)


def _same(one: Iterable[Choice], two: Iterable[Choice], subject: Subject) -> bool:
    """Whether they lead to the same options, leaving aside values derived from what is known of the container."""
    asked, folded = subject.container.asked, list[Asked]()
    for some in (one, two):
        try:
            folded.append(fold(asked, [each for each in some if not toggle(each.toggle).made(each.value)], subject))
        except ToggleError:
            return False  # the others need it: it leaves privileged mode
    return folded[0] == folded[1]


def _pieces(found: Iterable[Choice]) -> Iterable[Choice]:
    for each in found:
        single = toggle(each.toggle).single is not None
        yield from (Choice(each.toggle, value) for value in each.value.split(",")) if single else (each,)
