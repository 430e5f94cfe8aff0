"""The live view on real engines, and a stand-in for the window that waits for what it publishes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rig.engine import Rig
from stratascope.core.layer import Layer
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.usecases.live.live_view import LiveView
from stratascope.usecases.live.reader import Reader
from stratascope.usecases.live.root_readings import RootAccess
from stratascope.wiring.engines import assembler, find_engines, translations


class Screen:
    """A stand-in for the window: keeps the last snapshot, and waits for one that satisfies a condition."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self._arrived = threading.Condition()

    def publish(self, snapshot: Snapshot) -> None:
        with self._arrived:
            self.snapshots.append(snapshot)
            self._arrived.notify_all()

    def wait(self, wanted: Callable[[Snapshot], bool]) -> Snapshot:
        with self._arrived:
            while not (self.snapshots and wanted(self.snapshots[-1])):
                self._arrived.wait()
            return self.snapshots[-1]


@contextmanager
def watching(
    *rigs: Rig, layers: tuple[Layer, ...] | None = None, root: RootAccess | None = None
) -> Iterator[tuple[LiveView, Screen]]:
    """The live view of these engines and the screen it publishes to; `layers` instead of the program's."""
    engines = find_engines((), {"STRATASCOPE_ENGINES": " ".join(f"{r.kind}={r.endpoint}" for r in rigs)})
    shared = translations()
    reader = engines.reader(shared) if layers is None else Reader(layers, shared, engines.local, engines.reach)
    watch = LiveView(engines.ports, reader, assembler(shared), root=root)
    screen = Screen()
    watch.start(screen.publish)
    try:
        yield watch, screen
    finally:
        watch.stop()
        engines.close()


def named(snapshot: Snapshot, name: str) -> ContainerState | None:
    return next((state for state in snapshot.containers if state.container.name == name), None)
