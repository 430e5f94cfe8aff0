"""What `harden` and `undo` print for people beside the steps: the choices with their risks, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.relaunch.transaction import Ended, Ending, Kind
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.usecases.plan.plan import Plan


def chosen_lines(made: Plan) -> Sequence[str]:
    """Each choice as it could be typed, and below it what it could break in this container."""
    # what a program can lose is another matter where it is started as another user by the same choices
    asked = made.subject.container.asked
    other_user = replace(asked, user=made.wanted.user)
    started = replace(made.subject, container=replace(made.subject.container, asked=other_user))
    lines = []
    for choice in made.choices:
        which = toggle(choice.toggle)
        lines.append(f"{which.id}={which.typed(choice.value)}")
        risks = which.risks(choice.value, made.subject if which.changes_users else started)
        lines += [f"  ? {translate(risk)}" for risk in risks]
    return lines or [translate(msg("No option changes."))]


def proven_word(outcome: Proven) -> Message:
    """What /proc said to a choice, in a word or two."""
    words = {
        Proven.ENFORCED: msg("enforced"),
        Proven.NOT_ENFORCED: msg("not-enforced"),
        Proven.UNKNOWN: msg("unknown"),
    }
    return words[outcome]


def ending(event: Ended) -> str:
    """How it ended, and what can be done now."""
    return translate(_ending(event))


def _ending(event: Ended) -> Message:
    made = event.transaction
    match event.ending:
        case Ending.VERIFIED if made is not None and made.owner is not None:  # it sets nothing aside
            if made.kind is Kind.UNDO:
                return msg("{name} is as it was before: its owner created it again.", name=made.name)
            return msg("Verified. Its owner created {name} again: undo takes the change back, discard accepts it.",
                       name=made.name)  # fmt: skip
        case Ending.VERIFIED if made is not None and made.kind is Kind.UNDO:
            return msg("The original of {name} runs again. The replacement is kept as {aside} until it is discarded.",
                       name=made.name, aside=made.old_aside)  # fmt: skip
        case Ending.VERIFIED if made is not None:
            return msg("Verified. The original of {name} is kept as {aside}: undo brings it back, discard removes it.",
                       name=made.name, aside=made.old_aside)  # fmt: skip
        case Ending.KEPT:
            return msg("Kept, though not verified.")
        case Ending.LIMITED:
            return msg("The limits are changed, without a relaunch.")
        case Ending.ROLLED_BACK:
            return msg("Rolled back.")
        case Ending.UNFINISHED:
            return msg("Broken off: not hardened, and not brought back yet.")
        case Ending.REFUSED:
            return msg("Refused. Nothing was changed.")
    return msg("Verified.")
