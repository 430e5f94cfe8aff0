"""One matrix for several processes of a container: each threat from the process where it is weakest.

Whoever takes over a process can do what it may do, and whoever takes over two can do both. So threats are taken one by
one, and the exposure, computed from these, is at least the worst process's. Decided against the matrix of the process
with the highest exposure: it would call a threat stopped that another process can carry out.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_

from stratascope.core.threats.depth import exposure_of
from stratascope.core.threats.states import LayerRuling, Matrix, RouteState, ThreatState, strength
from stratascope.core.threats.threat import Ruling
from stratascope.value import replace


def worst_of(first: Matrix, others: Sequence[tuple[Matrix, str]]) -> Matrix:
    """`first` itself if no other is weaker anywhere; each other comes with its folder, `/proc/4300/`."""
    states = list(first.threats)
    for matrix, folder in others:
        for place, (mine, its) in enumerate(zip(states, matrix.threats, strict=True)):
            if its is not mine and _weaker(its, mine):
                states[place] = _located(its, folder)
    if all(map(is_, states, first.threats)):
        return first
    threats = tuple(states)
    exposure = exposure_of(threats)
    best = max(exposure.best, first.exposure.best, *(matrix.exposure.best for matrix, _ in others))
    return Matrix(threats, replace(exposure, best=min(best, exposure.worst)), first.ground)


def weaker(first: Matrix, other: Matrix) -> tuple[ThreatState, ...]:
    """The other's threats that are weaker than here, as they are there."""
    pairs = zip(first.threats, other.threats, strict=True)
    return tuple(its for mine, its in pairs if its is not mine and _weaker(its, mine))


def _weaker(one: ThreatState, other: ThreatState) -> bool:
    return strength(one.outcome, *one.depth) < strength(other.outcome, *other.depth)


def _located(state: ThreatState, folder: str) -> ThreatState:
    """The same with its evidence's process spelled out: in a matrix `@` means the container's first process."""
    made = {id(route): _route(route, folder) for route in state.routes}
    weakest = made.get(id(state.weakest)) or _route(state.weakest, folder)
    return replace(state, weakest=weakest, routes=tuple(made[id(route)] for route in state.routes))


def _route(state: RouteState, folder: str) -> RouteState:
    return replace(state, rulings=tuple(_ruling(each, folder) for each in state.rulings))


def _ruling(each: LayerRuling, folder: str) -> LayerRuling:
    source = each.ruling.source
    if not source.startswith("@"):
        return each
    ruling: Ruling = replace(each.ruling, source=folder + source[1:])
    return replace(each, ruling=ruling)
