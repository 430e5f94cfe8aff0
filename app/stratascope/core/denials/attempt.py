"""Something that a container's process tried and was refused, with all that is known of that moment.

Made of one event of the observer (`core/observation/stream.py`) and what the kernel's log said then. Each layer is
asked whether it was the one (`Layer.refused`), and so are `files`, `network` and `kernel` in this folder.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.observation.circumstances import Circumstances
from stratascope.linux.idmap import IdRange, to_inside
from stratascope.value import Value


class Kind(StrEnum):
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

    kind: Kind
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
