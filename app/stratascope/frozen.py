"""The environment of before: what an AppImage and its PyInstaller folder put into it, taken out at the program's start.

PyInstaller's starter leads LD_LIBRARY_PATH into the bundle, and the AppImage's runtime adds its own variables. All of
that is of use only until Python runs; podman, ssh, pkexec, a browser or a terminal that is started with it loads our
libraries in place of its own. So it is undone once, in the program's own environment, before anything else happens:
whatever is started later, by subprocess, QProcess or QDesktopServices, has what the user had. Both keep a value that
was there before under the same name with `_ORIG`. Decided against an `env=` at each start: one would be forgotten.

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
STARTER = "_PYI_"  # PyInstaller's notes to itself
# Where Qt looks for plugins: another Qt's can't be loaded into the one that we bring
QT_PLUGINS = ("QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH")
taken: dict[str, str] = {}  # by `begin`, once a process


def is_frozen() -> bool:
    """Whether this is a bundle with a Python of its own."""
    return bool(getattr(sys, "frozen", False))


def restore(environ: MutableMapping[str, str], executable: str) -> dict[str, str]:
    """Take out what the bundle with this executable has put in. Returns the runtime's part of it, as it was.

    What a terminal's own AppImage says is not ours, and stays.
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
    """To be called first of all."""
    if is_frozen():
        taken.update(restore(os.environ, sys.executable))


def image() -> str:
    """The AppImage that this program was started from, as its runtime named it; "" where it was none."""
    return taken.get("APPIMAGE", "")


def again() -> dict[str, str]:
    """The environment in which this program starts itself once more, as the bundle's starter wants it."""
    if not is_frozen():
        return dict(os.environ)
    # the starter takes itself for a child of its own without this (PyInstaller's manual, "Run-time information")
    return {**os.environ, **taken, "PYINSTALLER_RESET_ENVIRONMENT": "1"}


@contextmanager
def own_plugins(environ: MutableMapping[str, str] = os.environ, frozen: bool | None = None) -> Iterator[None]:
    """While Qt starts, it finds no plugins but those of the bundle; what is started later has the variables again."""
    hidden = {}
    if is_frozen() if frozen is None else frozen:
        hidden = {name: environ.pop(name) for name in QT_PLUGINS if name in environ}
    try:
        yield
    finally:
        environ.update(hidden)
