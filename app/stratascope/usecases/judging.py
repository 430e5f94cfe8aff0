"""Judges one process by its layers: what it can do now, and what it could do with the rights that it can gain.

Whoever takes over a process may start the programs of its container. So each gain (`core.threats.gain`) is judged as
the process would be afterwards, by the same layers, and adds its routes where they are weaker. Equal ones are judged
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratascope.core.ground import Surroundings
from stratascope.core.layer import Layer
from stratascope.core.snapshot import LayerState
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import judge, with_gain
from stratascope.core.threats.gain import Gain
from stratascope.core.threats.states import Matrix, Posture, Postures, ruled
from stratascope.core.threats.threat import Stance
from stratascope.value import Value


class Part(Value):
    """One layer, with what it knows of the process. `layer`: with the rulings to use."""

    layer: Layer
    facts: Any
    asked: Any
    posture: Posture


def parts_of(layers: Sequence[Layer], states: Sequence[LayerState], around: Surroundings) -> tuple[Part, ...]:
    """Each layer with what it knows; `layers`: with the rulings to use, in the order of `states`."""
    return tuple(
        [
            Part(layer, state.facts, state.asked, layer.judged_by(state.facts, state.asked, around))
            for layer, state in zip(layers, states, strict=True)
        ]
    )


def matrix_of(parts: Sequence[Part], around: Surroundings, like: Matrix | None = None) -> Matrix:
    """All threats. `like` as in `core.threats.depth.judge`."""
    threats = all_threats()
    own = judge(threats, tuple([(part.layer, part.posture) for part in parts]), around.ground, like)
    found = own
    for gain in gains_of(parts):
        found = with_gain(threats, found, judge(threats, postures_after(parts, gain, around), around.ground, own), gain)
    return found


def gains_of(parts: Sequence[Part]) -> tuple[Gain, ...]:
    """What the process can gain, by steps that no layer stops."""
    found = [gain for part in parts if part.facts is not None for gain in part.layer.gains(part.facts)]
    return tuple([gain for gain in found if not _stopped(gain, parts)])


def postures_after(parts: Sequence[Part], gain: Gain, around: Surroundings) -> Postures:
    """The postures of a process with these rights."""
    found = []
    for part in parts:
        facts = None if part.facts is None else part.layer.gained(part.facts, gain)
        same = facts is part.facts
        found.append((part.layer, part.posture if same else part.layer.judged_by(facts, part.asked, around)))
    return tuple(found)


def _stopped(gain: Gain, parts: Sequence[Part]) -> bool:
    rulings = (ruled(part.layer, need, part.posture) for part in parts for need in gain.needs)
    return any(ruling is not None and ruling.stance is Stance.STOPS for ruling in rulings)
