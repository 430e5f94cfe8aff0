"""What can be had with the container in view, asked for off the thread of the window.

An offer may take longer than the next reading of its container: one that is on its way is not asked for again, or it
would never come. Whether it is still right is for the column to see when it has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.usecases.plan.offers import Hint, Offer, Preview

PATIENCE = 150  # ms that an offer may take before the column says that it is coming
_TOPIC = "offer"


class Offering(Protocol):
    """Who knows what can be had: `Hardening` of what runs, `Corrections` of what a text asks for."""

    def offer(self, state: ContainerState) -> Offer:
        """Every toggle and preset; may take a while."""

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview:
        """What the choices come to; quick. Raises ToggleError."""

    def hint(self, state: ContainerState, choices: Sequence[Choice], offer: Offer) -> Hint | None:
        """What would help most beside the choices."""


class OfferQuery(QObject):
    """`arrived` has the state that was asked about, and its Offer or a Failure; `late`: it is not there yet."""

    arrived = Signal(object, object)
    late = Signal()

    def __init__(self, offering: Offering, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._offering, self._queries = offering, queries
        self._asked: ContainerState | None = None  # what is on its way is about it
        self._patience = later(self, PATIENCE, self.late)

    def ask(self, state: ContainerState, *, waited_for: bool) -> None:
        """`waited_for`: nothing is known of that container yet."""
        asked = self._asked
        if asked is not None and asked.key == state.key and start(asked) == start(state):
            return
        self.drop()
        self._asked = state
        if waited_for:
            self._patience.start()
        engine = state.container.engine
        self._queries.ask(_TOPIC, partial(self._offering.offer, state), partial(self._come, state), engine)

    def drop(self) -> None:
        """What is on its way is not wanted any more."""
        self._asked = None
        self._patience.stop()
        self._queries.drop(_TOPIC)

    def _come(self, state: ContainerState, answer: Offer | Failure) -> None:
        self._asked = None
        self._patience.stop()
        self.arrived.emit(state, answer)


def differ(before: ContainerState, now: ContainerState) -> bool:
    """Whether what can be had may be another by now; mere use of memory is not such a change."""
    return before is not now and (start(before) != start(now) or before.matrix != now.matrix)


def start(state: ContainerState) -> object:
    """What a plan depends on; the rest of a container's state changes every moment."""
    container = state.container
    return container.id, container.asked, container.status, container.started
