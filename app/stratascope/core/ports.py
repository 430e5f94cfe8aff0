"""The ports: what the use cases need from the outside, as protocols. Adapters live in `engines/` and `probe/`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stratascope.core.capture import Capture
from stratascope.core.container import Container, Engine, EngineState
from stratascope.core.message import Message


class EngineError(Exception):
    """An engine could not do what was asked: its state from now on, what to do, and its own words."""

    def __init__(self, state: EngineState, message: Message, words: str = "") -> None:
        super().__init__(f"{state}: {words or message.id}")
        self.state = state
        self.message = message
        self.words = words


class NoSuchContainerError(Exception):
    """The engine does not know that container (any more)."""


class ProbeError(Exception):
    """The collector can't be run, speaks another protocol version, or died; `message` says what to do."""

    def __init__(self, message: Message, words: str = "") -> None:
        super().__init__(words or message.id)
        self.message = message
        self.words = words


class EventKind(StrEnum):
    CHANGED = "changed"  # inspect it again
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Event:
    """A container changed or went away."""

    kind: EventKind
    container: str  # full id


@dataclass(frozen=True, slots=True)
class RawContainer:
    """An engine's answer about one container, whole, as JSON text without the values of its environment."""

    engine: str
    id: str
    inspect: str


class EnginePort(Protocol):
    """One engine endpoint. Every call has a time limit; none is made on the window's thread."""

    @property
    def id(self) -> str:
        """Stable id of the engine."""

    def describe(self) -> Engine:
        """What it is and in which state; never raises: a failure is a state with a message."""

    def list(self) -> tuple[RawContainer, ...]:
        """All containers, running or not. Raises EngineError."""

    def inspect(self, container: str) -> RawContainer:
        """One container. Raises EngineError, NoSuchContainerError."""

    def events(self) -> Iterator[Event]:
        """Blocks and yields until the stream ends (returns) or fails (EngineError); `close` ends it."""

    def close(self) -> None:
        """Give back connections, end `events`, end an API service that we started. May be called twice."""


class Translator(Protocol):
    """Pure: one kind of engine's inspect JSON into a container. Works on a saved capture too."""

    def __call__(self, raw: RawContainer, engine: Engine) -> Container:
        """Raises ValueError with a clear text where the JSON is damaged."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Read these names of this process; `members` also lists the other PIDs of its cgroup or PID namespace."""

    pid: int
    wants: tuple[str, ...]
    member_wants: tuple[str, ...] = ()
    members: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to one wish: the process, and each further process of the same container."""

    first: Capture
    members: tuple[Capture, ...] = ()
    members_from: str = ""  # "cgroup", "pid namespace", or "" where they could not be listed


class Prober(Protocol):
    """Runs the collector somewhere. Raises ProbeError where it can't be run at all; else gaps."""

    def host(self) -> Capture:
        """The host's facts (`core.ground.HOST_WANTS`)."""

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[Found, ...]:
        """One answer per wish, in order."""

    def close(self) -> None:
        """End the collector, if it is a process."""
