"""A capture: all raw text behind one snapshot, to be saved, sent with a bug report, and replayed."""

from __future__ import annotations

from stratascope.core.capture import Capture
from stratascope.core.container import Engine
from stratascope.core.message import Message
from stratascope.core.ports import ContainerCapture, RawContainer
from stratascope.value import Value


class CapturedContainer(Value):
    """An engine's inspect answer and what was read for it; `found` is None for a container without a process."""

    raw: RawContainer
    found: ContainerCapture | None


class Trouble(Value):
    """Why this machine's kernel could not be read; `command`: a command that would fix it."""

    message: Message
    command: str = ""
    words: str = ""  # output of the failing program


class MachineCapture(Value):
    """`taken_at` in seconds since the epoch; `host` is this machine's capture.

    `hosts`: captures of other machines by engine id, for engines that do not run on this one.
    """

    taken_at: float
    host: Capture
    engines: tuple[Engine, ...]
    containers: tuple[CapturedContainer, ...]
    hosts: tuple[tuple[str, Capture], ...] = ()
    trouble: Trouble | None = None  # set if this machine could not be read at all

    def host_of(self, engine: str) -> Capture:
        """The capture of the machine that this engine runs on."""
        return next((capture for name, capture in self.hosts if name == engine), self.host)
