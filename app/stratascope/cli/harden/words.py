"""What `harden` prints for people before it begins: the choices with their risks."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.usecases.plan.plan import Plan
from stratascope.value import replace


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
    return lines or [translate(msg("No options change."))]
