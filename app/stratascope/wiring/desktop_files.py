"""Builds what is installed into the system: the menu entry and icons, and the helper with polkit's action.

Loaded only by `stratascope desktop` and `stratascope helper`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from stratascope import appimage_environment, desktop_files, resources, sandbox, sealed_files
from stratascope.desktop_files import Origin, Start, start
from stratascope.probe.helper.elevated import NoRootError, RootMethod, run_as_root, usable, ways
from stratascope.probe.helper.install import HELPER, POLICY, AsRoot, HelperFiles, helper_text, policy_text
from stratascope.probe.piped import withheld


def in_flatpak() -> bool:
    """Whether this runs in Flatpak's sandbox."""
    return sandbox.access() is not sandbox.Access.OUTSIDE


def how_started() -> Start:
    """The command that starts this installation."""
    return start(
        flatpak=in_flatpak(),
        image=appimage_environment.image(),
        frozen=appimage_environment.is_frozen(),
        script=sys.argv[0],
    )


def starts(found: Start) -> bool:
    """Whether that command also works from the menu, without this directory and PYTHONPATH."""
    if found.origin is not Origin.MODULE:
        return True
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    asked = subprocess.run(
        (found.command[0], "-c", "import stratascope"), cwd="/", env=environment, capture_output=True, check=False
    )
    return asked.returncode == 0


def changeable(found: Start) -> str:
    """The first part of this installation that a user other than root could change; "": none.

    An entry for all users must not start such a file: whoever changes it could act as any of them.
    """
    parts = [found.command[0]]
    if found.origin is not Origin.APPIMAGE:
        parts.append(str(resources.PACKAGE))
    for part in map(os.path.realpath, parts):
        loose = sealed_files.open_folders([part])
        if loose or sealed_files.is_open(part):
            return loose[0] if loose else part
    return ""


def data_folder(*, system: bool) -> Path:
    """The user's own data directory, or the machine's. Raises RuntimeError if the user has no home."""
    if system:
        return desktop_files.SYSTEM
    return resources.data_home()


def stranger(folder: Path) -> bool:
    """Whether we are root in another user's directory (sudo may keep HOME)."""
    there = next(up for up in (folder, *folder.parents) if up.exists())
    return os.geteuid() == 0 and there.stat().st_uid != 0


def helper_files() -> HelperFiles:
    """The two files of this version. Raises IncompleteError."""
    return HelperFiles(Path(HELPER), helper_text(), Path(POLICY), policy_text().encode())


def root_way(*, terminal: bool) -> tuple[str, AsRoot | None]:
    """The name of the program that asks for root first, and how to run something as root; "", None: we are root."""
    flatpak = in_flatpak()
    if os.geteuid() == 0 and not flatpak:
        return "", None
    found = usable(ways(os.environ, flatpak=flatpak, terminal=terminal))
    if sandbox.access() is sandbox.Access.WITHHELD:
        return "", _withheld
    asking = next((way.kind.value for way in found if way.kind is not RootMethod.ROOT), "")
    return asking, lambda program, request: run_as_root(found, program, request)


def _withheld(program: bytes, request: bytes) -> bytes:
    closed = withheld()
    raise NoRootError(closed.message, closed.command)
