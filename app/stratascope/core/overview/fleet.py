"""A fleet: the machines behind opened captures or remote engines, and on how many of them each threat is open.

Pure. Used by the window for its snapshot, and by reports for what they stored of each machine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from stratascope.core.container import Engine, EngineState, is_loopback
from stratascope.core.message import Message, msg
from stratascope.core.snapshot import Captured, ContainerState, Snapshot, rank
from stratascope.core.text import natural
from stratascope.core.threats.threat import Threat
from stratascope.value import Value


class Machine(Value):
    """One capture, or one host of engines. `states`: most exposed first; empty where the machine could not be read,
    with the reason in `trouble`.
    """

    name: str
    kernels: tuple[str, ...]
    engines: tuple[Engine, ...]
    states: tuple[ContainerState, ...]
    trouble: Message | None = None

    def own(self, engine: str) -> str:
        """The engine's id on its own machine."""
        return engine.removeprefix(f"{self.name}:")


class OpenThreat(Value):
    """One threat, with the number of containers and the machines on which it is open."""

    threat: Threat
    containers: int
    machines: int


def machines(snapshot: Snapshot, here: str = "") -> tuple[Machine, ...]:
    """One machine per capture, in their order. In a live view: this machine, named `here`, if one of its engines
    answers, then one per host of the other engines. Empty for the demo.
    """
    engines = {engine.id: engine for engine in snapshot.engines}
    states: dict[str, list[ContainerState]] = defaultdict(list)
    for state in snapshot.containers:
        states[state.container.engine].append(state)
    if not snapshot.captures and not snapshot.demo:
        return tuple(_hosts(snapshot, states, here))
    return tuple(_machine(each, engines, states) for each in snapshot.captures)


def _hosts(snapshot: Snapshot, states: dict[str, list[ContainerState]], here: str) -> Iterator[Machine]:
    grounds = dict(snapshot.elsewhere)
    hosts: dict[str, list[Engine]] = {here: []}
    for engine in snapshot.engines:
        own = engine.local and engine.id not in grounds
        hosts.setdefault(here if own else host_of(engine), []).append(engine)
    for name, engines in hosts.items():
        known = (grounds[each.id].kernel for each in engines if each.id in grounds)
        kernels = (snapshot.ground.kernel,) if name == here else tuple(dict.fromkeys(known))
        found = [state for each in engines for state in states.get(each.id, ())]
        if found or any(each.state is EngineState.CONNECTED for each in engines):
            yield Machine(name, kernels, tuple(engines), _worst_first(found))
        elif name != here:
            message = next((each.message for each in engines if each.message is not None), None)
            yield Machine(name, kernels, tuple(engines), (), message or msg("No engine of it answers."))


def host_of(engine: Engine) -> str:
    """A name for the machine of a remote engine: its host, with the port if the host is this machine, as for a
    forwarded port. For a local socket that leads elsewhere, the engine's id, since the socket does not name its host.
    """
    try:
        address = urlsplit(engine.endpoint)
        host, port = address.hostname or "", address.port
    except ValueError:
        host, port = "", None
    if not host or engine.local:
        return engine.id
    own = is_loopback(host)
    return f"{host}:{port}" if own and port else host


def _machine(captured: Captured, engines: dict[str, Engine], states: dict[str, list[ContainerState]]) -> Machine:
    found = [state for name in captured.engines for state in states.get(name, ())]
    own = tuple(engines[name] for name in captured.engines if name in engines)
    return Machine(captured.name, captured.kernels, own, _worst_first(found), captured.trouble)


def _worst_first(states: Iterable[ContainerState]) -> tuple[ContainerState, ...]:
    return tuple(sorted(states, key=lambda each: (rank(each), natural(each.container.name), each.key)))


def open_threats(parts: Iterable[tuple[Iterable[Threat], int, Iterable[str]]]) -> tuple[OpenThreat, ...]:
    """Count open threats over a fleet. Each of `parts`: threats open in some containers, the number of these
    containers, and their machines. Sorted by severity, then by how often they are open.
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
