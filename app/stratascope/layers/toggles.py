"""All toggles, found by looking into this folder, and the presets that choose among them.

A layer's toggles are the tuple `TOGGLES` of its own module `toggles`, so a seventh layer brings its own. Each preset
holds the one before. It never includes what is in effect already, what the engine can't do, or what would have no
effect: while a container stays privileged its capabilities, masks and device rules do not count.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec

from stratascope import layers
from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Choice, Preset, Subject, Toggle, ToggleError

_FIRST = "privileged"
# What privileged mode overrides in both engines
_IN_VAIN = frozenset(("capabilities", "masked-paths", "devices"))


@cache
def all_toggles() -> tuple[Toggle, ...]:
    """Every toggle, from layer 6 (user namespace) down to 1, as the strata are drawn."""
    numbers = {layer.id: layer.number for layer in layers.all_layers()}
    found: list[Toggle] = []
    for package in pkgutil.iter_modules(layers.__path__):
        name = f"{layers.__name__}.{package.name}.toggles"
        if package.ispkg and find_spec(name) is not None:
            found.extend(importlib.import_module(name).TOGGLES)
    return tuple(sorted(found, key=lambda each: -numbers.get(each.layer, 0)))


def toggle(name: str) -> Toggle:
    """By its id. Raises ToggleError."""
    for each in all_toggles():
        if each.id == name:
            return each
    known = ", ".join(each.id for each in all_toggles())
    raise ToggleError(msg("There is no toggle {name}. Known are: {known}.", name=name, known=known))


def parse(text: str) -> Choice:
    """`memory=512m` as a choice; its value is checked later, for a container. Raises ToggleError."""
    name, equals, value = text.partition("=")
    found = toggle(name.strip())
    if not equals or not value.strip():
        raise ToggleError(msg("Give a value as in {name}={values}.", name=found.id, values=found.values))
    return Choice(found.id, value.strip())


def all_live(chosen: Sequence[Choice]) -> bool:
    """Whether the engine can do all of it while the container runs."""
    return bool(chosen) and all(toggle(item.toggle).live for item in chosen)


_UNITS = (("GiB", 30), ("MiB", 20), ("KiB", 10))


def value_text(choice: Choice) -> str:
    """A value for reading, the same in every language: 512 MiB; CHOWN, KILL; else as it is typed."""
    if toggle(choice.toggle).values == "BYTES" and choice.value.isascii() and choice.value.isdigit():
        size = int(choice.value)
        for unit, bits in _UNITS:
            if size >= 1 << bits:
                number = f"{size / (1 << bits):.1f}".removesuffix(".0")
                return f"{number} {unit}"
    if choice.toggle == "capabilities":
        return ", ".join(name.removeprefix("CAP_") for name in choice.value.split(","))
    return choice.value.replace(",", ", ") if choice.toggle == "tmpfs" else choice.value


def choices(preset: Preset, subject: Subject) -> tuple[Choice, ...]:
    """What a preset chooses for this container, with values in their plain form, in the order of the toggles."""
    asked = subject.container.asked
    found = []
    for each in all_toggles():
        value = each.preset(preset, subject)
        if value is None:
            continue
        try:
            value = each.check(value, subject)
        except ToggleError:
            continue  # the engine can't
        if each.apply(asked, value, subject) != asked:
            found.append(Choice(each.id, value))
    return tuple(found)


def fold(asked: Asked, chosen: Iterable[Choice], subject: Subject) -> Asked:
    """The options with all choices applied; of several for one toggle the last counts. Raises ToggleError.

    In whatever order they come: leaving privileged mode goes first, since it resets what others set.
    """
    for choice in plain(chosen, subject):
        asked = toggle(choice.toggle).apply(asked, choice.value, subject)
    return asked


def plain(chosen: Iterable[Choice], subject: Subject) -> tuple[Choice, ...]:
    """The choices checked for this container, one a toggle, in the order in which they are applied."""
    last = {choice.toggle: choice for choice in chosen}
    checked = {name: Choice(name, toggle(name).check(choice.value, subject)) for name, choice in last.items()}
    vain = [each for each in all_toggles() if each.id in checked and each.id in _IN_VAIN]
    if vain and subject.container.asked.privileged and _FIRST not in checked:
        raise ToggleError(
            msg("A privileged container overrides this: {title}. Choose privileged=off as well.", title=vain[0].title)
        )
    return tuple(sorted(checked.values(), key=_place))


def _place(choice: Choice) -> tuple[bool, int]:
    names: Sequence[str] = [each.id for each in all_toggles()]
    return choice.toggle != _FIRST, names.index(choice.toggle)
