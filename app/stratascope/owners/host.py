"""Owners' commands and files from inside a Flatpak: commands run on the host, files are those that it was given.

Outside a Flatpak the host is here. Inside, a command is put behind flatpak-spawn, and gets none of the sandbox's own
environment, which knows other folders. A project's files are only there where a person gave the Flatpak its folder;
else the owner's container is refused, with the command that gives it. Decided against reading and writing them by
commands on the host: that would step around what the person allowed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stratascope import sandbox
from stratascope.core import shell_quote
from stratascope.core.message import msg
from stratascope.core.relaunch.owner import OwnerKind, OwnerRefusal

_CARRIED = ("LC_ALL", "SYSTEMD_PAGER", "SYSTEMD_COLORS")
_SECONDS = 20.0


def on_host(command: tuple[str, ...], environ: Mapping[str, str], lock: int | None = None) -> tuple[str, ...]:
    """The argv that runs it on the host; there it keeps the descriptor of the lock, too."""
    if sandbox.access() is sandbox.Access.OUTSIDE:
        return command
    carried = [f"--env={name}={environ[name]}" for name in _CARRIED if name in environ]
    held = [] if lock is None else [f"--forward-fd={lock}"]
    return (*sandbox.HOST, *carried, *held, *command)


def there(program: str, environ: Mapping[str, str]) -> bool:
    """Whether the host has a program of that name."""
    match sandbox.access():
        case sandbox.Access.OUTSIDE:
            return shutil.which(program, path=environ.get("PATH")) is not None
        case sandbox.Access.WITHHELD:
            return False
    asked = on_host(("sh", "-c", 'command -v -- "$0"', program), {})
    try:
        done = subprocess.run(
            asked, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=_SECONDS, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def barred(kind: OwnerKind) -> OwnerRefusal | None:
    """Where no command can be run on the host at all."""
    if sandbox.access() is not sandbox.Access.WITHHELD:
        return None
    return OwnerRefusal(
        kind,
        msg("Its owner has to re-create it with a command on the host, and this Flatpak can't run any there."),
        msg("Allow it with: {command}", command=sandbox.GRANT),
    )


def unreachable(kind: OwnerKind, *paths: str) -> OwnerRefusal | None:
    """Where this Flatpak was not given the folder of an owner's file."""
    if sandbox.access() is sandbox.Access.OUTSIDE:
        return None
    path = next((path for path in paths if not Path(path).exists()), None)
    if path is None:
        return None
    folder = os.path.dirname(path)  # noqa: PTH120 - a path of the host, which is no file here
    command = f"flatpak override --user --filesystem={shell_quote.word(folder)} {sandbox.APP}"
    return OwnerRefusal(
        kind,
        msg("This Flatpak has no access to the files that its owner creates it from: {path}.", path=path),
        msg("Allow it with this command, and start Stratascope again: {command}", command=command),
    )


def config_home(environ: Mapping[str, str]) -> Path:
    """The user's configuration folder on the host; the sandbox's variable names one of its own."""
    inside = sandbox.access() is not sandbox.Access.OUTSIDE
    named = environ.get("HOST_XDG_CONFIG_HOME" if inside else "XDG_CONFIG_HOME")
    return Path(named) if named else Path(environ.get("HOME") or Path.home()) / ".config"
