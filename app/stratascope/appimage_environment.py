"""Undoes what an AppImage and its PyInstaller bundle put into the environment, at the program's start.

PyInstaller's bootloader points LD_LIBRARY_PATH into the bundle, and the AppImage's runtime adds its own variables. None
of that is needed once Python runs, and podman, ssh, pkexec, a browser or a terminal started with it would load our
libraries instead of their own. So it is undone once, in the program's own environment, before anything else: whatever
is started later, by subprocess, QProcess or QDesktopServices, gets the user's environment. Both save a previous value
under the same name with `_ORIG`. Decided against an `env=` at each start: one would be forgotten.

In an ordinary installation this changes nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

LOADER = "LD_LIBRARY_PATH"
RUNTIME = ("APPDIR", "APPIMAGE", "ARGV0", "OWD")
ORIGINAL = "_ORIG"
STARTER = "_PYI_"  # PyInstaller's internal variables
# Where Qt looks for plugins: another Qt's can't be loaded into the bundled one
QT_PLUGINS = ("QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH")
taken: dict[str, str] = {}  # filled by `begin`, once per process


def is_frozen() -> bool:
    """Whether this is a bundle with its own Python."""
    return bool(getattr(sys, "frozen", False))


def restore(environ: MutableMapping[str, str], executable: str) -> dict[str, str]:
    """Remove what the bundle of this executable set. Returns the runtime's variables with their values.

    Variables of a terminal that is itself an AppImage are not ours, and stay.
    """
    appdir = environ.get("APPDIR", "")
    ours = bool(appdir) and Path(executable).resolve().is_relative_to(Path(appdir).resolve())
    names = RUNTIME if ours else ()
    taken = {key: environ[key] for name in names for key in (name, name + ORIGINAL) if key in environ}
    for name in (LOADER, *names):
        before = environ.pop(name + ORIGINAL, None)
        environ.pop(name, None)
        if before is not None:
            environ[name] = before
    for name in [name for name in environ if name.startswith(STARTER)]:
        del environ[name]
    return taken


def begin() -> None:
    """Call this before anything else."""
    if is_frozen():
        taken.update(restore(os.environ, sys.executable))


def image() -> str:
    """The path of the AppImage this program was started from, as its runtime gave it; "" if none."""
    return taken.get("APPIMAGE", "")


def again() -> dict[str, str]:
    """The environment for starting this program again, as the bundle's bootloader expects it."""
    if not is_frozen():
        return dict(os.environ)
    # without this the bootloader takes itself for its own child (PyInstaller's manual, "Run-time information")
    return {**os.environ, **taken, "PYINSTALLER_RESET_ENVIRONMENT": "1"}


@contextmanager
def own_plugins(environ: MutableMapping[str, str] = os.environ, frozen: bool | None = None) -> Iterator[None]:
    """While Qt starts, limit it to the bundle's plugins; programs started later get the variables back."""
    hidden = {}
    if is_frozen() if frozen is None else frozen:
        hidden = {name: environ.pop(name) for name in QT_PLUGINS if name in environ}
    try:
        yield
    finally:
        environ.update(hidden)
