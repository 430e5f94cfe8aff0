"""A filter's verdict for every system call of one entry point: what the seccomp layer's evaluation yields.

Types only; filters are evaluated in `linux/`. Drawn as the view `CallMap` of `core.layer`.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.value import Value


class CallVerdict(StrEnum):
    """The outcome of a call, as far as the filter decides."""

    ALLOWED = "allowed"
    DENIED = "denied"
    DEPENDS = "depends"  # on its arguments
    UNKNOWN = "unknown"  # decided by another process (USER_NOTIF), or nothing is known


class CallSource(StrEnum):
    """Origin of the verdicts, as printed in the report."""

    KERNEL = "kernel"  # the filters themselves, read from the kernel
    PROFILE = "profile"  # a profile file, evaluated for this container
    MEASURED = "measured"  # a table of an engine's default, recorded from real engines
    NONE = "none"


class CallState(Value):
    """One system call. `number` is None if this entry point has no call of that name."""

    name: str
    number: int | None
    verdict: CallVerdict
    action: str  # the filter's action in seccomp(2)'s words: ALLOW, ERRNO(1), KILL_PROCESS, "ALLOW or ERRNO(1)"
    condition: Message | None = None  # set if it depends: "denied with CLONE_NEWUSER"


class CallTable(Value):
    """All calls of one entry point (`x86_64`, `i386`, `x32`, `aarch64`), sorted by name."""

    abi: str
    source: CallSource
    title: Message  # what the table is: "Docker's default, as measured on Docker 26.1"
    calls: tuple[CallState, ...]
