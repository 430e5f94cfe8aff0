"""A container that was watched from its start: for the tests of what is derived and what is refused."""

from __future__ import annotations

from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.layer import CallSource
from stratascope.core.observation.observation import Observation, Seen, UsedCall, UsedCapability
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.filter_source import MeasuredDefault
from stratascope.linux.seccomp import SeccompMode
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, default, subject

WEB = Observation(
    Seen(30.0, 1),
    (
        UsedCapability("CAP_SETGID", True, 4, ("web",)),
        UsedCapability("CAP_SETUID", True, 2, ("web",)),
    ),
    tuple(UsedCall("x86_64", name, 4, ("web",)) for name in ("brk", "mmap", "openat", "setuid")),
    users=((33, 33),),
    peaks=(("memory", 5 * 2.0**20), ("pids", 3.0)),
)
FACTS = SeccompFacts(
    SeccompMode.FILTER,
    1,
    ProfileKind.DEFAULT,
    CallSource.MEASURED,
    "status",
    default=MeasuredDefault(EngineKind.DOCKER, "26.1", frozenset()),
)


def container(seen: Observation | None = WEB) -> Subject:
    """One of Docker's, as root, with its default settings."""
    found = subject(default(DOCKER), memory_total=8 << 30, changes=())
    return replace(found, facts=(("seccomp", FACTS),), seen=seen)
