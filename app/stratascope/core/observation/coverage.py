"""How much of a container's life was seen: of the phases that make sense for it, those that happened. Never minutes.

A start and an end make sense for all. Requests do where it serves or publishes a port, saving where it has a place that
outlives it, a reload where its first process handles SIGHUP. Processes made later and sessions from outside are no duty
of a container: they count only where they were seen. Decided against telling from the image's name what a program can.
"""

from __future__ import annotations

from stratascope.core.container import Container
from stratascope.core.observation.observation import Observation, Phase
from stratascope.value import Value

_STORES = ("bind", "volume")
_HANGUP = 1 << 0  # SIGHUP, signal 1


class Coverage(Value):
    """Phases in the order of a life. `missing`: they make sense, and were not seen."""

    seen: tuple[Phase, ...]
    missing: tuple[Phase, ...]

    @property
    def share(self) -> float:
        """0.0 to 1.0."""
        return len(self.seen) / max(1, len(self.seen) + len(self.missing))


def coverage(seen: Observation, container: Container, caught: int | None = None) -> Coverage:
    """Of all that was seen of it. `caught`: the signals that its first process handles, as a mask; None: not known."""
    asked = container.asked
    sensible = {Phase.START, Phase.STOP}
    if asked.ports or seen.ports:
        sensible.add(Phase.REQUESTS)
    if any(mount.writable and mount.kind in _STORES for mount in asked.mounts):
        sensible.add(Phase.SAVE)
    if caught is not None and caught & _HANGUP:
        sensible.add(Phase.RELOAD)
    happened = seen.seen.phases
    return Coverage(
        tuple(phase for phase in Phase if phase in happened),
        tuple(phase for phase in Phase if phase in sensible and phase not in happened),
    )
