"""Predicts how containers that are not running would start, for those that somebody selected, in each snapshot.

A hundred exited containers cost nothing until they are selected. A prediction is kept until the container, its engine
or its kernel changes.
"""

from __future__ import annotations

from collections.abc import Callable

from stratascope.core.capture import GapKind
from stratascope.core.container import Container, Engine
from stratascope.core.ground import Ground
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.fault_log import fault_logger
from stratascope.value import Value, replace

logger = fault_logger(__name__)
Key = tuple[str, str]
Predict = Callable[[Container, Engine, Ground], ContainerState]


class _Known(Value):
    """A container as read, the other inputs of its prediction, and the result."""

    state: ContainerState
    engine: Engine
    ground: Ground
    made: ContainerState


class Predictions:
    """`look_at` may be called from any thread, `added` from one."""

    def __init__(self, predict: Predict | None = None) -> None:
        """None: nothing is predicted."""
        self._predict = predict
        self._looked: frozenset[Key] = frozenset()
        self._known: dict[Key, _Known] = {}

    def look_at(self, key: Key | None) -> bool:
        """Predict that container from now on. Returns whether a new snapshot is needed for it."""
        if self._predict is None or key is None or key in self._looked:
            return False
        self._looked |= {key}
        return True

    def added(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with predictions for selected containers that are not running."""
        looked = self._looked
        if not looked:
            return snapshot
        engines = {engine.id: engine for engine in snapshot.engines}
        known, self._known = self._known, {}
        states = []
        for state in snapshot.containers:
            engine = engines.get(state.container.engine)
            if state.key in looked and engine is not None and _ended(state):
                found = self._of(known.get(state.key), state, engine, snapshot.ground_of(engine.id))
                self._known[state.key] = found
                state = found.made  # noqa: PLW2901
            states.append(state)
        return replace(snapshot, containers=tuple(states)) if self._known else snapshot

    def _of(self, before: _Known | None, state: ContainerState, engine: Engine, ground: Ground) -> _Known:
        if before is not None and (before.engine, before.ground) == (engine, ground):
            if before.state is state:
                return before
            if before.state.container == state.container:
                return _Known(state, engine, ground, replace(state, as_started=before.made.as_started))
        return _Known(state, engine, ground, self.foreseen(state, engine, ground))

    def foreseen(self, state: ContainerState, engine: Engine, ground: Ground) -> ContainerState:
        """The container with its prediction; unchanged if nothing can be predicted."""
        if self._predict is None:
            return state
        try:
            return replace(state, as_started=self._predict(state.container, engine, ground))
        except Exception:  # an unforeseen text: show it without a prediction, and log the traceback
            logger.exception("how %s would start can't be predicted", state.container.name)
            return state


def _ended(state: ContainerState) -> bool:
    return state.gap is not None and state.gap.kind is GapKind.GONE and not state.container.pid
