"""Read the OCI runtime's config.json, whose path the engine told: here, or where the engine is."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Sequence

_MOST = 1 << 24  # bytes; a privileged container's has some hundred thousand
_SECONDS = 20.0


def read_here(path: str) -> str:
    """Raises OSError; ValueError where it is too long or no text. The path is foreign: it may lead to anything."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is not a file")
        return _text(file.read(_MOST + 1))


def read_there(shell: Sequence[str], path: str) -> str:
    """The same by a command that runs others on the engine's machine. Raises subprocess.SubprocessError too."""
    done = subprocess.run(
        (*shell, f"head -c {_MOST + 1} -- {shlex.quote(path)}"),
        capture_output=True,
        timeout=_SECONDS,
        stdin=subprocess.DEVNULL,
        check=True,
    )
    return _text(done.stdout)


def _text(content: bytes) -> str:
    if len(content) > _MOST:
        raise ValueError("the file is too long")
    return content.decode("utf-8")
