"""What remains of a judgement by the kernel's own data, if the engine's statements do not count.

A ruling that rests on the engine's statement only is taken as unknown: it may stop a route, or not.
"""

from __future__ import annotations

from stratascope.core.threats.depth import WEIGHTS, band_of, factor, score
from stratascope.core.threats.states import Matrix, RouteState, ThreatState, outcome_of, weakest_of
from stratascope.core.threats.threat import Basis, Outcome, Stance

_STOPS = (Stance.STOPS,)


def exposure_verified(matrix: Matrix) -> float:
    """The exposure, 0.0 to 10.0, with that and everything else unknown let through."""
    perhaps = set()
    through = whole = 0.0
    for state in matrix.threats:
        weight = WEIGHTS[state.threat.severity]
        whole += weight
        through += weight * max([factor(_depth(route)[0], route.ground, _STOPS) for route in state.routes])
        if _outcome(state) is not Outcome.STOPPED:
            perhaps.add(state.threat.severity)
    return score(band_of(perhaps), through, whole)


def as_asked(state: ThreatState) -> bool:
    """Whether its outcome rests on the engine's statement, with the kernel's value not read."""
    return _outcome(state) is not state.outcome


def is_verified(state: ThreatState) -> bool:
    """Whether no statement of the engine's alone decides its outcome or depth."""
    depths = [_depth(route) for route in state.routes]
    depth = min(least for least, _ in depths), min(most for _, most in depths)
    return depth == state.depth and _outcome(state) is state.outcome


def _depth(route: RouteState) -> tuple[int, int]:
    """How many layers stop it for certain, and how many if all unknown ones do."""
    asked = [item.ruling.stance for item in route.rulings if item.ruling.basis is Basis.ASKED]
    return route.least - asked.count(Stance.STOPS), route.most + asked.count(Stance.LETS_THROUGH)


def _outcome(state: ThreatState) -> Outcome:
    return weakest_of([outcome_of(*_depth(route), route.ground) for route in state.routes])
