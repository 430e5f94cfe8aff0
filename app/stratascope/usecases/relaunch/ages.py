"""When a relaunch began, and how long ago that is: by the boot clock while the machine runs, which no step of the wall
clock changes (clock_getres(2), CLOCK_BOOTTIME), else by the wall clock.
"""

from __future__ import annotations

import time
from pathlib import Path

from stratascope.core.relaunch.transaction import Transaction
from stratascope.value import replace

_BOOT = Path("/proc/sys/kernel/random/boot_id")  # random(4)


def begun_now(transaction: Transaction) -> Transaction:
    """The transaction, begun at this moment."""
    return replace(transaction, started_at=time.time(), boot=_boot(), uptime=time.clock_gettime(time.CLOCK_BOOTTIME))


def age_of(done: Transaction) -> float:
    """Seconds since it began, at least 0.0."""
    if done.boot and done.boot == _boot():
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - done.uptime)
    return max(0.0, time.time() - done.started_at)


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""  # not known
