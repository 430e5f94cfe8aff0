"""A container as it would be judged on another host: the same readings, and other settings of the machine."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.ground import Surroundings
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import judge
from stratascope.layers import all_layers
from stratascope.value import replace
from stratascope.wiring.hardening import ConnectedHardening


def judged_on(state: ContainerState, hardening: ConnectedHardening, settings: Sequence[str]) -> ContainerState:
    """`settings`: NAME=VALUE of sysctl, or kernel=RELEASE; the state itself where there are none."""
    if not settings:
        return state
    access = hardening.accesses[0]
    ground = access.ground
    for name, _, value in (each.strip().partition("=") for each in settings):
        if name == "kernel":
            ground = replace(ground, kernel=value)
        else:
            ground = replace(ground, sysctls=tuple({**dict(ground.sysctls), name: value}.items()))
    around = Surroundings(ground, access.engine)
    postures = tuple(
        (layer, layer.judged_by(found.facts, layer.asked(state.container), around))
        for layer, found in zip(all_layers(), state.layers, strict=True)
    )
    return replace(state, matrix=judge(all_threats(), postures, ground))
