"""A control group that was made for a twin, removed from every hierarchy with the empty ones below it.

rmdir(2) removes none that a process is in, so nothing else can go. Only names that we give are taken: the path comes
from a file. Podman leaves an empty one of its conmon there, which may take a moment to end.
"""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import suppress
from pathlib import Path

_TOP = Path("/sys/fs/cgroup")
_OURS = re.compile(r"/?stratascope[-_][0-9a-f]{8,32}(\.slice)?").fullmatch  # as collector/observe/made.py
_PATIENCE = 2.0  # seconds for the last process to end
_AGAIN = 0.05


def remove(path: str) -> None:
    """By its path below the top of the hierarchies. Raises nothing: what may not be removed stays."""
    if _OURS(path) is None:
        return
    until = time.monotonic() + _PATIENCE
    with suppress(OSError):
        for top in (_TOP, *(each for each in _TOP.iterdir() if each.is_dir())):
            while _busy(top / path.lstrip("/")) and time.monotonic() < until:
                time.sleep(_AGAIN)


def _busy(group: Path) -> bool:
    """Whether a process is in it still; else it is gone, or can't be removed."""
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except OSError as error:
            return error.errno == errno.EBUSY
    return False
