"""The collector in this very process: for a /proc that is of the containers' kernel. No JSON on the way.

A sandbox of ours may keep us from that: then it is asked on the host, as far as that is allowed (`confined`).
"""

from __future__ import annotations

import threading

from stratascope import sandbox
from stratascope.collector.serve import Collector
from stratascope.core.capture import Capture
from stratascope.core.ground import HOST_WANTS
from stratascope.core.ports import ContainerCapture, Prober, Wish
from stratascope.probe.entries import Entries


class LocalProber:
    """A `core.ports.Prober`. May be called from several threads at once."""

    def __init__(self) -> None:
        # a collector of its own for each thread: it remembers where cgroups are mounted
        self._local = threading.local()

    def host(self) -> Capture:
        """The facts of the machine that this program runs on."""
        return Entries().capture(0, self._collector().host(HOST_WANTS))

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        """One answer a wish, in order; what could not be read is a gap."""
        entries = Entries()
        return tuple(
            entries.found(answer)
            for answer in self._collector().capture(
                (wish.pid, wish.wants, wish.member_wants, wish.members, wish.container) for wish in wishes
            )
        )

    def close(self) -> None:
        """Nothing to end."""

    def _collector(self) -> Collector:
        collector: Collector | None = getattr(self._local, "collector", None)
        if collector is None:
            collector = self._local.collector = Collector()
        return collector


def own_prober(access: sandbox.Access) -> Prober:
    """The prober for what this program may do of the host."""
    if access is sandbox.Access.OUTSIDE:
        return LocalProber()
    from stratascope.probe.confined import HostProber, WithheldProber  # loads what starts processes

    return HostProber() if access is sandbox.Access.GRANTED else WithheldProber()
