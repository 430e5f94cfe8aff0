"""Turns one rule of one layer around at a time, and counts who notices among the recorded trials.

A rule is a layer's answer to one need. Postures are taken once from real snapshots; a turned rule is judged again only
for the threats that have this need, so hundreds of them take seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from machine.attempts.trial import Trial
from stratascope.core.ground import Ground
from stratascope.core.layer import Layer
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import judge, with_gain
from stratascope.core.threats.gain import Gain
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import Posture, ruled
from stratascope.core.threats.threat import Outcome, Ruling, Stance, Threat
from stratascope.layers import all_layers
from stratascope.usecases.judging import gains_of, parts_of, postures_after
from stratascope.usecases.live.assembler import Assembler
from stratascope.value import replace
from stratascope.wiring.engines import translations
from stratascope.wiring.reach import around_of

_TURNED = {Stance.STOPS: Stance.LETS_THROUGH, Stance.LETS_THROUGH: Stance.STOPS}


def turned(layer: Layer, turned_need: Need) -> Layer:
    """A layer that says the opposite to one need."""

    def stance(need: Need, posture: Any) -> Ruling | None:
        ruling = layer.stance(need, posture)
        if ruling is None or need != turned_need or ruling.stance not in _TURNED:
            return ruling
        return replace(ruling, stance=_TURNED[ruling.stance])

    return replace(layer, stance=stance)


@dataclass(frozen=True)
class Case:
    """One container: the postures of its layers, now and with each gain, and what really happened, by threat."""

    name: str
    postures: tuple[Posture, ...]
    gains: tuple[tuple[Gain, tuple[Posture, ...]], ...]
    ground: Ground
    results: dict[str, str]

    def disagrees(self, threats: tuple[Threat, ...], layers: tuple[Layer, ...]) -> bool:
        """Whether the report that these layers give is another than what happened."""
        matrix = own = judge(threats, tuple(zip(layers, self.postures, strict=True)), self.ground)
        for gain, postures in self.gains:
            gained = judge(threats, tuple(zip(layers, postures, strict=True)), self.ground, own)
            matrix = with_gain(threats, matrix, gained, gain)
        return any(
            state.outcome is not Outcome.UNKNOWN and self.results.get(state.threat.id, state.outcome) != state.outcome
            for state in matrix.threats
        )


def cases(trial: Trial) -> tuple[Case, ...]:
    """The containers of a trial."""
    snapshot = Assembler(all_layers(), translations()).snapshot(trial.capture)
    found = []
    for state in snapshot.containers:
        name = state.container.name
        if state.matrix is None or name not in trial.attempts:
            continue
        around = around_of(snapshot, state)
        parts = parts_of(all_layers(), state.layers, around)
        gains = tuple(
            (gain, tuple(posture for _, posture in postures_after(parts, gain, around))) for gain in gains_of(parts)
        )
        results = {item.threat: trial.result(name, item.threat) for item in trial.attempts[name]}
        decided = {threat: word for threat, word in results.items() if word in ("open", "stopped")}
        found.append(
            Case(f"{trial.engine}: {name}", tuple(part.posture for part in parts), gains, around.ground, decided)
        )
    return tuple(found)


def rules(trials: Iterable[Case]) -> Iterator[tuple[int, Need]]:
    """Every layer (by place) and need that it has an opinion on in some container."""
    every = [postures for case in trials for postures in (case.postures, *(gained for _, gained in case.gains))]
    distinct = [dict.fromkeys(postures[place] for postures in every) for place in range(len(all_layers()))]
    needs = dict.fromkeys(need for threat in all_threats() for route in threat.routes for step in route.steps
                          for need in step.needs)  # fmt: skip
    for place, layer in enumerate(all_layers()):
        for need in needs:
            rulings = (ruled(layer, need, posture) for posture in distinct[place])
            if any(ruling is not None and ruling.stance in _TURNED for ruling in rulings):
                yield place, need


def having(need: Need) -> tuple[Threat, ...]:
    """The threats that a need is part of."""
    return tuple(
        threat for threat in all_threats() if any(need in step.needs for route in threat.routes for step in route.steps)
    )


def survives(place: int, need: Need, everywhere: tuple[Case, ...]) -> bool:
    """Whether nobody notices that this layer says the opposite to this need."""
    layers = list(all_layers())
    layers[place] = turned(layers[place], need)
    threats, changed = having(need), tuple(layers)
    return not any(case.disagrees(threats, changed) for case in everywhere)
