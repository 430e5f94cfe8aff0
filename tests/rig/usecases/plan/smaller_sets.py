"""All sets of single choices up to a size, with whole previews, to verify the search for the smallest set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from stratascope.core.relaunch.toggle import GRADES, Choice, Toggle, ToggleError
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.layers.toggles import all_toggles, choice_of
from stratascope.linux.capability import NAMES
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.preview import Previews

Foresees = Previews | Hardening
# What takes many away at once is never a part of it, and a user namespace takes ids that nobody may have set aside
_NOT_SINGLE = ("capabilities", "userns")


def singles(previews: Foresees, state: ContainerState) -> list[Choice]:
    """Each toggle with the value that it would have, and each capability that it holds."""
    offer = previews.offer(state)
    values = {choice.id: choice.value for grade in GRADES for choice in offer.of(grade)}
    found = [Choice(each, values.get(each.id, each.offered)) for each in all_toggles() if _single(each)]
    # what is made of its programs is for whole presets: such a set is certain, and needs no file
    found = [choice for choice in found if choice.value not in choice.toggle.learned_words]
    facts = next(layer.facts for layer in state.layers if layer.id == "capabilities")
    held = NAMES if facts is None else (facts.bounding | facts.effective).names()
    return found + [choice_of("drop", name) for name in held]


def _single(each: Toggle) -> bool:
    return each.id not in (*_NOT_SINGLE, "drop")


def opened(matrix: Matrix) -> frozenset[str]:
    """The open threats that a smallest set must close."""
    return frozenset(item.threat.id for severity in SERIOUS for item in matrix.open(severity))


def still_open(before: Matrix, after: Matrix) -> frozenset[str]:
    """Those of them that are not stopped for certain."""
    return frozenset(
        threat
        for threat in opened(before)
        if (state := after.of(threat)) is None or state.outcome is not Outcome.STOPPED
    )


def together(chosen: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """Capabilities in one choice."""
    drops = ",".join(each.value for each in chosen if each.id == "drop")
    rest = tuple(each for each in chosen if each.id != "drop")
    return (*rest, choice_of("drop", drops)) if drops else rest


def reached(
    previews: Foresees, state: ContainerState, size: int, of: Sequence[Choice]
) -> Iterator[tuple[tuple[Choice, ...], frozenset[str]]]:
    """Each set of that size, and the threats that it does not close."""
    for chosen in combinations(of, size):
        try:
            preview = previews.preview(state, together(chosen))
        except ToggleError:
            continue
        yield chosen, still_open(preview.before, preview.after)


def pieces_of(chosen: tuple[Choice, ...]) -> int:
    """How many single ones these are."""
    return sum(len(each.value.split(",")) if each.id == "drop" else 1 for each in chosen)
