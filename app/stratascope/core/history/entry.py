"""What is recorded of a container: how it stands, in parts, each written where it changed; and what it uses.

A container is known by its engine and its name, which a relaunch, Compose and an engine's restart leave as they are;
its id is one of the parts. Decided against the id: each relaunch would begin a history of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from stratascope.core.message import Message
from stratascope.value import Value


class Subject(Value):
    """Whose history it is."""

    engine: str
    name: str


class Made(Value):
    """Which container stands under the name. `by_us`: made by a relaunch of ours, by the engine's label."""

    id: str
    by_us: bool = False


class Image(Value):
    name: str
    id: str = ""


class Run(Value):
    """`status` as `core.container.Status`, or GONE; `started`: seconds since the epoch, 0.0 where not said."""

    status: str
    started: float = 0.0
    exit_code: int | None = None
    out_of_memory: bool = False


class Exposed(Value):
    """0.0 to 10.0. `root`: read as root, who sees more: a number that another reader gets is no change."""

    worst: float
    best: float
    root: bool = False


class Unlike(Value):
    """A process that differs from the first. `kind`: "exec" for a session; `fields`: "capabilities.effective" …"""

    command: str
    kind: str
    fields: tuple[str, ...]


class Limits(Value):
    """What the kernel enforces: bytes, processes, cores; None: no limit."""

    memory: int | None = None
    pids: int | None = None
    cpu: float | None = None


GONE = "gone"  # a status: its engine has no container of that name


class Kind(StrEnum):
    """The parts of a `Standing`, by the names of its fields."""

    MADE = "made"
    IMAGE = "image"
    RUN = "run"
    SETTINGS = "settings"
    LIMITS = "limits"
    EXPOSED = "exposed"
    LAYERS = "layers"
    THREATS = "threats"
    DRIFT = "drift"


Part = Made | Image | Run | Limits | Exposed | tuple[str, ...] | tuple[tuple[str, str], ...] | tuple[Unlike, ...]


class Standing(Value):
    """How a container stands at one moment. None: not known then, so nothing is written of that part.

    `settings`: what was asked for, as options of a run command; `layers`: verdicts by layer; `threats`: ids of those
    open that are critical or high, worst first.
    """

    made: Made | None = None
    image: Image | None = None
    run: Run | None = None
    settings: tuple[str, ...] | None = None
    limits: Limits | None = None
    exposed: Exposed | None = None
    layers: tuple[tuple[str, str], ...] | None = None
    threats: tuple[str, ...] | None = None
    drift: tuple[Unlike, ...] | None = None

    def part(self, kind: Kind) -> Part | None:
        """That part of it."""
        found: Part | None = getattr(self, kind.value)
        return found


class Entry(Value):
    """From that moment on (seconds since the epoch) this part of it was so."""

    at: float
    kind: Kind
    value: Part


class Used(Value):
    """What was used in the `span` seconds before `at`: mean and peak of bytes, cores, processes, and bytes a second
    read and written on disks. None: could not be read. What follows it and is alike is not written down.
    """

    at: float
    span: float
    memory: float | None = None
    memory_peak: float | None = None
    cpu: float | None = None
    cpu_peak: float | None = None
    pids: float | None = None
    pids_peak: float | None = None
    io: float | None = None
    io_peak: float | None = None


class Watch(Value):
    """From when to when somebody looked: between two of them nothing is known."""

    began: float
    until: float


class Batch(Value):
    """What is written at once. `watch`: how long it has been looked by now."""

    watch: Watch
    entries: tuple[tuple[Subject, Entry], ...] = ()
    used: tuple[tuple[Subject, Used], ...] = ()


class HistoryError(Exception):
    """The history can't be read or kept; `message` says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.id)
        self.message = message


class HistoryReader(Protocol):
    """What was kept. All raise HistoryError; times in seconds since the epoch."""

    def subjects(self) -> tuple[Subject, ...]:
        """All that there is a history of."""

    def entries(self, subject: Subject) -> tuple[Entry, ...]:
        """All of one, oldest first."""

    def used(self, subject: Subject, since: float) -> tuple[Used, ...]:
        """Oldest first; the last one before that moment comes first, since it holds until the next."""

    def watches(self, since: float) -> tuple[Watch, ...]:
        """Those that reach beyond that moment, oldest first."""

    def latest(self) -> dict[Subject, Standing]:
        """How each stood the last time."""

    def exposures(self, since: float) -> dict[Subject, tuple[Entry, ...]]:
        """Of all at once, for small lines: exposures from that moment on, with the last one before it."""


class HistoryStore(HistoryReader, Protocol):
    """Where it is kept."""

    def claim(self) -> bool:
        """Whether this program is the one that writes; another window may be. May be asked again and again."""

    def write(self, batch: Batch) -> None:
        """All of it, or nothing."""

    def tidy(self, now: float) -> None:
        """Thin out what is old, and drop what is too much."""

    def close(self) -> None:
        """May be called twice."""


def changed(before: Standing, now: Standing) -> tuple[tuple[Kind, Part], ...]:
    """The parts that are known now and are another than before."""
    parts = ((kind, now.part(kind)) for kind in Kind)
    return tuple((kind, part) for kind, part in parts if part is not None and part != before.part(kind))


def standing_of(parts: Sequence[tuple[Kind, Part]], before: Standing | None = None) -> Standing:
    """Parts put together, the later ones over the earlier."""
    held = {} if before is None else {kind.value: before.part(kind) for kind in Kind}
    return Standing(**(held | {kind.value: part for kind, part in parts}))  # type: ignore[arg-type]
