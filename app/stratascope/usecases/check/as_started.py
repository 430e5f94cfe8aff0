"""Predicts the layers of a container that its engine has but is not running. Nothing is asked, nothing is started."""

from __future__ import annotations

from collections.abc import Callable

from stratascope.core.capture import Capture
from stratascope.core.container import Container, Engine
from stratascope.core.ground import Ground
from stratascope.core.layer import Layer
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.check.predicted import Predictor

Plain = Callable[[Engine, Ground], tuple[Container, Capture]]  # what an engine gives a container without options


class AsStarted:
    """Caches a predictor per engine, until engine or ground changes."""

    def __init__(self, layers: tuple[Layer, ...], plain: Plain) -> None:
        self._layers, self._plain = layers, plain
        self._known: dict[str, tuple[Engine, Ground, Predictor]] = {}

    def state(self, container: Container, engine: Engine, ground: Ground) -> ContainerState:
        """As it would start on that engine and ground."""
        known = self._known.get(engine.id)
        if known is None or known[:2] != (engine, ground):
            made = Predictor(self._layers, engine, ground, *self._plain(engine, ground))
            known = self._known[engine.id] = engine, ground, made
        return known[2].as_started(container)
