"""Types of judging's results: threats and routes with the layers' rulings, exposure, and the matrix of one container.

Built by `depth.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Protocol

from stratascope.core.ground import Ground
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Basis, Outcome, Route, Ruling, Stance, Threat
from stratascope.value import Value, force_setattr, replace

Posture = Hashable
Postures = tuple[tuple["RulingLayer", Posture], ...]


class AsRequested(Value):
    """The posture of a layer that could not be read completely: `read` by what was read alone, `as_requested` with the
    rest as the engine states it. `as_requested` None: engine statements do not count.
    """

    read: Posture
    as_requested: Posture | None


class OneOf(Value):
    """One of several possible postures, unknown which. `why`: what it depends on."""

    postures: tuple[Posture, ...]
    why: Message


class LayerRuling(Value):
    """One layer's ruling on a route: the decisive one among its rulings on all needs."""

    layer: str
    ruling: Ruling


class RouteState(Value):
    """One route, judged. `rulings`: from layer 1 up, only of layers that it concerns; `ground`: None if not concerned.

    `least`: how many layers stop it for certain; `most`: how many if all unknown ones do. `held`: whether nothing stops
    it for certain but a program of the image, which is trusted to check who asks.
    """

    route: Route
    rulings: tuple[LayerRuling, ...]
    ground: Ruling | None
    least: int = 0  # both are computed below, whatever is passed
    most: int = 0
    held: bool = False

    def __post_init__(self) -> None:
        stances = [item.ruling.stance for item in self.rulings]
        least = stances.count(Stance.STOPS)
        force_setattr(self, "least", least)
        force_setattr(self, "most", len(stances) - stances.count(Stance.LETS_THROUGH))
        if least == 1 and self.rulings[stances.index(Stance.STOPS)].ruling.weak:
            force_setattr(self, "held", self.ground is None or self.ground.stance is not Stance.STOPS)

    @property
    def outcome(self) -> Outcome:
        """The outcome of an attempt by this route."""
        return outcome_of(self.least, self.most, self.ground)


def outcome_of(least: int, most: int, ground: Ruling | None) -> Outcome:
    """The outcome, given how many layers stop it for certain, and how many if all unknown ones do."""
    if least or (ground is not None and ground.stance is Stance.STOPS):
        return Outcome.STOPPED
    if most or (ground is not None and ground.stance is Stance.UNKNOWN):
        return Outcome.UNKNOWN
    return Outcome.OPEN


_WEAKEST_FIRST = (Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED)


def weakest_of(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome for an attacker who can choose the route; raises ValueError if there is none."""
    return min(outcomes, key=_WEAKEST_FIRST.index)


def strength(outcome: Outcome, least: int, most: int) -> tuple[int, int, int]:
    """Sort key: weakest first."""
    return _WEAKEST_FIRST.index(outcome), least, most


class ThreatState(Value):
    """One threat, judged. `depth` is (least, most) over its routes; `weakest` is the route that an attacker takes."""

    threat: Threat
    outcome: Outcome
    depth: tuple[int, int]
    by_ground: bool  # stopped, and by the host's settings alone
    weakest: RouteState
    routes: tuple[RouteState, ...]
    linked: tuple[tuple[str, str], ...]  # layers of the weakest route that fall together
    held: bool = False  # stopped, but by a program of the image alone (`RouteState.held`) on some route

    @property
    def at_stake(self) -> Severity | None:
        """The severity that counts: one less than its own if only a program holds it; None if it is stopped."""
        if self.outcome is not Outcome.STOPPED:
            return self.threat.severity
        return self.threat.severity.milder if self.held else None

    def ruling(self, layer: str) -> Ruling | None:
        """The layer's ruling on the weakest route; None: not its subject."""
        return next((item.ruling for item in self.weakest.rulings if item.layer == layer), None)

    def stance(self, layer: str) -> Stance:
        """The layer's stance on the weakest route."""
        ruling = self.ruling(layer)
        return Stance.NOT_ITS_JOB if ruling is None else ruling.stance


class Share(Value):
    """What one threat adds to the exposure, by severity and depth: with unknowns let through, and with them stopped."""

    threat: str
    worst: float
    best: float


class Band(Value):
    """A range of exposures. `middle`: the part of all threats' weight let through that yields its middle; `rise`: how
    steep it is there.
    """

    least: float
    most: float
    middle: float
    rise: float


class Exposure(Value):
    """0.0 to 10.0: `worst` with all that is unknown counted as let through, `best` as stopped."""

    worst: float
    best: float
    shares: tuple[Share, ...]


class Matrix(Value, weakref=True, eq=False):
    """All threats of the catalogue for one container, and its exposure.

    `ground` and `rows`: its inputs, so that a similar matrix can share equal parts; not compared and not printed.
    `parts`: the matrices that it was put together from, kept alive for the same reason.
    """

    UNPRINTED = ("ground", "rows", "parts")

    threats: tuple[ThreatState, ...]
    exposure: Exposure
    ground: Ground | None = None
    rows: tuple[Row, ...] = ()
    parts: tuple[Matrix, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matrix) and (self.threats, self.exposure) == (other.threats, other.exposure)

    def __hash__(self) -> int:
        return hash(self.threats)

    def open(self, severity: Severity) -> tuple[ThreatState, ...]:
        """The open threats of that severity."""
        return tuple(item for item in self.threats if item.outcome is Outcome.OPEN and item.threat.severity is severity)

    def of(self, threat: str) -> ThreatState | None:
        """One threat by its id."""
        return next((item for item in self.threats if item.threat.id == threat), None)


class RulingLayer(Protocol):
    """What `depth` uses of a `core.layer.Layer`."""

    def __hash__(self) -> int: ...

    @property
    def id(self) -> str: ...

    def stance(self, need: Need, posture: Any, /) -> Ruling | None: ...


class Row:
    """One layer's rulings, in one posture, on each route of all threats."""

    __slots__ = ("__weakref__", "answers", "layer")

    def __init__(self, layer: RulingLayer, answers: tuple[LayerRuling | None, ...]) -> None:
        self.layer, self.answers = layer, answers


def ruled(layer: RulingLayer, need: Need, posture: Posture) -> Ruling | None:
    """The layer's ruling on the need. Its basis is ASKED if only the engine's statement decides it."""
    if isinstance(posture, OneOf):
        return _common([ruled(layer, need, each) for each in posture.postures], posture.why)
    if not isinstance(posture, AsRequested):
        return layer.stance(need, posture)
    read = layer.stance(need, posture.read)
    if posture.as_requested is None:
        return unverified(read)
    if read is not None and read.stance is not Stance.UNKNOWN:
        return read
    requested = layer.stance(need, posture.as_requested)
    if requested is None or (read is not None and read.stance is requested.stance):
        return read
    return replace(requested, source="inspect:HostConfig", basis=Basis.ASKED)


def _common(rulings: Sequence[Ruling | None], why: Message) -> Ruling | None:
    """The ruling if it is the same in every case; UNKNOWN if the cases differ."""
    given = [ruling for ruling in rulings if ruling is not None]
    stances = {ruling.stance for ruling in given}
    if len(stances) > 1 or (len(given) < len(rulings) and stances - {Stance.LETS_THROUGH}):
        return Ruling(Stance.UNKNOWN, why, given[0].source)
    return given[0] if given else None


_UNVERIFIED = msg("The engine states it; the kernel's own value was not read.")


def unverified(ruling: Ruling | None) -> Ruling | None:
    """The ruling without the engine's statements."""
    if ruling is None or ruling.basis is Basis.KERNEL:
        return ruling
    return Ruling(Stance.UNKNOWN, _UNVERIFIED, ruling.source)
