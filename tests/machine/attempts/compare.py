"""Compares the report with what the kernel did: outcomes, and in isolated configurations the stances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from machine.attempts.configurations import OF_THE_RIG, Isolated
from machine.attempts.trial import Trial
from stratascope.core.layer import Layer
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import ThreatState
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.layers import all_layers
from stratascope.usecases.live.assembler import Assembler
from stratascope.wiring.engines import translations


@dataclass(frozen=True, slots=True)
class Agreement:
    """One threat in one container: what the report says, and what the kernel did."""

    engine: str
    configuration: str
    threat: str
    said: str  # open stopped unknown
    did: str  # open stopped

    @property
    def word(self) -> str:
        """agreed, unknown or disagreed."""
        if self.said == Outcome.UNKNOWN:
            return "unknown"
        return "agreed" if self.said == self.did else "disagreed"


def states(trial: Trial, layers: tuple[Layer, ...] | None = None) -> dict[str, ContainerState]:
    """The report's view of each configuration's container, by its name."""
    snapshot = Assembler(all_layers() if layers is None else layers, translations()).snapshot(trial.capture)
    return {state.container.name: state for state in snapshot.containers if state.container.name in trial.attempts}


def outcomes(trial: Trial, layers: tuple[Layer, ...] | None = None) -> list[Agreement]:
    """Every threat that was really decided, in every configuration."""
    found = []
    for name, state in states(trial, layers).items():
        assert state.matrix is not None, f"{trial.engine}: nothing is known of {name}: {state.gap}"
        for threat in state.matrix.threats:
            did = trial.result(name, threat.threat.id)
            if did in ("open", "stopped"):
                found.append(Agreement(trial.engine, name, threat.threat.id, str(threat.outcome), did))
    return found


def told(trial: Trial) -> list[Agreement]:
    """The same for what an ordinary user is told; whose own uid a container has is another question for each reader."""
    return [
        Agreement(trial.engine, name, threat, said, did)
        for name, outcomes in trial.told.items()
        for threat, said in outcomes.items()
        if threat != "be-engine-user" and (did := trial.result(name, threat)) in ("open", "stopped")
    ]


def stances(trial: Trial, isolated: Iterable[Isolated]) -> list[Agreement]:
    """In isolated configurations: what the one layer says of each threat, where no other has a say."""
    found = []
    known = states(trial)
    for item in isolated:
        state = known.get(item.configuration.name)
        if state is None or state.matrix is None:
            continue
        for threat in state.matrix.threats:
            did = trial.result(state.container.name, threat.threat.id)
            said = _alone(threat, item.layers)
            if did in ("open", "stopped") and said is not None:
                found.append(Agreement(trial.engine, state.container.name, threat.threat.id, said, did))
    return found


def others_that_stop(trial: Trial, isolated: Iterable[Isolated]) -> list[tuple[str, str, str]]:
    """Configuration, layer and threat where a layer that was switched off claims to stop something."""
    known = states(trial)
    return [
        (item.configuration.name, other.layer, threat.threat.id)
        for item in isolated
        if (state := known.get(item.configuration.name)) is not None and state.matrix is not None
        for threat in state.matrix.threats
        for other in threat.weakest.rulings
        if other.ruling.stance is Stance.STOPS
        and other.layer not in item.layers
        and (other.layer, threat.threat.id) not in item.besides
        and not (other.layer == "namespaces" and threat.threat.id in OF_THE_RIG.get(trial.engine, ()))
    ]


def _alone(threat: ThreatState, layers: tuple[str, ...]) -> str | None:
    """The outcome that these layers' stances alone give, over the routes; None where others decide as well."""
    said = []
    for route in threat.routes:
        ours = {item.ruling.stance for item in route.rulings if item.layer in layers}
        others = {item.ruling.stance for item in route.rulings if item.layer not in layers}
        if route.ground is not None:
            others.add(route.ground.stance)
        if Stance.STOPS in ours:
            said.append("stopped")
        elif others - {Stance.LETS_THROUGH}:
            return None
        else:
            said.append("unknown" if Stance.UNKNOWN in ours else "open")
    return next(word for word in ("open", "unknown", "stopped") if word in said)


def table(found: Iterable[Agreement]) -> str:
    """Agreement by engine and configuration, for people: a line each, and the sum."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    named: dict[tuple[str, str], list[str]] = {}
    for item in found:
        for key in ((item.engine, item.configuration), (item.engine, "all"), ("all", "all")):
            counts.setdefault(key, Counter())[item.word] += 1
        if item.word != "agreed":
            text = f"{item.threat} (said {item.said}, was {item.did})"
            named.setdefault((item.engine, item.configuration), []).append(text)
    lines = [f"{'engine':16} {'configuration':32} agreed unknown disagreed"]
    for key in sorted(counts, key=lambda key: (key[0] == "all", key[0], key[1] == "all")):
        count = counts[key]
        line = f"{key[0]:16} {key[1]:32} {count['agreed']:6} {count['unknown']:7} {count['disagreed']:9}"
        lines.append(" ".join((line, *named.get(key, ()))))
    return "\n".join(lines)
