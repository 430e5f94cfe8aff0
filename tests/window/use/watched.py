"""An observation service for the window's tests: its store is in memory, its observer yields what the test supplies."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator

from PySide6.QtWidgets import QPushButton

from rig.presentation import use_sample
from rig.usecases.memory_access import MemoryNeeds
from stratascope.core.container import Container
from stratascope.core.message import Message
from stratascope.core.observation.events import Event
from stratascope.core.observation.observation import Needs, NeedsError, Observation, Observer, ObserverRequest
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import ContainerState
from stratascope.ui.use.page import UsePage
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.observe.service import ObservationService


class Line:
    """A stream of what the test puts into it, until it is closed."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[Event]:
        while (event := self.events.get()) is not None:
            yield event

    def close(self) -> None:
        self.events.put(None)


class Rig:
    """The service, and its parts. `refusal`: why observing cannot start; `damaged`: the store cannot be read."""

    def __init__(self) -> None:
        self.store = MemoryNeeds()
        self.line = Line()
        self.targets: list[ObserverRequest] = []
        self.refusal: tuple[Message, str] | None = None
        self.damaged = ""
        self.learning = ObservationService(self, self._observer)

    @classmethod
    def knowing(cls, states: Iterable[ContainerState], *, but: str = "") -> Rig:
        """Return one that has observed a web server's use in each of these containers, except for that one."""
        made = cls()
        for state in states:
            if state.container.name != but:
                made.store.add(state.container, use_sample.web())
        return made

    def _observer(self) -> Observer:
        if self.refusal is not None:
            raise ProbeError(*self.refusal)
        return self

    def begin(self, target: ObserverRequest) -> Line:
        self.targets.append(target)
        self.line = Line()
        return self.line

    def of(self, container: Container, but: str = "") -> Needs | None:
        if self.damaged:
            raise NeedsError(self.damaged)
        return self.store.of(container, but)

    def so_far(self, container: Container, watch: str, observation: Observation) -> None:
        self.store.so_far(container, watch, observation)

    def add(self, container: Container, observation: Observation, watch: str = "") -> Needs:
        return self.store.add(container, observation, watch)

    def share(self, container: Container, other: Container) -> None:
        self.store.share(container, other)

    def forget(self, container: Container) -> bool:
        self.damaged = ""
        return self.store.forget(container)


def named(window: MainWindow, name: str) -> ContainerState:
    """Return the container of that name."""
    assert window.selection.snapshot is not None
    return next(state for state in window.selection.snapshot.containers if state.container.name == name)


def buttons(page: UsePage) -> list[str]:
    """Return the strip's enabled buttons."""
    return [each.text() for each in page.strip.findChildren(QPushButton) if each.isVisible()]
