"""Watching containers on this environment: the observer as root, and where needs are kept."""

from __future__ import annotations

from stratascope.core.container import Engine, EngineState
from stratascope.core.message import msg
from stratascope.core.observation.observer import Observer
from stratascope.core.ports import EngineError
from stratascope.core.snapshot import ContainerState
from stratascope.state.needs import FileNeeds
from stratascope.usecases.observe.service import ObservationService, held
from stratascope.usecases.tighten.watched_twins import WatchedTwins
from stratascope.wiring.engines import Engines


def learning(engines: Engines, *, terminal: bool) -> ObservationService:
    """`terminal`: a person sits at the terminal that we run on, and can be asked for a password."""
    return ObservationService(FileNeeds(), lambda: _observer(engines, terminal))


def lesson(engines: Engines, engine: Engine, state: ContainerState, *, terminal: bool) -> WatchedTwins:
    """For trials of one container."""
    return WatchedTwins(lambda: _observer(engines, terminal), engine, held(state))


def lesson_on(engines: Engines, state: ContainerState) -> WatchedTwins:
    """The same for the window, where nobody sits at a terminal; asks its engine what it is. Raises EngineError."""
    port = next((port for port in engines.ports if port.id == state.container.engine), None)
    if port is None:
        text = msg("The engine {name} is not among those found.", name=state.container.engine)
        raise EngineError(EngineState.ABSENT, text)
    return lesson(engines, port.describe(), state, terminal=False)


def _observer(engines: Engines, terminal: bool) -> Observer:
    return engines.root(terminal=terminal)
