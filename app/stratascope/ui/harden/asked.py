"""What containers were refused, as switches of the right column: each would give one thing, and hardens nothing."""

from __future__ import annotations

from collections.abc import Mapping

from stratascope.core.relaunch.toggle import Choice, Unit
from stratascope.layers.toggles import toggle
from stratascope.ui.harden.choices import REMEMBERED, ContainerChoices
from stratascope.usecases.plan.offers import Asking, Offer, Option
from stratascope.value import replace

RemedyChoice = tuple[Choice, Asking]
Key = tuple[str, str]


def key_of(choice: Choice) -> str:
    """Of the switch that stands for it."""
    return f"{choice.toggle}={choice.value}"


class RemedyMemory:
    """The last so many containers' refusals, each by what would allow it."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[RemedyChoice, ...]] = {}

    def put(self, key: Key, asked: tuple[RemedyChoice, ...], chosen: ContainerChoices) -> bool:
        """What is asked for by now; what is switched on stays. Whether anything is worth telling."""
        before, there = self._kept.get(key, ()), {key_of(choice) for choice, _ in asked}
        on = (each for each in before if key_of(each[0]) in chosen.on)
        asked += tuple(each for each in on if key_of(each[0]) not in there)
        if asked == before:
            return False
        if key not in self._kept and len(self._kept) >= REMEMBERED:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = asked
        return True

    def with_asked(self, offer: Offer, key: Key) -> Offer:
        """The offer, and below it what that container asks for."""
        return replace(offer, options=(*offer.options, *(_option(*each) for each in self._kept.get(key, ()))))


def make_room(chosen: ContainerChoices, name: str, options: Mapping[str, Option]) -> None:
    """What hardens and what gives are not set by one toggle together; of what gives, lists only are joined."""
    one = options[name]
    for other in options.values():
        if other.key == name or other.toggle.id != one.toggle.id or other.key not in chosen.on:
            continue
        giving = (one.asking is not None) + (other.asking is not None)
        if giving == 1 or (giving == 2 and one.toggle.unit not in (Unit.CAPABILITIES, Unit.PATHS)):
            chosen.switch(other.key, None)


def _option(choice: Choice, asking: Asking) -> Option:
    return Option(toggle(choice.toggle), choice.value, False, None, 0, (), (), piece=True, asking=asking)
