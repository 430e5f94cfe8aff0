"""The way to this machine's own kernel: directly, or as far as a sandbox of ours allows it."""

from __future__ import annotations

from stratascope import sandbox
from stratascope.core.ports import Prober
from stratascope.probe.local import LocalProber


def own_prober(access: sandbox.Access) -> Prober:
    """The prober for what this program may do of the host."""
    if access is sandbox.Access.OUTSIDE:
        return LocalProber()
    from stratascope.probe.confined import HostProber, WithheldProber  # loads what starts processes

    return HostProber() if access is sandbox.Access.GRANTED else WithheldProber()
