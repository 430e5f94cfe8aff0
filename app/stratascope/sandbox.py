"""The one place that knows that this program may run in a Flatpak sandbox, and what it may do on the host from there.

Read from the file that Flatpak itself writes (flatpak-run(1)), so nothing has to be tried. A sandbox has its own /proc:
no PID reported by an engine is in it, and a process with the same number is a different one.
"""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

APP = "io.github.stratascope.Stratascope"
INFO = Path("/.flatpak-info")
NAME = "org.freedesktop.Flatpak"  # whoever may call it on the session bus may start commands on the host
GRANT = f"flatpak override --user --talk-name={NAME} {APP}"
HOST = ("flatpak-spawn", "--host")  # must be started from /: the working directory has to exist on the host too


class Access(StrEnum):
    """What this program may do on the host."""

    OUTSIDE = "outside"  # not in a sandbox
    GRANTED = "granted"  # in a sandbox, and may start commands on the host
    WITHHELD = "withheld"  # in a sandbox, and may not


def access(info: Path | None = None) -> Access:
    """This process's access. A file that can't be parsed counts as withheld."""
    try:
        text = (info or INFO).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Access.OUTSIDE
    except (OSError, UnicodeDecodeError):
        return Access.WITHHELD
    import configparser  # only needed in a Flatpak

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
