"""The death of an engine, or of the machine that it runs on."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from rig.engine import Rig


def kill_engine(rig: Rig, *, machine: bool = False) -> None:
    """SIGKILL for the daemon, or for all that there is, as a machine that loses its power."""
    killed = rig.offspring() if machine else rig.daemon_pids()
    for pid in killed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while any(_lives(pid) for pid in killed):
        time.sleep(0.02)  # a containerd that is just dying would pass for one that the next daemon can use
    rig.stop()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
