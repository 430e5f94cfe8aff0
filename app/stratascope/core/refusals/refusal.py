"""What was refused, and the explanation: who refused, how certain that is, and what would allow it.

An attempt is made of one event of the observer (`core/observation/events.py`) and what the kernel's log said then. Each
layer is asked whether it was the one (`Layer.refused`), and so are `files`, `network` and `kernel` in this folder.
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
    """What happened."""

    CALL = "call"  # a system call was answered with an error
    REQUEST = "request"  # what it asked of the kernel over netlink was refused; the call that sent it was not
    KILLED = "killed"  # a filter ended the process, or sent it SIGSYS, for a call
    TOO_LARGE = "too-large"  # SIGXFSZ: a file over the limit
    OUT_OF_MEMORY = "out-of-memory"  # the kernel killed it, since its control group had no more
    MASKED = "masked"  # it opened what the engine put an empty file or folder over: no error at all
    NOT_GAINED = "not-gained"  # it ran a set-uid program, or one with capabilities, without their rights: no error


class Attempt(Value):
    """`process`: its name (comm). `name`: of the call, "" where not known. `entered`: the call began, so that no filter
    refused it. `lacked`: names of the capabilities that the kernel asked for within it, and refused for.
    `lines`: what the kernel's log (audit) said of this process at that moment. `uids`, `gids`: the maps of its user
    namespace; None: not known. `apart`: it is another one than the container's.
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
        """A user of the machine as the container counts; None where it is not mapped, or the map is not known."""
        return None if self.uids is None else to_inside(self.uids, uid)


FILES, NETWORK, KERNEL = "files", "network", "kernel"  # who else refuses, besides the six layers with their ids


class Strength(IntEnum):
    """What a claim stands on. The strongest of all wins; the first two are not certain."""

    LEFT = 1  # nothing else is left that could have refused it
    LIKELY = 2  # what is known of the container makes it the one of those that are left; of the process it is not known
    FITS = 3  # the answer and what it was about are just what this one says
    SAID = 4  # the kernel says so: the filter's own answer, a check within the call, a line of its log


class Claim(Value):
    """One layer, or files, network, kernel, saying: this was me. `what`: one sentence, for people: what refused, and by
    which setting. `wants`: what would have let it through, each for itself, least first; empty: nothing of ours.
    """

    layer: str
    what: Message
    strength: Strength
    wants: tuple[Want, ...] = ()

    @property
    def certain(self) -> bool:
        return self.strength > Strength.LIKELY


class RefusalRemedy(Value):
    """What would allow it: a choice for a relaunch, or, where no toggle can, words alone.

    `opened`: ids of the threats that would be open then and are not now, worst first; None: not predicted.
    `also`: what has to be chosen with it, since another layer would refuse it next.
    """

    text: Message
    choice: Choice | None = None
    opened: tuple[str, ...] | None = None
    also: tuple[Choice, ...] = ()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """All that it takes; empty where it is words alone."""
        return () if self.choice is None else (self.choice, *self.also)


class Refusal(Value):
    """One thing that was refused, or several that are alike.

    `at`, `last`: seconds since the epoch of the first and the last. `pid_inside`: None where not known. `did`: what it
    tried, in words; `raw`: as strace(1) would print it. `errno`: EPERM …; "" where there was no error. `ended`: a
    process died of it, or right after it. `benign`: healthy programs are refused this and go on.
    """

    key: str  # the same for all that are alike
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
