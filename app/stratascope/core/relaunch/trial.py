"""Twins and trials: a disposable copy of a container beside it, what it is made of, and what trying it came to.

A twin can change nothing of its original: what that may write to lies below an overlay, it has a network with nothing
in it, and what can't be copied so refuses the twin, with the reason. It is written into the journal before it exists.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Choice, Failure
from stratascope.value import Value

REPEATS, REPEATS_MOST = 3, 100  # times that what works is tried again
TWIN = "io.github.stratascope.twin"  # label of a twin and of its volumes: the twin's number


class TwinMount(Value):
    """A bind or a volume as the twin gets it. `source` is on the engine's host, with no link at its end.

    `overlaid`: the twin writes into a layer of its own; all else is mounted as it is, and read-only.
    """

    source: str
    target: str
    overlaid: bool
    volume: str = ""  # its name


class TwinRecord(Value):
    """A twin as the journal has it: all that is needed to remove it, and what came with it."""

    id: str  # also the value of the label
    engine: str
    endpoint: str
    original: str  # full id
    name: str
    started_at: float
    cgroup: str = ""  # made for it to lie below, from the top of the control groups; empty: none


class Loosening(Value):
    """What would take back a part of the candidate: another value for this toggle; None leaves it out.

    `certain`: a refusal says so, else it is our best explanation.
    """

    toggle: str
    choice: Choice | None = None
    certain: bool = False


class Refusal(Value):
    """Something that was refused to a twin. `key` is the same each time that just this is refused again."""

    key: str
    text: Message
    loosening: Loosening | None = None  # None: nothing of ours would allow it


class Pace(Value):
    """How long a trial took, in seconds, and how its program ended: what the next ones are held against."""

    up: float  # from the start until it did all that was awaited
    exercise: float
    stop: float
    exit_code: int | None
    healthy: bool  # its healthcheck said so
    taken: tuple[int, ...] | None  # TCP ports that took a connection; None: its network could not be entered


class Works(StrEnum):
    YES = "yes"
    BREAKS = "breaks"
    REFUSED = "refused"  # there can be no such twin
    UNKNOWN = "unknown"  # the trial itself failed: an engine went away, or somebody cancelled


class Tried(Value):
    """What a trial came to. `why`: where it does not work; `words` are the engine's, `log` the twin's last ones.

    `loosenings`: what would help, likeliest first; empty where nothing points anywhere. `refusals`: those that an
    unchanged twin does not have, or all of an unchanged one. `seconds`: from the plan to the last volume removed.
    """

    choices: tuple[Choice, ...]
    works: Works
    seconds: float
    why: Message | None = None
    words: str = ""
    log: str = ""
    pace: Pace | None = None
    failure: Failure | None = None
    loosenings: tuple[Loosening, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    compared: tuple[Message, ...] = ()
    not_compared: tuple[Message, ...] = ()
