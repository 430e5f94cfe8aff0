"""Read the OCI runtime's config.json, whose path the engine told: here, on a Flatpak's host, or where the engine is."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Sequence

from stratascope import sandbox

MOST = 1 << 24  # bytes; a privileged container's has some hundred thousand
_SECONDS = 20.0


def read(shell: Sequence[str], path: str) -> str:
    """`shell`: what runs a command on the engine's machine, empty where that is this one.

    Raises OSError, ValueError, subprocess.SubprocessError.
    """
    if shell:
        return read_there(shell, path)
    match sandbox.access():
        case sandbox.Access.OUTSIDE:
            return read_here(path)
        case sandbox.Access.GRANTED:
            return read_there((*sandbox.HOST, "sh", "-c"), path)
        case sandbox.Access.WITHHELD:
            raise OSError(f"this Flatpak may not read {path}, which is a file of the host")


def read_here(path: str) -> str:
    """Raises OSError; ValueError where it is too long or no text. The path is foreign: it may lead to anything."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is not a file")
        return _text(file.read(MOST + 1))


def read_there(shell: Sequence[str], path: str) -> str:
    """The same by a command that runs others on the engine's machine. Raises subprocess.SubprocessError too."""
    done = subprocess.run(
        (*shell, f"head -c {MOST + 1} -- {shlex.quote(path)}"),
        capture_output=True,
        timeout=_SECONDS,
        stdin=subprocess.DEVNULL,
        cwd="/",
        check=True,
    )
    return _text(done.stdout)


def _text(content: bytes) -> str:
    if len(content) > MOST:
        raise ValueError("the file is too long")
    return content.decode("utf-8")
