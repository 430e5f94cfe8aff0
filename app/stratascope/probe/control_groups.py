"""A control group that was made for a twin, removed from every hierarchy. An empty one only: rmdir(2) does no more."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_TOP = Path("/sys/fs/cgroup")


def remove(path: str) -> None:
    """By its path below the top of the hierarchies. Raises nothing: what may not be removed stays."""
    parts = Path(path).parts
    if not parts or ".." in parts:
        return
    below = Path(*(part for part in parts if part != "/"))
    with suppress(OSError):
        for top in (_TOP, *(each for each in _TOP.iterdir() if each.is_dir())):
            with suppress(OSError):
                (top / below).rmdir()
