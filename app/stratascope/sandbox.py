"""The one place that knows that this program may run in a Flatpak's sandbox, and what it may do of the host there.

Read from the file that Flatpak itself writes (flatpak-run(1)), so nothing has to be tried to find out. A sandbox has a
/proc of its own: no PID that an engine tells is in it, and a process of the same number is somebody else's.
"""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

APP = "io.github.stratascope.Stratascope"
INFO = Path("/.flatpak-info")
NAME = "org.freedesktop.Flatpak"  # whoever may talk to it on the session bus may start commands on the host
GRANT = f"flatpak override --user --talk-name={NAME} {APP}"
HOST = ("flatpak-spawn", "--host")  # to be started from /: the folder must be there on the host too


class Access(StrEnum):
    """What this program may do of the host."""

    OUTSIDE = "outside"  # in no sandbox
    GRANTED = "granted"  # in one, and it may start commands on the host
    WITHHELD = "withheld"  # in one, and it may not


def access(info: Path | None = None) -> Access:
    """How it is for this process. A file that can't be understood counts as withheld."""
    try:
        text = (info or INFO).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Access.OUTSIDE
    except (OSError, UnicodeDecodeError):
        return Access.WITHHELD
    import configparser  # only in a Flatpak

    parsed = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parsed.read_string(text)
    except configparser.Error:
        return Access.WITHHELD
    if "session-bus" in parsed.get("Context", "sockets", fallback="").split(";"):
        return Access.GRANTED
    policies = parsed.items("Session Bus Policy") if parsed.has_section("Session Bus Policy") else []
    named = any(fnmatchcase(NAME, name) and policy in ("talk", "own") for name, policy in policies)
    return Access.GRANTED if named else Access.WITHHELD
