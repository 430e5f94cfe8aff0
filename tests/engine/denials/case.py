"""One constructed refusal as data: a container, one call in it that is refused, and what alone takes the refusal away.

Standard library only, and nothing of ours: the same cases run inside the virtual machines (`tests/machine/vm`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

DOCKER, PODMAN, ROOTLESS = "docker", "podman", "rootless"
BOTH = (DOCKER, PODMAN)
FOREIGN = 4242  # a user of the image's, who is nobody else
IN_VAIN = 241  # as in try.c: no error, and yet nothing
SIGSYS, SIGXFSZ, SIGKILL = 128 + 31, 128 + 25, 128 + 9
OPEN = ("--security-opt", "seccomp=unconfined")


@dataclass(frozen=True)
class Case:
    """`layers`: who refuses it; more than one where each of them alone does, or where its absence alone would do.

    `attempt`: words for try.c, of which the last step is refused with `status` (errno, or one of the above). `control`:
    options with which it passes, in place of `options`; None: no option does, and then `passing` is an attempt that
    does. `passes`: what counts as passed, where only the last permission check is asked for. `calls`: names of the
    refused call; empty: not told by a call. Words in braces are filled in by `Engine.filled`. `remedied`: whether one
    of our toggles ought to allow it.
    """

    id: str
    layers: tuple[str, ...]
    attempt: str
    status: int
    options: tuple[str, ...] = ()
    control: tuple[str, ...] | None = ()
    passing: str = ""
    passes: tuple[int, ...] = (0,)
    engines: tuple[str, ...] = BOTH
    calls: tuple[str, ...] = ()
    remedied: bool = True
    rules: tuple[dict[str, object], ...] = field(default=(), hash=False)  # of the filter that {filter} names

    @property
    def refused(self) -> tuple[str, ...]:
        """The names of the call, by default that of the last step."""
        last = self.attempt.split(" + ")[-1].split()
        return self.calls or ((last[1],) if last[0] == "call" else ())


def added(*names: str) -> tuple[str, ...]:
    """Options that add capabilities."""
    return tuple(word for name in names for word in ("--cap-add", name))


def dropped(*names: str) -> tuple[str, ...]:
    """Options that take capabilities away."""
    return tuple(word for name in names for word in ("--cap-drop", name))


def user(uid: int) -> tuple[str, ...]:
    """Options that run it as that user."""
    return ("--user", str(uid))
