"""All toggles, found by looking into this folder, and the presets that choose among them.

A layer's toggles are the tuple `TOGGLES` of its own module `toggles`, so a seventh layer brings its own. Each preset
holds the one before. It never includes what is in effect already, what the engine can't do, or what would have no
effect: while a container stays privileged its capabilities, masks and device rules do not count.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec

from stratascope import layers, resources
from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Choice, Preset, Subject, Toggle, ToggleError


@cache
def all_toggles() -> tuple[Toggle, ...]:
    """Every toggle, from layer 6 (user namespace) down to 1, as the strata are drawn."""
    numbers = {layer.id: layer.number for layer in layers.all_layers()}
    found: list[Toggle] = []
    for package in resources.module_names(layers.__path__, packages=True):
        name = f"{layers.__name__}.{package}.toggles"
        if find_spec(name) is not None:
            found.extend(importlib.import_module(name).TOGGLES)
    return tuple(sorted(found, key=lambda each: -numbers.get(each.layer, 0)))


def toggle(name: str) -> Toggle:
    """By its id. Raises ToggleError."""
    for each in all_toggles():
        if each.id == name:
            return each
    known = ", ".join(each.id for each in all_toggles())
    raise ToggleError(msg("There is no change {name}. Available: {known}.", name=name, known=known))


def choice_of(name: str, value: str) -> Choice:
    """That value of the toggle with that id, checked later, for a container. Raises ToggleError."""
    return Choice(toggle(name), value)


def parse(text: str) -> Choice:
    """`memory=512m` as a choice; its value is checked later, for a container. Raises ToggleError."""
    name, equals, value = text.partition("=")
    found = toggle(name.strip())
    if not equals or not value.strip():
        raise ToggleError(msg("Give a value, as in {name}={values}.", name=found.id, values=found.taken))
    return Choice(found, value.strip())


def brought_by(which: Toggle) -> tuple[Choice, ...]:
    """The choices without which it closes nothing for good."""
    return tuple(choice_of(*each) for each in which.brings)


def leaving_privileged(subject: Subject) -> tuple[Choice, ...]:
    """The choices that leave privileged mode, if it is privileged."""
    if not subject.container.asked.privileged:
        return ()
    return tuple(Choice(each, each.offered) for each in all_toggles() if each.leaves_privileged)


def all_live(chosen: Sequence[Choice]) -> bool:
    """Whether the engine can do all of it while the container runs."""
    return bool(chosen) and all(item.live for item in chosen)


def choices(preset: Preset, subject: Subject) -> tuple[Choice, ...]:
    """What a preset of `GRADES` chooses for this container, values in their plain form, in the order of the toggles."""
    asked = subject.container.asked
    found = []
    for each in all_toggles():
        value = each.preset(preset, subject)
        if value is None:
            continue
        try:
            choice = Choice(each, value).checked(subject)
        except ToggleError:
            continue  # the engine can't
        if choice.changes(asked, subject):
            found.append(choice)
    return tuple(found)


def fold(asked: Asked, chosen: Iterable[Choice], subject: Subject) -> Asked:
    """The options with all choices applied; of several for one toggle the last counts. Raises ToggleError.

    In whatever order they come: leaving privileged mode goes first, since it resets what others set.
    """
    for choice in plain(chosen, subject):
        asked = choice.apply(asked, subject)
    return asked


def plain(chosen: Iterable[Choice], subject: Subject) -> tuple[Choice, ...]:
    """The choices checked for this container, one a toggle, in the order in which they are applied."""
    last = {choice.toggle: choice for choice in chosen}
    checked = {which: choice.checked(subject) for which, choice in last.items()}
    known = [each for each in all_toggles() if each in checked]
    overridden = [each for each in known if each.overridden]
    if overridden and subject.container.asked.privileged and not any(each.leaves_privileged for each in known):
        title = overridden[0].title
        text = msg("A privileged container overrides this: {title}. Choose privileged=off as well.", title=title)
        raise ToggleError(text)
    return tuple(checked[each] for each in sorted(known, key=lambda each: not each.leaves_privileged))
