"""Read the OCI runtime's config.json, whose path the engine told: here, on a Flatpak's host, or where the engine is."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence

from stratascope import sandbox
from stratascope.child_output import printed
from stratascope.collector.paths import Sight, reopen
from stratascope.core import shell_quote
from stratascope.engines.shared.json_reader import parse_object

MOST = 1 << 24  # bytes; a privileged container's has some hundred thousand
FILTER_MOST = 1 << 20  # of them in its filter; an engine's default has fifteen thousand
_SECONDS = 20.0


def read(shell: Sequence[str], path: str) -> str:
    """`shell`: what runs a command on the engine's machine, empty where that is this one.

    Raises OSError, ValueError, subprocess.SubprocessError.
    """
    if shell:  # which hands all to a shell of that user's choice
        return _read_there((*shell, shell_quote.words(_command(path))))
    match sandbox.access():
        case sandbox.Access.OUTSIDE:
            return read_here(path)
        case sandbox.Access.GRANTED:
            return _read_there((*sandbox.HOST, *_command(path)))
        case sandbox.Access.WITHHELD:
            raise OSError(f"this Flatpak may not read {path}, which is a file of the host")


def seccomp_here(path: str) -> str:
    """The same configuration with nothing but its filter in it: the rest has secrets, such as the environment.

    Raises OSError, ValueError; also where the filter alone is longer than any: it is kept as long as the reading.
    """
    linux = parse_object(read_here(path)).get("linux")
    found = json.dumps({"linux": {"seccomp": linux.get("seccomp") if isinstance(linux, dict) else None}})
    if len(found) > FILTER_MOST:
        raise ValueError("the filter is too long")
    return found


def read_here(path: str, below: str = "/", process: str = "self") -> str:
    """Raises OSError; ValueError where it is too long or no text. The path is foreign: it may lead to anything.

    `below`: the directory that it starts from, in the sight of that process.
    """
    return read_with_time(path, below, process)[0]


def read_with_time(path: str, below: str = "/", process: str = "self") -> tuple[str, float]:
    """The same, and when it was written, in seconds since the epoch."""
    place = Sight(below, process).answering(path)
    try:
        found = os.fstat(place)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a file")
        with os.fdopen(reopen(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return _text(file.read(MOST + 1)), found.st_mtime
    finally:
        os.close(place)


def _read_there(command: Sequence[str]) -> str:
    """What a command prints that reads it there. Raises subprocess.SubprocessError too."""
    return _text(printed(command, seconds=_SECONDS, most=MOST + 1))


def _command(path: str) -> tuple[str, ...]:
    return ("head", "-c", str(MOST + 1), "--", path)


def _text(content: bytes) -> str:
    if len(content) > MOST:
        raise ValueError("the file is too long")
    return content.decode("utf-8")
