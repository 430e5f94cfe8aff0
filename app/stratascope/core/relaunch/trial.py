"""Trials of settings on twins: their results, and changes that would make a failing one work."""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.evidence import Failure, PortReply
from stratascope.core.relaunch.toggle import Choice
from stratascope.value import Value


class Loosening(Value):
    """A change that makes the candidate less strict: another value for this toggle, which may be a new one; None leaves
    the toggle out.

    `certain`: stated by a refusal; else our best explanation.
    """

    toggle: str
    choice: Choice | None = None
    certain: bool = False


class TwinRefusal(Value):
    """Something that was refused to a twin. `key`: equal for repetitions of exactly this refusal."""

    key: str
    text: Message
    loosening: Loosening | None = None  # None: none of our toggles would allow it


class Lasting(Value):
    """What an unchanged twin wrote, once it was stopped and started again. `stay`: files that it left as they were,
    `gone`: files that it removed.
    """

    stay: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


class Pace(Value):
    """Duration of a trial in seconds and how its program behaved: the baseline for later trials."""

    up: float  # from the start until everything expected was observed
    exercise: float
    stop: float
    exit_code: int | None
    healthy: bool  # its healthcheck reported healthy
    signals: tuple[str, ...]  # those it handles and survives: to reload, to reopen its logs
    answers: tuple[PortReply, ...] | None  # at its TCP ports; None: its network could not be entered
    lasting: Lasting | None = None  # None: it did not start again, or that could not be read


class Works(StrEnum):
    YES = "yes"
    BREAKS = "breaks"
    REFUSED = "refused"  # such a twin is not possible
    UNKNOWN = "unknown"  # the trial itself failed: the engine went away, or it was cancelled


WORKS = {
    Works.YES: msg("works"),
    Works.BREAKS: msg("breaks"),
    Works.REFUSED: msg("no copy"),
    Works.UNKNOWN: msg("not known"),
}


class Tried(Value):
    """Result of a trial. `why`: set if it does not work; `words`: the engine's message; `log`: the twin's last output.

    `loosenings`: what would help, likeliest first; empty if nothing is known. `refusals`: those that an unchanged twin
    does not have; for an unchanged twin, all. `seconds`: from the plan until the last volume is removed.
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
    refusals: tuple[TwinRefusal, ...] = ()
    compared: tuple[Message, ...] = ()
    not_compared: tuple[Message, ...] = ()
