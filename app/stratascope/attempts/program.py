"""Finds the built program: beside this module where the program was packaged, else in a checkout's build/."""

from __future__ import annotations

from pathlib import Path

from stratascope.attempts.build import HERE, NAME, built
from stratascope.core.message import MessageError, msg
from stratascope.resources import PACKAGE


class NoProgramError(MessageError):
    """It is not there; `message` says what to do."""


def read() -> bytes:
    """The program. Raises NoProgramError, OSError."""
    packaged, checkout = HERE / NAME, PACKAGE.parents[1]
    if packaged.exists():
        return packaged.read_bytes()
    if (checkout / "pyproject.toml").exists() and (made := _built(checkout)) is not None:
        return made.read_bytes()
    raise NoProgramError(
        msg("The program that tries threats is missing: it is built where gcc is. Install gcc and libc6-dev, and run "
            "make run or pip install again.")
    )  # fmt: skip


def _built(checkout: Path) -> Path | None:
    path = built(checkout)
    return path if path.exists() else None
