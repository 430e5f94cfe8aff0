"""What a replacement must do as its original did, and the time that passes while it is watched."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stratascope.core.relaunch.launch_spec import Health, Vitals


@dataclass(slots=True)
class Clock:
    """Time, to be replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def _nothing(container: str) -> Vitals:
    return Vitals()


@dataclass(frozen=True, slots=True)
class Expected:
    """What the original did, and the replacement must do too. `look` reads a container's vitals.

    `health`: what the original's healthcheck said. Podman without systemd never runs one, so its word is awaited only
    where the original had it.
    """

    before: Vitals = field(default_factory=Vitals)
    look: Callable[[str], Vitals] = _nothing
    health: Health = Health.HEALTHY
