"""What a replacement must do as its original did, and the time that passes while it is watched."""

from __future__ import annotations

import time
from collections.abc import Callable

from stratascope.core.relaunch.evidence import Liveness
from stratascope.core.relaunch.launch_spec import Health
from stratascope.value import Struct, Value, field


class Clock(Struct):
    """Time, to be replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def _nothing(container: str) -> Liveness:
    return Liveness()


class Expected(Value):
    """What the original did, and the replacement must do too. `look` reads whether a container works.

    `health`: what the original's healthcheck said. Podman without systemd never runs one, so its word is awaited only
    where the original had it.
    """

    before: Liveness = field(default_factory=Liveness)
    look: Callable[[str], Liveness] = _nothing
    health: Health = Health.HEALTHY
