"""Hardening on this environment's engines: for the command line all that answer, for the window each when needed.

Beside `engines`, which every start imports: this is imported only where something is to be changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stratascope.core.container import Engine, EngineState, matching
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.transaction import Journal
from stratascope.core.snapshot import ContainerState
from stratascope.presentation.takeover import not_found
from stratascope.state.journal import FileJournal
from stratascope.usecases.hardening import Hardening
from stratascope.value import Value
from stratascope.wiring.connected_engine import ConnectedEngine
from stratascope.wiring.engines import Engines, describe, open_engines
from stratascope.wiring.exports import command


class ConnectedHardening(Value):
    """Hardening for the command line: all engines are asked at once what they are, and those that answer are kept."""

    hardening: Hardening
    accesses: tuple[ConnectedEngine, ...]
    engines: tuple[Engine, ...]  # those that do not answer too: they say why

    def container(self, name: str) -> tuple[ConnectedEngine, str]:
        """The engine that has a container of that name or id, and its full id. ProbeError where none or several."""
        every = [(access, container) for access in self.accesses for container in access.containers()]
        keys = {container.key for container in matching(name, (container for _, container in every))}
        hits = [(access, container.id) for access, container in every if container.key in keys]
        if not hits:
            raise ProbeError(not_found(name, self.engines, (container.name for _, container in every)), name)
        if len(hits) > 1 and len({access.engine.id for access, _ in hits}) == 1:
            ids = ", ".join(number[:16] for _, number in hits)
            text = msg("Several containers have an ID that begins with {name}: {ids}. Give more of it.", name=name,
                       ids=ids)  # fmt: skip
            raise ProbeError(text, name)
        if len(hits) > 1:
            engines = ", ".join(access.engine.id for access, _ in hits)
            raise ProbeError(msg("Several engines have a {name}. Choose one with --engine: {engines}.", name=name,
                                 engines=engines), name)  # fmt: skip
        return hits[0]

    def state(self, name: str) -> tuple[ConnectedEngine, ContainerState]:
        """The same, read now. Raises what `container` and the engine raise, NoSuchContainerError where it is gone."""
        access, container = self.container(name)
        state = access.read(container)
        if state is None:
            raise NoSuchContainerError(container)
        return access, state


def connected(
    engines: Engines,
    journal: Journal | None = None,
    *,
    terminal: bool = False,
    described: tuple[Engine, ...] | None = None,
) -> ConnectedHardening:
    """Hardening on those of these engines that answer. `terminal`: a person there can be asked for a password.

    `described`: what they said that they are, where they were asked.
    """
    journal = journal or FileJournal()
    described = describe(engines) if described is None else described
    accesses = {
        engine.id: ConnectedEngine(engines, port, engine, journal)
        for port, engine in zip(engines.ports, described, strict=True)
        if engine.state is EngineState.CONNECTED
    }

    def connect(engine: str) -> ConnectedEngine:
        if engine not in accesses:
            raise _not_found(engine)
        return accesses[engine]

    return ConnectedHardening(
        Hardening(connect, journal, command, lambda: engines.root(terminal=terminal)),
        tuple(accesses.values()),
        described,
    )


@contextmanager
def open_hardening(
    only: tuple[str, ...] = (), journal: Journal | None = None, *, terminal: bool = False
) -> Iterator[ConnectedHardening]:
    """The same for the engines of this environment. Raises ProbeError where one of `only` is not known."""
    with open_engines(only) as engines:
        yield connected(engines, journal, terminal=terminal)


def connect(engines: Engines, engine_id: str, journal: Journal) -> ConnectedEngine:
    """One engine, for the window. Raises EngineError where it can't be used now."""
    port = next((port for port in engines.ports if port.id == engine_id), None)
    if port is None:
        raise _not_found(engine_id)
    engine = port.describe()
    if engine.state is not EngineState.CONNECTED:
        text = engine.message or msg("The engine {name} can't be used now.", name=engine_id)
        raise EngineError(engine.state, text, engine.error)
    access = ConnectedEngine(engines, port, engine, journal)
    trouble = access.trouble()
    if trouble is not None and not trouble.command:  # it may be well the next time: nothing is kept of this one
        raise EngineError(EngineState.UNREACHABLE, trouble.message, trouble.words)
    return access


def _not_found(engine: str) -> EngineError:
    return EngineError(EngineState.ABSENT, msg("The engine {name} is not among those found.", name=engine))
