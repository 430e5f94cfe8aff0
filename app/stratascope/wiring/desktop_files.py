"""Builds what is installed into the system: the menu entry and icons, the background service, and the helper with
polkit's action.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stratascope import appimage_environment, desktop_files, resources, sandbox, sealed_files, user_service
from stratascope.core.message import msg
from stratascope.desktop_files import Origin, Start, start
from stratascope.i18n.translate import translate
from stratascope.probe.helper.elevated import NoRootError, RootMethod, run_as_root, usable, ways
from stratascope.probe.helper.install import HELPER, POLICY, AsRoot, HelperFiles, helper_text, policy_text
from stratascope.probe.piped import withheld
from stratascope.sealed_files import Placed, Taken
from stratascope.state.running_service import Running, ask_to_end, running

SETTLED = 15.0  # seconds in which the service starts or ends


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


def set_up_background(found: Start, unit: Path | None) -> tuple[Placed, user_service.Manager]:
    """Start the background service now and at each login; `unit`: where systemd's is written, None in a Flatpak. Where
    that fails, nothing is left. Raises UnfitError, BlockedError, OSError, MessageError.
    """
    if unit is None:
        return Placed(()), _by_portal()
    placed = user_service.install(unit, found.command)
    answer = user_service.begin()
    if not answer.done and placed.written:
        user_service.end()
        user_service.remove(unit)
        user_service.forget()
    return placed, answer


def _by_portal() -> user_service.Manager:
    from stratascope.desktop_bus import portal_background

    command = ("stratascope", "background")
    allowed = portal_background.ask(command, translate(msg("Records what changes in containers.")), login=True)
    if not allowed.background or not allowed.login:
        return user_service.Manager(False)
    if running() is None:
        nowhere = subprocess.DEVNULL
        subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)
    return user_service.Manager(True)


def take_down_background(unit: Path | None) -> Taken:
    """Stop the service, however it was started, and start it no more. Raises OSError, MessageError."""
    taken = Taken(())
    if unit is None:
        from stratascope.desktop_bus import portal_background

        portal_background.ask(("stratascope",), "", login=False)
    elif sealed_files.state_of(str(unit)) != sealed_files.ABSENT:
        user_service.end()
        taken = user_service.remove(unit)
        user_service.forget()
    if running() is not None:
        ask_to_end()
        _until(lambda: running() is None)
    return taken


def started() -> Running | None:
    """The service, if it runs within some seconds."""
    _until(lambda: running() is not None)
    return running()


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + SETTLED
    while not reached() and time.monotonic() < end:
        time.sleep(0.1)


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
