"""What is switched on for each container, as the person left it. No Qt."""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.relaunch.transaction import Remedy
from stratascope.layers.toggles import toggle
from stratascope.usecases.plan.offers import Offer, Option
from stratascope.value import Struct, field, replace

REMEMBERED = 200  # containers


class ContainerChoices(Struct):
    """For one container. `values`: set by hand, also of what is off now. `offered`: all that is on is what was offered
    first, and nobody asked for it.
    """

    preset: Preset | None = Preset.RECOMMENDED
    on: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    remedies: frozenset[Remedy] = frozenset()
    begun: bool = False
    offered: bool = False

    def drop_offered(self) -> None:
        """What nobody asked for: who gives back what was refused wants just that."""
        if self.offered:
            self.on = {}

    def take(self, preset: Preset, offer: Offer) -> None:
        """All that the preset chooses, and nothing else."""
        self.preset, self.begun, self.offered = preset, True, False
        chosen = {choice.toggle: choice.value for choice in offer.of(preset)}
        self.on = {option.key: value for option in offer.options if (value := _value(option, chosen)) is not None}

    def put(self, choices: Iterable[Choice]) -> None:
        """Just these, as the person's own choice."""
        self.preset, self.begun, self.offered, self.on = None, True, False, {}
        for choice in choices:
            if toggle(choice.toggle).single is None:
                self.on[choice.toggle] = self.values[choice.toggle] = choice.value
            else:
                self.on.update((f"{choice.toggle}={piece}", piece) for piece in choice.value.split(","))

    def switch(self, name: str, value: str | None) -> None:
        """One toggle on with that value, or off (None): from now on it is the person's own choice."""
        self.preset, self.offered = None, False
        if value is None:
            self.on.pop(name, None)
        else:
            self.on[name] = value

    def leave_out(self, which: str) -> None:
        """Off with all that is on of one toggle."""
        for name in [name for name in self.on if name.partition("=")[0] == which]:
            self.switch(name, None)

    def copy(self) -> ContainerChoices:
        """The same, to be gone back to."""
        return replace(self, on=dict(self.on), values=dict(self.values))

    def choices(self, options: Iterable[Option]) -> tuple[Choice, ...]:
        """What is on, in the order of the options; what is on of the same toggle in one."""
        values: dict[str, list[str]] = {}
        for option in options:
            if option.key in self.on:
                values.setdefault(option.toggle.id, []).append(self.on[option.key])
        return tuple(Choice(name, ",".join(found)) for name, found in values.items())


def _value(option: Option, chosen: dict[str, str]) -> str | None:
    """What that one is set to by these choices; None: it is off."""
    value = chosen.get(option.toggle.id)
    if value is not None and option.piece:
        return option.value if option.value in value.split(",") else None
    return value


class ChoiceMemory:
    """The last so many containers' choices."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], ContainerChoices] = {}

    def of(self, key: tuple[str, str]) -> ContainerChoices:
        """Of that container; begun anew where it is not remembered."""
        found = self._kept.get(key)
        if found is None:
            while len(self._kept) >= REMEMBERED:
                del self._kept[next(iter(self._kept))]
            found = self._kept[key] = ContainerChoices()
        return found

    def put_back(self, key: tuple[str, str], choices: ContainerChoices) -> None:
        """As they were before."""
        self._kept[key] = choices
