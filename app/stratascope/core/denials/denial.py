"""A refusal explained: who refused, how certain that is, and what would allow it."""

from __future__ import annotations

from enum import IntEnum

from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.want import Want
from stratascope.value import Value

FILES, NETWORK, KERNEL = "files", "network", "kernel"  # who else refuses, beside the six layers by their ids


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


class Remedy(Value):
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


class Denial(Value):
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
    remedies: tuple[Remedy, ...] = ()
