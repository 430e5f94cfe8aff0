"""What the live view knows of one engine, and what of it is to be read when."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from stratascope.core.capture import Capture
from stratascope.core.container import Engine
from stratascope.core.ground import Ground
from stratascope.core.ports import EnginePort
from stratascope.core.record import ContainerRecord
from stratascope.usecases.live.further_processes import setting_up
from stratascope.value import Struct, field

ALL = "*"  # in place of a container's id
SECOND_LOOK = 0.6  # seconds after an event at which its container is read once more
NAMED_BYTES = 64 << 20  # of inspect texts, of one engine
NAMED_MAX = 1000  # containers that wait to be read, or are remembered as gone


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

    def started(self, records: Sequence[ContainerRecord]) -> bool:
        """Whether one of them has a first process that was not there when it was last read."""
        with self.ready:
            return any(item.found is not None and _pid(item) != _pid(self.records.get(item.raw.id)) for item in records)

    def keep(self, records: Sequence[ContainerRecord], whole: bool) -> None:
        """These were read just now. Of what is told one by one no more is kept than an engine may list."""
        self.records.update({item.raw.id: item for item in records if item.raw.id not in self.gone})
        self.listed = self.listed or whole
        if not whole and sum(len(item.raw.inspect) for item in self.records.values()) > NAMED_BYTES:
            self.records.clear()
            self.want(ALL, time.monotonic())

    def look_again(self, records: Sequence[ContainerRecord], ground: Ground) -> None:
        """At those that a runtime is about to enter: no event tells when its process becomes the session's."""
        now = time.time()
        for item in records:
            if item.found is not None and any(setting_up(member, ground, now) for member in item.found.members):
                self.later.setdefault(item.raw.id, time.monotonic() + SECOND_LOOK)

    def want(self, what: str, now: float) -> None:
        """Read it now, and once more a moment later. Where too many are named one by one, all are read instead."""
        if len(self.due) >= NAMED_MAX or len(self.later) >= NAMED_MAX:
            self.due.clear()
            self.later.clear()
            what = ALL
        self.due[what] = now
        self.later[what] = now + SECOND_LOOK

    def put_off(self, what: str) -> None:
        """The second look counts from now, when the first has ended: many containers take as long as that pause."""
        with self.ready:
            if what in self.later:
                self.later[what] = time.monotonic() + SECOND_LOOK

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
        if len(self.gone) >= NAMED_MAX:
            self.gone.clear()
            self.due[ALL] = 0.0
        self.gone.add(container)
        self.records.pop(container, None)
        self.due.pop(container, None)
        self.later.pop(container, None)


def _pid(record: ContainerRecord | None) -> int | None:
    return None if record is None or record.found is None else record.found.first.pid
