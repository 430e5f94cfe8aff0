"""A record: all raw text behind one snapshot, so that it can be saved, sent with a bug report, and replayed."""

from __future__ import annotations

from stratascope.core.capture import Capture
from stratascope.core.container import Engine
from stratascope.core.message import Message
from stratascope.core.ports import ContainerCapture, RawContainer
from stratascope.value import Value


class ContainerRecord(Value):
    """An engine's answer and what was read for it; `found` is None for a container without a process."""

    raw: RawContainer
    found: ContainerCapture | None


class Trouble(Value):
    """Why this machine's kernel could not be asked; `command`: what would mend it, word for word."""

    message: Message
    command: str = ""
    words: str = ""  # what the failing program said itself


class Record(Value):
    """`taken_at` in seconds since the epoch; `host` is this machine's capture.

    `hosts` has, by engine id, the captures of other machines, for engines that do not run on this one.
    """

    taken_at: float
    host: Capture
    engines: tuple[Engine, ...]
    containers: tuple[ContainerRecord, ...]
    hosts: tuple[tuple[str, Capture], ...] = ()
    trouble: Trouble | None = None  # where this machine could not be read at all

    def host_of(self, engine: str) -> Capture:
        """The capture of the machine that this engine runs on."""
        return next((capture for name, capture in self.hosts if name == engine), self.host)
