"""Depth and exposure: pure functions of the layers' rulings. No layer is known by name here.

Rulings are made once for each distinct posture of a layer, and a matrix once for each distinct set of postures: forty
containers that are alike cost one. `without` takes a layer away in thought; it is the same function.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from functools import lru_cache
from itertools import combinations
from typing import Any, Protocol

from stratascope.core.ground import Ground
from stratascope.core.severity import Severity
from stratascope.core.threats.ground_rulings import ground_ruling
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Family, Outcome, Route, Ruling, Stance, Threat
from stratascope.value import Value, force_setattr

WEIGHTS = {Severity.CRITICAL: 0.90, Severity.HIGH: 0.20, Severity.MEDIUM: 0.04, Severity.LOW: 0.01}
FACTORS = (1.0, 0.10, 0.02, 0.005)  # by depth: none, one, two, three and more
GROUND_FACTOR = 0.10  # stopped by the host's settings alone
FLOORS = {Severity.CRITICAL: 9.0, Severity.HIGH: 4.0}  # with an open threat of that severity
_CATALOGUES_MAX = 64  # tests make their own
_RANK = {Stance.STOPS: 0, Stance.UNKNOWN: 1, Stance.LETS_THROUGH: 2}


class LayerRuling(Value):
    """One layer's answer to one route: of all its needs the one that decides."""

    layer: str
    ruling: Ruling


class RouteState(Value):
    """One route judged. `rulings` from layer 1 up, without layers whose job it is not; `ground` None: not its job.

    `least`: how many layers stop it for certain; `most`: how many do if all that are unknown do.
    """

    route: Route
    rulings: tuple[LayerRuling, ...]
    ground: Ruling | None
    least: int = 0  # both are counted here, whatever is given
    most: int = 0

    def __post_init__(self) -> None:
        stances = [item.ruling.stance for item in self.rulings]
        force_setattr(self, "least", stances.count(Stance.STOPS))
        force_setattr(self, "most", len(stances) - stances.count(Stance.LETS_THROUGH))

    @property
    def outcome(self) -> Outcome:
        """What becomes of an attempt by this route."""
        if self.least or (self.ground is not None and self.ground.stance is Stance.STOPS):
            return Outcome.STOPPED
        if self.most or (self.ground is not None and self.ground.stance is Stance.UNKNOWN):
            return Outcome.UNKNOWN
        return Outcome.OPEN


class ThreatState(Value):
    """One threat judged. `depth` is (least, most) over its routes; `weakest` is the route that an attacker takes."""

    threat: Threat
    outcome: Outcome
    depth: tuple[int, int]
    by_ground: bool  # stopped, and by the host's settings alone
    weakest: RouteState
    routes: tuple[RouteState, ...]
    linked: tuple[tuple[str, str], ...]  # layers of the weakest route that fall together

    def ruling(self, layer: str) -> Ruling | None:
        """What that layer says on the weakest route; None: not its job."""
        return next((item.ruling for item in self.weakest.rulings if item.layer == layer), None)

    def stance(self, layer: str) -> Stance:
        """The same as a word."""
        ruling = self.ruling(layer)
        return Stance.NOT_ITS_JOB if ruling is None else ruling.stance


class Share(Value):
    """What one threat adds to the exposure: probabilities with unknown let through, and at best.

    `counted`: whether it is the largest of its family (with unknown let through), and so the one that counts.
    """

    threat: str
    family: Family
    worst: float
    best: float
    counted: bool


class Exposure(Value):
    """0.0 to 10.0: `worst` with all that is unknown counted as let through, `best` as stopped."""

    worst: float
    best: float
    shares: tuple[Share, ...]


class Matrix(Value):
    """All threats of the catalogue for one container, and its exposure."""

    threats: tuple[ThreatState, ...]
    exposure: Exposure

    def open(self, severity: Severity) -> tuple[ThreatState, ...]:
        """The open threats of that severity."""
        return tuple(item for item in self.threats if item.outcome is Outcome.OPEN and item.threat.severity is severity)

    def of(self, threat: str) -> ThreatState | None:
        """One threat by its id."""
        return next((item for item in self.threats if item.threat.id == threat), None)


Posture = Hashable


class RulingLayer(Protocol):
    """All that depth asks of a `core.layer.Layer`."""

    def __hash__(self) -> int: ...

    @property
    def id(self) -> str: ...

    def stance(self, need: Need, posture: Any, /) -> Ruling | None: ...


class _Catalogue:
    """Threats with all that is worked out from them alone. Hashed by identity: there is one, and it is large."""

    def __init__(self, threats: tuple[Threat, ...]) -> None:
        self.threats = threats
        self.needs = needs_of(threats)
        place = {need: number for number, need in enumerate(self.needs)}
        # for each route the places of its needs; routes of all threats in one row
        self.routes = tuple(
            tuple(place[need] for step in route.steps for need in step.needs)
            for threat in threats
            for route in threat.routes
        )


_catalogues: dict[int, _Catalogue] = {}  # by the identity of the tuple, which the catalogue keeps alive


def _catalogue(threats: tuple[Threat, ...]) -> _Catalogue:
    known = _catalogues.get(id(threats))
    if known is None:
        while len(_catalogues) >= _CATALOGUES_MAX:
            del _catalogues[next(iter(_catalogues))]
        known = _catalogues[id(threats)] = _Catalogue(threats)
    return known


def needs_of(threats: tuple[Threat, ...]) -> tuple[Need, ...]:
    """Every need of these threats, once."""
    found: dict[Need, None] = {}
    for threat in threats:
        for route in threat.routes:
            for step in route.steps:
                found.update(dict.fromkeys(step.needs))
    return tuple(found)


def judge(
    threats: tuple[Threat, ...],
    postures: tuple[tuple[RulingLayer, Posture], ...],
    ground: Ground,
    near: tuple[tuple[RulingLayer, Posture], ...] = (),
) -> Matrix:
    """The matrix of one container, from each layer's posture (`Layer.posture`) and the ground.

    `near`: the same layers in other postures that were judged before. Threats to which no layer answers otherwise are
    taken from there, which makes a preview of one option quick; the result is the same.
    """
    return _judge(_Question(_catalogue(threats), postures, ground, near))


class _Question(Value):
    catalogue: _Catalogue
    postures: tuple[tuple[RulingLayer, Posture], ...]
    ground: Ground
    near: tuple[tuple[RulingLayer, Posture], ...] = ()  # no part of the question, only of the work

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.catalogue, self.postures, self.ground


@lru_cache(maxsize=1024)
def _judge(question: _Question) -> Matrix:
    catalogue, ground = question.catalogue, question.ground
    rows = [_answers(catalogue, layer, posture) for layer, posture in question.postures]
    grounds = _ground_answers(catalogue, ground)
    known: tuple[ThreatState, ...] = ()
    changed: list[tuple[tuple[LayerRuling | None, ...], tuple[LayerRuling | None, ...]]] = []
    if question.near and [layer for layer, _ in question.near] == [layer for layer, _ in question.postures]:
        known = _judge(_Question(catalogue, question.near, ground)).threats
        others = [_answers(catalogue, layer, posture) for layer, posture in question.near]
        changed = [(row, other) for row, other in zip(rows, others, strict=True) if row is not other]
    states = []
    place = 0
    for number, threat in enumerate(catalogue.threats):
        end = place + len(threat.routes)
        if known and all(row[place:end] == other[place:end] for row, other in changed):
            states.append(known[number])
            place = end
            continue
        routes = []
        for route in threat.routes:
            rulings = tuple([answer for row in rows if (answer := row[place]) is not None])
            routes.append(RouteState(route, rulings, grounds[place]))
            place += 1
        states.append(_threat(threat, tuple(routes)))
    return Matrix(tuple(states), exposure_of(tuple(states)))


@lru_cache(maxsize=1024)
def _answers(catalogue: _Catalogue, layer: RulingLayer, posture: Posture) -> tuple[LayerRuling | None, ...]:
    """What a layer in that posture says to each route of all threats."""
    stance = layer.stance
    decided = _by_route(catalogue, [stance(need, posture) for need in catalogue.needs])
    return tuple([None if ruling is None else LayerRuling(layer.id, ruling) for ruling in decided])


@lru_cache(maxsize=32)
def _ground_answers(catalogue: _Catalogue, ground: Ground) -> tuple[Ruling | None, ...]:
    return tuple(_by_route(catalogue, [ground_ruling(need, ground) for need in catalogue.needs]))


def _by_route(catalogue: _Catalogue, rulings: list[Ruling | None]) -> list[Ruling | None]:
    return [
        _decisive([ruling for place in places if (ruling := rulings[place]) is not None]) for places in catalogue.routes
    ]


def _decisive(rulings: list[Ruling]) -> Ruling | None:
    """The first that stops, else the first unknown, else the first. What stops falls only if all that stop do."""
    if len(rulings) < 2:
        return rulings[0] if rulings else None
    found = min(rulings, key=lambda ruling: _RANK[ruling.stance])
    if found.stance is not Stance.STOPS:
        return found
    stopping = [ruling.hinges for ruling in rulings if ruling.stance is Stance.STOPS]
    common = frozenset.intersection(*stopping)
    return found if common == found.hinges else Ruling(found.stance, found.reason, found.source, common)


def _threat(threat: Threat, routes: tuple[RouteState, ...]) -> ThreatState:
    weakest = routes[0] if len(routes) == 1 else min(routes, key=_strength)
    outcomes = {route.outcome for route in routes}
    if Outcome.OPEN in outcomes:
        outcome = Outcome.OPEN
    else:
        outcome = Outcome.UNKNOWN if Outcome.UNKNOWN in outcomes else Outcome.STOPPED
    depth = (min(route.least for route in routes), min(route.most for route in routes))
    by_ground = outcome is Outcome.STOPPED and depth[0] == 0
    return ThreatState(threat, outcome, depth, by_ground, weakest, routes, _linked(weakest))


def _strength(state: RouteState) -> tuple[int, int, int]:
    order = (Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED)
    return order.index(state.outcome), state.least, state.most


def _linked(route: RouteState) -> tuple[tuple[str, str], ...]:
    stopping = [item for item in route.rulings if item.ruling.stance is Stance.STOPS]
    return tuple(
        (one.layer, two.layer) for one, two in combinations(stopping, 2) if one.ruling.hinges & two.ruling.hinges
    )


def without(matrix: Matrix, layers: frozenset[str]) -> Matrix:
    """The same container, supposing that these layers stop nothing."""
    states = []
    for state in matrix.threats:
        routes = tuple(
            RouteState(route.route, tuple(item for item in route.rulings if item.layer not in layers), route.ground)
            for route in state.routes
        )
        states.append(_threat(state.threat, routes))
    return Matrix(tuple(states), exposure_of(tuple(states)))


def exposure_of(states: tuple[ThreatState, ...]) -> Exposure:
    """See the design, section 6."""
    chances = [(state, _chance(state, at_best=False), _chance(state, at_best=True)) for state in states]
    largest: dict[Family, float] = {}
    for state, worst, _ in chances:
        family = state.threat.family
        largest[family] = max(largest.get(family, 0.0), worst)
    seen: set[Family] = set()
    shares = []
    for state, worst, best in chances:
        family = state.threat.family
        counted = worst == largest[family] and family not in seen
        if counted:
            seen.add(family)
        shares.append(Share(state.threat.id, family, worst, best, counted))
    return Exposure(_score(states, shares, at_best=False), _score(states, shares, at_best=True), tuple(shares))


def _chance(state: ThreatState, *, at_best: bool) -> float:
    """The largest over the routes, as the attacker takes that one."""
    return WEIGHTS[state.threat.severity] * max(_factor(route, at_best=at_best) for route in state.routes)


def _factor(route: RouteState, *, at_best: bool) -> float:
    depth = route.most if at_best else route.least
    if depth == 0 and route.ground is not None:
        held = (Stance.STOPS, Stance.UNKNOWN) if at_best else (Stance.STOPS,)
        if route.ground.stance in held:
            return GROUND_FACTOR
    return FACTORS[min(depth, len(FACTORS) - 1)]


def _score(states: tuple[ThreatState, ...], shares: list[Share], *, at_best: bool) -> float:
    largest: dict[Family, float] = {}
    for share in shares:
        largest[share.family] = max(largest.get(share.family, 0.0), share.best if at_best else share.worst)
    left = math.prod(1.0 - chance for chance in largest.values())
    score = math.ceil(round(100.0 * (1.0 - left), 6)) / 10.0
    floor = 0.0
    for state in states:
        through = state.outcome is Outcome.OPEN or (not at_best and state.outcome is Outcome.UNKNOWN)
        if through:
            floor = max(floor, FLOORS.get(state.threat.severity, 0.0))
    return min(10.0, max(score, floor))
