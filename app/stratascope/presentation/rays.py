"""Threats as rays: which band stops each, which would stop it too, and in what order they stand. Pure, no Qt.

Decided against sorting anew while a layer is taken away in thought: a ray that falls on must be found where it was.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Basis, Family, Stance
from stratascope.presentation.threat_outcomes import Kind, kind_of
from stratascope.value import Value

GROUND = 0  # the number of the band below all: the kernel

_KINDS = list(Kind)


class Ray(Value):
    """One threat on its way down. `end`: the topmost band that stops it, or GROUND; `also`: further bands below
    that would stop it too; `unknown`: bands of which it is not known, GROUND among them. All from above."""

    state: ThreatState
    kind: Kind
    end: int
    also: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()  # of the bands that stop it those of which only the engine states that

    @property
    def id(self) -> str:
        return self.state.threat.id


class Bundle(Value):
    """The rays of one family, from left to right."""

    family: Family
    rays: tuple[Ray, ...]


def ray_of(state: ThreatState, numbers: Mapping[str, int]) -> Ray:
    """The way of one threat; `numbers` are the layers' bands by id."""
    stops, unknown, asked = [], [], []
    for item in state.weakest.rulings:
        number = numbers.get(item.layer)
        if number is None:
            continue
        if item.ruling.stance is Stance.STOPS:
            stops.append(number)
            if item.ruling.basis is not Basis.KERNEL:
                asked.append(number)
        elif item.ruling.stance is Stance.UNKNOWN:
            unknown.append(number)
    if state.weakest.ground is not None and state.weakest.ground.stance is Stance.UNKNOWN:
        unknown.append(GROUND)
    stops.sort(reverse=True)
    unknown.sort(reverse=True)
    end = stops[0] if stops else GROUND
    lowest = stops[-1] if stops else GROUND
    left = tuple(at for at in unknown if at > lowest or not stops)
    return Ray(state, kind_of(state), end, tuple(stops[1:]), left, tuple(asked))


def bundles(matrix: Matrix, numbers: Mapping[str, int], order: tuple[str, ...] = ()) -> tuple[Bundle, ...]:
    """All rays by family. `order`: ids of threats as they stood before, to keep the places."""
    places = {name: at for at, name in enumerate(order)}
    found: dict[Family, list[Ray]] = {family: [] for family in Family}
    for state in matrix.threats:
        found[state.threat.family].append(ray_of(state, numbers))
    for rays in found.values():
        if order:
            rays.sort(key=lambda ray: places.get(ray.id, len(places)))
        else:
            rays.sort(key=lambda ray: (_KINDS.index(ray.kind), -ray.end, ray.state.threat.severity.rank))
    return tuple(Bundle(family, tuple(rays)) for family, rays in found.items() if rays)


def order_of(bundled: tuple[Bundle, ...]) -> tuple[str, ...]:
    """The threats as they stand, from left to right."""
    return tuple(ray.id for bundle in bundled for ray in bundle.rays)
