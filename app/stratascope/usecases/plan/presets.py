"""What a preset chooses for one container: what its toggles say, and what closes the container's critical threats.

What a container was granted that opens a critical threat is taken back by every preset, unless something says that it
is in use: then it stays, and that is said. Whether it starts as another user is for a person to decide, or for presets
that know as whom.
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
    """What would close something critical and is left as it is, and what says that it is used."""

    choice: Choice
    why: Message


def unused(closing: Closing, subject: Subject) -> tuple[tuple[Choice, ...], tuple[InUse, ...]]:
    """Of what closes the critical threats what nothing says is in use; and the rest."""
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
    """Of a preset of `GRADES`, beside what closes the critical threats (`first`)."""
    asked = fold(subject.container.asked, first, subject)
    beside = choices(preset, replace(subject, container=replace(subject.container, asked=asked)))
    found = {each.toggle: each for each in (*first, *beside)}
    for each in first:  # a list of what stays has said already what goes
        others = [other for other in found.values() if other is not each]
        if found[each.toggle] is each and _same(others, found.values(), subject):
            del found[each.toggle]
    return tuple(found[each.id] for each in all_toggles() if each.id in found)


def _same(one: Iterable[Choice], two: Iterable[Choice], subject: Subject) -> bool:
    """Whether they come to the same options, but for what is made of what is known of the container."""
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
