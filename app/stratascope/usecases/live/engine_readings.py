"""What the live view knows of one engine, and what of it is to be read when."""

from __future__ import annotations

import threading

from stratascope.core.capture import Capture
from stratascope.core.container import Engine
from stratascope.core.ports import EnginePort
from stratascope.core.record import ContainerRecord
from stratascope.value import Struct, field

ALL = "*"  # in place of a container's id


class EngineReadings(Struct):
    """What is known of one engine. `ready` guards all fields."""

    port: EnginePort
    ready: threading.Condition = field(default_factory=threading.Condition)
    engine: Engine | None = None
    records: dict[str, ContainerRecord] = field(default_factory=dict)
    host: Capture | None = None  # another machine's
    due: dict[str, float] = field(default_factory=dict)  # container id or ALL -> when to read it
    later: dict[str, float] = field(default_factory=dict)  # the same, for the second look
    listed: bool = False  # whether all its containers have been read once
    gone: set[str] = field(default_factory=set)  # removed since the last list: a late answer must not revive it
    beat: float = 0.0
    try_now: threading.Event = field(default_factory=threading.Event)

    def take_due(self, now: float) -> set[str]:
        """What is to be read by now; not due any more afterwards."""
        taken = set()
        for waiting in (self.due, self.later):
            for what in [what for what, when in waiting.items() if when <= now]:
                del waiting[what]
                taken.add(what)
        return taken

    def forget(self, container: str) -> None:
        """The container is gone."""
        self.gone.add(container)
        self.records.pop(container, None)
        self.due.pop(container, None)
        self.later.pop(container, None)
