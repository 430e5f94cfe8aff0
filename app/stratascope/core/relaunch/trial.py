"""Trials of settings on twins (`twin`): what one came to, and what would make it work."""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.core.relaunch.evidence import Answer, Failure
from stratascope.core.relaunch.toggle import Choice
from stratascope.value import Value


class Loosening(Value):
    """What would take back a part of the candidate: another value for this toggle, also for one that is not in it; None
    leaves it out.

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
    signals: tuple[str, ...]  # those that it takes and goes on: to reload, to reopen its logs
    answers: tuple[Answer, ...] | None  # at its TCP ports; None: its network could not be entered


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
