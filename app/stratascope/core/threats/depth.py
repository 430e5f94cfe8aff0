"""Judge threats: how many layers stop each (depth), and the exposure number, 0.0 to 10.0, computed from that.

`judge` builds a container's matrix from the layers' postures, `exposure_of` computes its exposure, `exposure_verified`
the exposure by the kernel's data alone; `without` answers what if a layer were missing. Pure functions of the layers'
rulings; no layer is known by name here.

Rulings are cached per distinct posture of a layer, and a matrix per distinct set of postures: forty equal containers
cost as much as one, and similar ones share equal parts. The caches hold weak references: a result lives as long
as a matrix uses it, and so as long as a container does.

Verified means by the kernel's own data: a ruling that rests only on the engine's statement then counts as unknown,
since it may or may not stop a route.

A container with several processes has one matrix, with each threat from the process where it is weakest. Whoever
takes over two processes can do what either may do. So threats are taken one by one, and the exposure computed from
them is at least the worst process's. Decided against the matrix of the process with the highest exposure: it would call
a threat stopped that another process can carry out.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from operator import is_
from weakref import WeakValueDictionary, ref

from stratascope.bounded_cache import remembered
from stratascope.core.ground import Ground
from stratascope.core.message import comma
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import DIRECT
from stratascope.core.threats.gain import Gain
from stratascope.core.threats.ground_rulings import ground_ruling
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import Band as Band
from stratascope.core.threats.states import Exposure as Exposure
from stratascope.core.threats.states import LayerRuling as LayerRuling
from stratascope.core.threats.states import Matrix as Matrix
from stratascope.core.threats.states import OneOf as OneOf
from stratascope.core.threats.states import Posture as Posture
from stratascope.core.threats.states import Postures as Postures
from stratascope.core.threats.states import RouteState as RouteState
from stratascope.core.threats.states import Row, RulingLayer, Share, outcome_of, ruled, strength, weakest_of
from stratascope.core.threats.states import ThreatState as ThreatState
from stratascope.core.threats.threat import Basis, Outcome, Route, Ruling, Stance, Step, Threat
from stratascope.value import replace

WEIGHTS = {Severity.CRITICAL: 0.90, Severity.HIGH: 0.20, Severity.MEDIUM: 0.04, Severity.LOW: 0.01}
FACTORS = (1.0, 0.10, 0.02, 0.005)  # part of a threat's weight let through, by depth: 0, 1, 2, 3 and more
GROUND_FACTOR = 0.10  # stopped by the host's settings alone
# Each middle is where real containers of that band are; the rise is steep enough there for a single threat of medium
# severity, or one layer less before one of high severity, to change the number of a plain container, and for limits,
# no_new_privs and no capabilities to lower a rootful one's by 1.0 (tests/machine/test_calibration.py). It is still flat
# enough for the most hardened ones to differ. Fitted anew when the catalogue grows
LOW = Band(0.0, 3.9, 0.0606, 5.1)
BANDS = {Severity.CRITICAL: Band(9.0, 10.0, 0.18, 5.2), Severity.HIGH: Band(4.0, 8.9, 0.1265, 6.4)}
_GROUNDS_MAX = 32  # distinct grounds cached; a changed setting makes another one
_RECENT = 16  # matrices that a new one is compared with, to share equal parts
_CATALOGUES_MAX = 64  # tests make their own


class _Catalogue:
    """Threats with everything derived from them alone, and weak references to the results of judging them."""

    def __init__(self, threats: tuple[Threat, ...]) -> None:
        self.threats = threats
        self.needs = needs_of(threats)
        place = {need: number for number, need in enumerate(self.needs)}
        # for each route of all threats, in one sequence: the indices of its needs
        self.routes = tuple(
            tuple(place[need] for step in route.steps for need in step.needs)
            for threat in threats
            for route in threat.routes
        )
        self.grounds: dict[Ground, tuple[Ruling | None, ...]] = {}
        self.rows: WeakValueDictionary[tuple[RulingLayer, Posture], Row] = WeakValueDictionary()
        self.latest: dict[RulingLayer, ref[Row]] = {}
        self.matrices: WeakValueDictionary[tuple[Ground, Postures], Matrix] = WeakValueDictionary()
        self.gained: WeakValueDictionary[tuple[int, int, Gain], Matrix] = WeakValueDictionary()
        self.recent: deque[ref[Matrix]] = deque(maxlen=_RECENT)


_catalogues: dict[int, _Catalogue] = {}  # keyed by id() of the tuple, which the catalogue keeps alive


def _catalogue(threats: tuple[Threat, ...]) -> _Catalogue:
    known = _catalogues.get(id(threats))
    if known is None:
        while len(_catalogues) >= _CATALOGUES_MAX:
            del _catalogues[next(iter(_catalogues))]
        known = _catalogues[id(threats)] = _Catalogue(threats)
    return known


def needs_of(threats: tuple[Threat, ...]) -> tuple[Need, ...]:
    """Every need of these threats, once each."""
    found: dict[Need, None] = {}
    for threat in threats:
        for route in threat.routes:
            for step in route.steps:
                found.update(dict.fromkeys(step.needs))
    return tuple(found)


def judge(threats: tuple[Threat, ...], postures: Postures, ground: Ground, like: Matrix | None = None) -> Matrix:
    """The matrix of one container, from each layer's posture (`Layer.posture`) and the ground.

    `like`: an earlier matrix of nearly the same postures; faster, with the same result.
    """
    catalogue = _catalogue(threats)
    known = catalogue.matrices.get((ground, postures))
    if known is None:
        known = catalogue.matrices[ground, postures] = _judge(catalogue, postures, ground, like)
        catalogue.recent.append(ref(known))
    return known


def _judge(catalogue: _Catalogue, postures: Postures, ground: Ground, like: Matrix | None) -> Matrix:
    rows = tuple([_row(catalogue, layer, posture) for layer, posture in postures])
    grounds = _ground_answers(catalogue, ground)
    # reuse the threat states of the most similar matrix wherever all layers answer the same
    others = _others(catalogue, rows, ground, like)
    like = max(others, key=lambda other: sum(map(is_, rows, other.rows)), default=None)
    known = () if like is None else like.threats
    pairs = () if like is None else zip(rows, like.rows, strict=True)
    changed = {
        at
        for row, other in pairs
        if row is not other
        for at, (answer, before) in enumerate(zip(row.answers, other.answers, strict=True))
        if answer is not before and answer != before
    }
    states = []
    place = 0
    for number, threat in enumerate(catalogue.threats):
        end = place + len(threat.routes)
        if known and changed.isdisjoint(range(place, end)):
            states.append(known[number])
        else:
            routes = []
            for at, route in enumerate(threat.routes, place):
                rulings = tuple([answer for row in rows if (answer := row.answers[at]) is not None])
                routes.append(RouteState(route, rulings, grounds[at]))
            states.append(_threat(threat, tuple(routes)))
        place = end
    threats = tuple(states)
    return Matrix(threats, exposure_of(threats, like), ground, rows)


def _others(catalogue: _Catalogue, rows: tuple[Row, ...], ground: Ground, like: Matrix | None) -> Iterator[Matrix]:
    """`like` and the most recent matrices that are still alive, of the same layers on the same ground."""
    layers = [row.layer for row in rows]
    given = () if like is None else (like, *like.parts)
    for matrix in (*given, *[held() for held in tuple(catalogue.recent)]):
        if matrix is None or not (matrix.ground is ground or matrix.ground == ground):
            continue
        if [row.layer for row in matrix.rows] == layers:
            yield matrix


def _row(catalogue: _Catalogue, layer: RulingLayer, posture: Posture) -> Row:
    known = catalogue.rows.get((layer, posture))
    if known is None:
        decided = _by_route(catalogue, [ruled(layer, need, posture) for need in catalogue.needs])
        held = catalogue.latest.get(layer)
        latest = None if held is None else held()
        before = [None] * len(decided) if latest is None else latest.answers  # most answers are equal
        answers = [_answer(layer, ruling, same) for ruling, same in zip(decided, before, strict=True)]
        known = catalogue.rows[layer, posture] = Row(layer, tuple(answers))
        catalogue.latest[layer] = ref(known)
    return known


def _answer(layer: RulingLayer, ruling: Ruling | None, same: LayerRuling | None) -> LayerRuling | None:
    if ruling is None:
        return None
    return same if same is not None and same.ruling == ruling else LayerRuling(layer.id, ruling)


def _ground_answers(catalogue: _Catalogue, ground: Ground) -> tuple[Ruling | None, ...]:
    known = catalogue.grounds.get(ground)
    if known is None:
        if len(catalogue.grounds) >= _GROUNDS_MAX:
            catalogue.grounds.clear()
        found = _by_route(catalogue, [ground_ruling(need, ground) for need in catalogue.needs])
        known = catalogue.grounds[ground] = tuple(found)
    return known


def _by_route(catalogue: _Catalogue, rulings: list[Ruling | None]) -> list[Ruling | None]:
    return [
        rulings[places[0]]
        if len(places) == 1
        else _decisive([ruling for place in places if (ruling := rulings[place]) is not None])
        for places in catalogue.routes
    ]


def _decisive(rulings: list[Ruling]) -> Ruling | None:
    """The ruling that decides for a layer: one that STOPS, preferably by kernel data over one only stated; else an
    UNKNOWN one; else any, preferably one only stated. A stop keeps only the hinges that all stopping rulings share: it
    falls only if all of them do.
    """
    if len(rulings) < 2:
        return rulings[0] if rulings else None
    stopping = [ruling for ruling in rulings if ruling.stance is Stance.STOPS]
    if not stopping:
        unsure = (ruling for ruling in rulings if ruling.stance is Stance.UNKNOWN)
        return next(unsure, None) or next((each for each in rulings if each.basis is Basis.ASKED), rulings[0])
    found = next((ruling for ruling in stopping if ruling.basis is Basis.KERNEL), stopping[0])
    common = found.hinges.intersection(*[ruling.hinges for ruling in stopping])
    return found if common == found.hinges else replace(found, hinges=common)


def _threat(threat: Threat, routes: tuple[RouteState, ...]) -> ThreatState:
    weakest = routes[0] if len(routes) == 1 else min(routes, key=_strength)
    outcome = weakest_of([route.outcome for route in routes])
    depth = (min(route.least for route in routes), min(route.most for route in routes))
    stopped = outcome is Outcome.STOPPED
    by_ground, held = stopped and depth[0] == 0, stopped and any(route.held for route in routes)
    return ThreatState(threat, outcome, depth, by_ground, weakest, routes, _linked(weakest), held)


def _strength(state: RouteState) -> tuple[int, int, int, bool]:
    return *strength(state.outcome, state.least, state.most), not state.held


def _linked(route: RouteState) -> tuple[tuple[str, str], ...]:
    stopping = [item for item in route.rulings if item.ruling.stance is Stance.STOPS]
    return tuple(
        (one.layer, two.layer) for one, two in combinations(stopping, 2) if one.ruling.hinges & two.ruling.hinges
    )


def with_gain(threats: tuple[Threat, ...], matrix: Matrix, gained: Matrix, gain: Gain) -> Matrix:
    """The matrix of a process that can gain rights: also with the routes that lead through that exec, where they are
    weaker than the same without. `gained`: the matrix with these rights.
    """
    known = _catalogue(threats).gained
    key = id(matrix), id(gained), gain  # both live as long as the result does
    found = known.get(key)
    if found is None:
        states = tuple(
            mine if its is mine or mine.outcome is Outcome.OPEN else _with_routes(mine, its, gain)
            for mine, its in zip(matrix.threats, gained.threats, strict=True)
        )
        exposure = exposure_of(states, matrix)
        found = known[key] = Matrix(states, exposure, matrix.ground, parts=(matrix, gained, *matrix.parts))
    return found


def _with_routes(state: ThreatState, gained: ThreatState, gain: Gain) -> ThreatState:
    more = []
    for mine, its in zip(state.routes, gained.routes, strict=False):  # those of an earlier gain come last
        if its is mine or its.rulings == mine.rulings:
            continue
        route = RouteState(_through(its.route, gain), _with_hold(its.rulings, gain), its.ground)
        if _strength(route) < _strength(mine):
            more.append(route)
    return _threat(state.threat, (*state.routes, *more)) if more else state


@remembered()
def _through(route: Route, gain: Gain) -> Route:
    name = comma(route.name, gain.name) if route.name != DIRECT else gain.name
    return Route(name, (Step(gain.call, gain.needs), *route.steps))


def _with_hold(rulings: tuple[LayerRuling, ...], gain: Gain) -> tuple[LayerRuling, ...]:
    """A layer has one ruling on a route: its own stop counts, else the weak one."""
    if gain.hold is None:
        return rulings
    weak = LayerRuling(gain.layer, gain.hold)
    mine = next((item for item in rulings if item.layer == gain.layer), None)
    if mine is None:
        return (*rulings, weak)
    if mine.ruling.stance is Stance.STOPS:
        return rulings
    return tuple(weak if item is mine else item for item in rulings)


def without(matrix: Matrix, layers: frozenset[str]) -> Matrix:
    """The matrix of the same container if these layers stopped nothing."""
    states = []
    for state in matrix.threats:
        routes = tuple(
            RouteState(route.route, tuple(item for item in route.rulings if item.layer not in layers), route.ground)
            for route in state.routes
        )
        states.append(_threat(state.threat, routes))
    return Matrix(tuple(states), exposure_of(tuple(states)))


def exposure_of(states: tuple[ThreatState, ...], like: Matrix | None = None) -> Exposure:
    """Compute the exposure. `like`: a matrix of the same threats; states identical in both are not recomputed.

    The worst threat that is open (or may be) selects the band, and the weight let through by all threats the position
    in it; a threat that no layer stops lets its whole weight through. Decided against a plain sum up to 10: over a
    hundred threats it either barely moves where few are open, or no longer moves where many are.
    """
    if like is None:
        shares = tuple([_share(state) for state in states])
    else:
        known = zip(states, like.threats, like.exposure.shares, strict=True)
        shares = tuple([share if state is same else _share(state) for state, same, share in known])
    through = {state.at_stake for state in states if state.outcome is not Outcome.UNKNOWN} - {None}
    perhaps = {state.at_stake for state in states} - {None}
    whole = sum([WEIGHTS[state.threat.severity] for state in states])
    worst, best = sum([share.worst for share in shares]), sum([share.best for share in shares])
    return Exposure(score(band_of(perhaps), worst, whole), score(band_of(through), best, whole), shares)


def band_of(through: Collection[Severity | None]) -> Band:
    """The band of exposures for the worst of these severities."""
    return next((band for severity, band in BANDS.items() if severity in through), LOW)


def _share(state: ThreatState) -> Share:
    """What a threat lets through: the largest share of its routes, since the attacker takes that one."""
    weight = WEIGHTS[state.threat.severity]
    worst = max([factor(route.least, route.ground, _STOPS) for route in state.routes])
    best = max([factor(route.most, route.ground, _HOLDS) for route in state.routes])
    return Share(state.threat.id, weight * worst, weight * best)


_STOPS = (Stance.STOPS,)
_HOLDS = (Stance.STOPS, Stance.UNKNOWN)


def factor(depth: int, ground: Ruling | None, held: tuple[Stance, ...]) -> float:
    if depth == 0 and ground is not None and ground.stance in held:
        return GROUND_FACTOR
    return FACTORS[min(depth, len(FACTORS) - 1)]


def score(band: Band, through: float, whole: float) -> float:
    if not through:
        return band.least
    place = 1.0 / (1.0 + math.pow(band.middle * whole / through, band.rise))
    return max(0.1, round(band.least + (band.most - band.least) * place, 1))


def exposure_verified(matrix: Matrix) -> float:
    """The exposure by the kernel's data alone, 0.0 to 10.0: engine statements and unknowns count as let through."""
    perhaps = set()
    through = whole = 0.0
    for state in matrix.threats:  # may be fewer than the exposure's shares: a baseline leaves some out
        weight = WEIGHTS[state.threat.severity]
        whole += weight
        if _rests_on_engine(state):
            through += weight * max([factor(_sure_depth(route)[0], route.ground, _STOPS) for route in state.routes])
            outcome = _sure_outcome(state)
        else:
            through += weight * max([factor(route.least, route.ground, _STOPS) for route in state.routes])
            outcome = state.outcome
        if outcome is not Outcome.STOPPED:
            perhaps.add(state.threat.severity)
        elif state.held:
            perhaps.add(state.threat.severity.milder)
    return score(band_of(perhaps), through, whole)


def as_asked(state: ThreatState) -> bool:
    """Whether its outcome rests on the engine's statement because the kernel's value was not read."""
    return _sure_outcome(state) is not state.outcome


def is_verified(state: ThreatState) -> bool:
    """Whether its outcome and depth are the same without statements of the engine."""
    if not _rests_on_engine(state):
        return True
    depths = [_sure_depth(route) for route in state.routes]
    depth = min(least for least, _ in depths), min(most for _, most in depths)
    return depth == state.depth and _sure_outcome(state) is state.outcome


def _rests_on_engine(state: ThreatState) -> bool:
    """Whether any of its rulings rests on a statement of the engine: cheap, and for most containers none does."""
    for route in state.routes:
        for item in route.rulings:
            if item.ruling.basis is Basis.ASKED:
                return True
    return False


def _sure_depth(route: RouteState) -> tuple[int, int]:
    """The depth by the kernel's data alone: layers that stop it for certain, and layers if all unknown ones do."""
    asked = [item.ruling.stance for item in route.rulings if item.ruling.basis is Basis.ASKED]
    return route.least - asked.count(Stance.STOPS), route.most + asked.count(Stance.LETS_THROUGH)


def _sure_outcome(state: ThreatState) -> Outcome:
    return weakest_of([outcome_of(*_sure_depth(route), route.ground) for route in state.routes])


def worst_of(first: Matrix, others: Sequence[tuple[Matrix, str]]) -> Matrix:
    """Merge matrices of a container's processes, each threat from the weakest; `first` itself if no other is weaker
    anywhere. Each other comes with its folder, `/proc/4300/`.
    """
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
    """The threat states of `other` that are weaker than those in `first`."""
    pairs = zip(first.threats, other.threats, strict=True)
    return tuple(its for mine, its in pairs if its is not mine and _weaker(its, mine))


def _weaker(one: ThreatState, other: ThreatState) -> bool:
    return strength(one.outcome, *one.depth) < strength(other.outcome, *other.depth)


def _located(state: ThreatState, folder: str) -> ThreatState:
    """The state with its evidence's process spelled out, since `@` in a matrix means the container's first process."""
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
