"""A container's choices, piece by piece and joined: a piece is one toggle, or one of its values that are chosen
individually.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.relaunch.toggle import GRADES, MORE, Choice, Subject, Toggle, ToggleError, Unit
from stratascope.layers.toggles import all_toggles, fold, leaving_privileged


def pieces_of(subject: Subject) -> tuple[Choice, ...]:
    """All pieces that could change something here, in the order of the toggles."""
    asked = subject.container.asked
    left = fold(asked, leaving_privileged(subject), subject)
    found = []
    for each in all_toggles():
        for value in (_value(each, subject),) if each.pieces is None else each.pieces(subject):
            try:
                choice = Choice(each, value).checked(subject)
            except ToggleError:
                continue
            if any(choice.changes(before, subject) for before in (asked, left)):
                found.append(choice)
    return tuple(found)


def graded(which: Toggle, subject: Subject) -> str:
    """The mildest value that it chooses for this container by itself; empty: none."""
    return next((value for grade in GRADES if (value := which.preset(grade, subject))), "")


def _value(each: Toggle, subject: Subject) -> str:
    return next((value for grade in reversed(GRADES) if (value := each.preset(grade, subject))), each.offered)


def merged(chosen: Iterable[Choice]) -> tuple[Choice, ...]:
    """One a toggle: lists are joined, of other values the last counts. In the order of the toggles."""
    found: dict[Toggle, str] = {}
    for choice in chosen:
        before = found.get(choice.toggle)
        found[choice.toggle] = choice.value if before is None else _joined(choice.toggle, before, choice.value)
    return tuple(Choice(each, found[each]) for each in all_toggles() if each in found)


def _joined(which: Toggle, one: str, two: str) -> str:
    lists = which.single is not None or which.unit in (Unit.CAPABILITIES, Unit.PATHS) or one.startswith("/")
    more = two.startswith(MORE)
    if one in which.words or two in which.words or not (lists or one.startswith(MORE)) or (one.startswith(MORE) > more):
        return two
    first = MORE if one.startswith(MORE) else ""
    return first + ",".join(dict.fromkeys((*one.removeprefix(MORE).split(","), *two.removeprefix(MORE).split(","))))
