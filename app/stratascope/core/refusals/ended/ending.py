"""Why a container ended, or never began: one answer, made of what its engine, the kernel and its log say.

What the engine and the kernel say is certain; what a sentence of its log says is a guess, and says on which line it
stands. Beside the six layers, and the three that refuse too (`core/refusals/refusal.py`), three more can be the reason.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.container import Status
from stratascope.core.message import Message
from stratascope.core.refusals.refusal import Claim, Refusal, RefusalRemedy
from stratascope.value import Value


class End(Value):
    """`words`: the engine's own, why it did not start. `begun`, `ended`: seconds since the epoch, 0.0 for never.
    `again`: its engine starts it anew whenever it ends. `requested`: somebody had the engine end it; None: not said.
    `sent`: the signals that its engine sent it since it began, by number. `platform`: of its image, as in
    `linux/arm64`; `machine`: of the engine's machine, in the same words (`arm64`); "" where not said.
    `command`: program and arguments; `search`: folders in which a program without a slash is looked for; `folder`: in
    which it starts.
    """

    status: Status
    words: str = ""
    exit_code: int | None = None
    out_of_memory: bool = False
    begun: float = 0.0
    ended: float = 0.0
    restarts: int = 0
    again: bool = False
    requested: bool | None = None
    sent: tuple[int, ...] = ()
    platform: str = ""
    machine: str = ""
    command: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    folder: str = ""


PROGRAM, IMAGE, ENGINE = "program", "image", "engine"  # its own program; what it was made from; what should run it


class Phase(StrEnum):
    """How far it came."""

    NOT_TRIED = "not-tried"  # it was created, and nobody has started it
    NEVER_STARTED = "never-started"  # the engine or the runtime failed before its program ran
    EXITED = "exited"
    RESTARTING = "restarting"  # it ends, and is started again by its engine
    RUNNING = "running"


class Source(StrEnum):
    """Who says a fact."""

    ENGINE = "engine"
    KERNEL = "kernel"
    LOG = "log"
    FILE = "file"  # the program that it was to run
    WATCHED = "watched"  # the observer saw it


class Fact(Value):
    """One thing that is known of its end."""

    text: Message
    source: Source


class Cause(Value):
    """What it probably ended of. `claim`: as of a refusal, of one layer or of whoever else; not `certain`: a guess.

    `reason`: what the guess stands on. `evidence`: the line of its log, or its engine's words: foreign text.
    """

    claim: Claim
    reason: Message
    evidence: str = ""
    remedies: tuple[RefusalRemedy, ...] = ()

    @property
    def certain(self) -> bool:
        return self.claim.certain


class Ending(Value):
    """The answer. `headline`: one sentence. `signal`: SIGKILL …; "" where it was none. `cause`: None where nothing was
    found. `others`: what may also be it, likeliest first. `refusals`: the last ones, where it was watched; what it died
    of first. `log`: its last lines, foreign text.
    """

    engine: str
    container: str
    name: str
    phase: Phase
    headline: Message
    exit_code: int | None = None
    signal: str = ""
    out_of_memory: bool = False
    restarts: int = 0
    begun: float = 0.0
    ended: float = 0.0
    facts: tuple[Fact, ...] = ()
    cause: Cause | None = None
    others: tuple[Cause, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    log: tuple[str, ...] = ()
