"""The way to a collector that is root. Loaded only where somebody may ask for it."""

from __future__ import annotations

from collections.abc import Mapping

from stratascope import sandbox
from stratascope.core.observation.observer import ObserverRequest, Stream
from stratascope.core.ports import Prober
from stratascope.probe.confined import withheld
from stratascope.probe.helper.elevated import ElevatedProber, RootMethod, open_elevated, ways
from stratascope.probe.observer import ObservationTarget, observe


class Root:
    """A `RootAccess`: finds out how the collector can be started as root, and starts it on request."""

    def __init__(
        self, environ: Mapping[str, str], started: list[ElevatedProber], access: sandbox.Access, terminal: bool
    ) -> None:
        self._withheld = access is sandbox.Access.WITHHELD
        flatpak = access is not sandbox.Access.OUTSIDE
        self._ways = () if self._withheld else ways(environ, flatpak=flatpak, terminal=terminal)
        self._started = started  # for whoever closes them

    @property
    def command(self) -> str:
        """What is tried first; "" where nobody is asked, since this program is root."""
        asked = [way.words for way in self._ways if way.kind is not RootMethod.ROOT]
        return asked[0] if asked else ""

    def begin(self, target: ObserverRequest) -> Stream:
        """As a `core.observation.observer.Observer`: ask and start. Raises ProbeError."""
        if self._withheld:
            raise withheld()
        watched = ObservationTarget(
            target.pid, target.container, target.start, target.group, target.seconds, target.answers
        )
        return observe(self._ways, watched, told=self._started)

    def open(self) -> Prober:
        """Ask and start. Raises ProbeError."""
        if self._withheld:
            raise withheld()
        return open_elevated(self._ways, told=self._started)
