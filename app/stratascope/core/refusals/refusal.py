"""A refused attempt, and its explanation: who refused, how certain that is, and what would allow it. Types.

An attempt is built from one event of the observer (`core/observation/events.py`) and lines of the kernel's log at that
time. Each layer may claim it (`Layer.refused`), and so may `files`, `network` and `kernel` in this folder.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from stratascope.core.message import Message
from stratascope.core.observation.events import Circumstances
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.want import Want
from stratascope.linux.namespace import IdRange, to_inside
from stratascope.value import Value


class AttemptKind(StrEnum):
    """What was refused, and how."""

    CALL = "call"  # a system call returned an error
    REQUEST = "request"  # a netlink request was refused; the call that sent it succeeded
    KILLED = "killed"  # a filter ended the process, or sent it SIGSYS, for a call
    TOO_LARGE = "too-large"  # SIGXFSZ: a file over the limit
    OUT_OF_MEMORY = "out-of-memory"  # the OOM killer killed it at its control group's limit
    MASKED = "masked"  # it opened a masked path: no error at all
    NOT_GAINED = "not-gained"  # it executed a set-uid program, or one with capabilities, without gaining them: no error


class Attempt(Value):
    """A refused attempt. `process`: its name (comm). `name`: of the call, "" if not known. `entered`: the call began,
    so no filter refused it. `lacked`: capabilities that the kernel checked within it and refused it for. `lines`: lines
    of the kernel's log (audit) about this process at that time. `uids`, `gids`: the maps of its user namespace; None:
    not known. `apart`: that is another user namespace than the container's.
    """

    kind: AttemptKind
    process: str
    abi: str = ""
    name: str = ""
    errno: int = 0
    entered: bool = True
    values: tuple[int, ...] = ()
    path: str = ""
    lacked: tuple[str, ...] = ()
    around: Circumstances = Circumstances()
    lines: tuple[str, ...] = ()
    uids: tuple[IdRange, ...] | None = None
    gids: tuple[IdRange, ...] | None = None
    apart: bool = False

    def inside(self, uid: int) -> int | None:
        """A host uid in the container's numbering; None if it is not mapped, or the map is not known."""
        return None if self.uids is None else to_inside(self.uids, uid)


FILES, NETWORK, KERNEL = "files", "network", "kernel"  # refusers besides the six layers


class Strength(IntEnum):
    """What a claim is based on. The strongest claim wins; the first two are not certain."""

    LEFT = 1  # by elimination: nothing else could have refused it
    LIKELY = 2  # likely by the container's facts, though the process's are not known
    FITS = 3  # errno and object are exactly what this refuser produces
    SAID = 4  # stated by the kernel: the filter's own errno, a check within the call, a line of its log


class Claim(Value):
    """The claim of a layer (or files, network, kernel) to have refused an attempt. `what`: a sentence for people: what
    refused, and by which setting. `wants`: alternatives, each sufficient alone, the smallest first; empty: no option
    would help.
    """

    layer: str
    what: Message
    strength: Strength
    wants: tuple[Want, ...] = ()

    @property
    def certain(self) -> bool:
        return self.strength > Strength.LIKELY


class RefusalRemedy(Value):
    """What would allow it: a choice for a relaunch, or advice alone if no toggle can.

    `opened`: ids of threats that it would open, worst first; None: not predicted.
    `also`: choices needed in addition, since another layer would refuse it next.
    """

    text: Message
    choice: Choice | None = None
    opened: tuple[str, ...] | None = None
    also: tuple[Choice, ...] = ()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """All choices that it takes; empty if it is advice alone."""
        return () if self.choice is None else (self.choice, *self.also)


class Refusal(Value):
    """One refusal, or several similar ones.

    `at`, `last`: seconds since the epoch of the first and the last. `pid_inside`: None if not known. `did`: what it
    tried, in words; `raw`: as strace(1) would print it. `errno`: EPERM …; "" if there was no error. `ended`: a
    process died of it, or right after it. `benign`: healthy programs get this refusal and continue.
    """

    key: str  # equal for similar refusals
    at: float
    last: float
    count: int
    pid: int
    pid_inside: int | None
    process: str
    did: Message
    raw: str
    syscall: str
    arguments: tuple[str, ...]
    path: str
    errno: str
    claim: Claim
    benign: bool = False
    ended: bool = False
    remedies: tuple[RefusalRemedy, ...] = ()
