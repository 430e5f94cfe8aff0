"""Captures of several machines as machines again, and what is open in how many of their containers on how many of them.

Pure. Reports count with it what they kept of each machine, and the window what it shows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from stratascope.core.container import Engine
from stratascope.core.message import Message
from stratascope.core.snapshot import Captured, ContainerState, Snapshot, rank
from stratascope.core.threats.threat import Threat
from stratascope.natural import natural
from stratascope.value import Value


class Machine(Value):
    """One capture. `states`: the most exposed first; none where it could not be read, and `trouble` says why."""

    name: str
    kernels: tuple[str, ...]
    engines: tuple[Engine, ...]
    states: tuple[ContainerState, ...]
    trouble: Message | None = None

    def own(self, engine: str) -> str:
        """What an engine of it is called there."""
        return engine.removeprefix(f"{self.name}:")


class OpenThreat(Value):
    """One threat, and in how many containers on how many machines it is open."""

    threat: Threat
    containers: int
    machines: int


def machines(snapshot: Snapshot) -> tuple[Machine, ...]:
    """One for each capture, in their order; none where this machine is shown, or the demo."""
    engines = {engine.id: engine for engine in snapshot.engines}
    states: dict[str, list[ContainerState]] = defaultdict(list)
    for state in snapshot.containers:
        states[state.container.engine].append(state)
    return tuple(_machine(each, engines, states) for each in snapshot.captures)


def _machine(captured: Captured, engines: dict[str, Engine], states: dict[str, list[ContainerState]]) -> Machine:
    found = [state for name in captured.engines for state in states.get(name, ())]
    found.sort(key=lambda each: (rank(each), natural(each.container.name), each.key))
    own = tuple(engines[name] for name in captured.engines if name in engines)
    return Machine(captured.name, captured.kernels, own, tuple(found), captured.trouble)


def open_threats(parts: Iterable[tuple[Iterable[Threat], int, Iterable[str]]]) -> tuple[OpenThreat, ...]:
    """Of each part of a fleet: the threats open in its containers, how many these are, and the machines they are on.

    The more severe, then the more often open, first.
    """
    threats: dict[str, Threat] = {}
    containers: Counter[str] = Counter()
    on: dict[str, set[str]] = defaultdict(set)
    for opened, count, names in parts:
        for threat in opened:
            threats[threat.id] = threat
            containers[threat.id] += count
            on[threat.id].update(names)
    found = (OpenThreat(threat, containers[name], len(on[name])) for name, threat in threats.items())
    return tuple(sorted(found, key=lambda each: (each.threat.severity.rank, -each.containers, each.threat.id)))
