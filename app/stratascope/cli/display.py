"""Finds out whether a window can be shown before Qt tries: if it can't, Qt aborts the whole program with SIGABRT.

Checks what Qt will use: the X server through libxcb with the same cookie, the Wayland compositor's socket, and with
dlopen(3) whether all libraries of Qt's X11 plugin are installed. Decided against a trial in a child process: it would
double the startup time.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import socket
from collections.abc import MutableMapping
from pathlib import Path

from stratascope.core.message import Message, msg

PLATFORM = "QT_QPA_PLATFORM"
_LIBXCB = "libxcb.so.1"
_WAYLAND = "wayland-0"  # the default of wl_display_connect(3)
_PATIENCE = 3.0  # seconds
# by the result of xcb_connection_has_error(3)
_REASONS = {
    1: msg("it does not answer"),
    2: msg("it lacks an extension"),
    3: msg("there is not enough memory"),
    4: msg("the request is too long"),
    5: msg("that is not a display name"),
    6: msg("it has no such screen"),
}


def trouble(environ: MutableMapping[str, str]) -> Message | None:
    """Why no window can be shown; None if it can. If only one of X11 and Wayland answers, selects it for Qt."""
    named = [each.partition(":")[0] for each in environ.get(PLATFORM, "").split(";") if each]
    wayland, display = environ.get("WAYLAND_DISPLAY", ""), environ.get("DISPLAY", "")
    if named:  # Qt tries the named platforms in order
        found = [_named(platform, display, wayland, environ) for platform in named]
        return None if None in found else found[0]
    if not wayland and not display:
        return msg("There is no display (neither WAYLAND_DISPLAY nor DISPLAY is set), so there is no window.")
    if not wayland:
        return _x11(display)
    closed = _wayland(wayland, environ)
    if not display:
        return closed
    if closed is not None:
        if _x11(display) is not None:
            return closed
        environ[PLATFORM] = "xcb"
    elif environ.get("XDG_SESSION_TYPE") != "wayland" and _x11(display) is not None:
        environ[PLATFORM] = "wayland"  # Qt would try X11 first
    return None


def _named(platform: str, display: str, wayland: str, environ: MutableMapping[str, str]) -> Message | None:
    if platform == "xcb":
        return _x11(display)
    if platform.startswith("wayland"):
        return _wayland(wayland or _WAYLAND, environ)
    return None  # a platform without a display (offscreen), or an unknown one


def no_qt(error: ImportError) -> Message:
    """The reason if Qt itself can't be loaded."""
    return msg("Qt can't be loaded ({why}), so there is no window. Install the library it names.", why=str(error))


def _x11(display: str) -> Message | None:
    try:
        library = ctypes.CDLL(_LIBXCB)
    except OSError as error:
        return _missing(str(error))
    library.xcb_connect.restype = ctypes.c_void_p
    library.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    library.xcb_disconnect.argtypes = [ctypes.c_void_p]
    link = library.xcb_connect(os.fsencode(display) if display else None, None)
    code = library.xcb_connection_has_error(link)
    library.xcb_disconnect(link)
    if code:
        return msg("There is no window, because the display {display} can't be used: {why}.",
                   display=display, why=_REASONS.get(code, _REASONS[1]))  # fmt: skip
    return _plugin()


def _plugin() -> Message | None:
    """Why Qt's X11 plugin can't be loaded; None if it can, or if Qt is installed outside the PySide6 package."""
    spec = importlib.util.find_spec("PySide6")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        plugin = Path(folder) / "Qt" / "plugins" / "platforms" / "libqxcb.so"
        if plugin.is_file():
            try:
                ctypes.CDLL(str(plugin))
            except OSError as error:
                return _missing(str(error))
    return None


def _missing(words: str) -> Message:
    return msg(
        "There is no window, because a library is missing: {words}. Install it, or use the AppImage.", words=words
    )


def _wayland(display: str, environ: MutableMapping[str, str]) -> Message | None:
    where = Path(environ.get("XDG_RUNTIME_DIR", "/"), display)  # an absolute path replaces the folder
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(_PATIENCE)
            link.connect(str(where))
    except OSError as error:
        why = error.strerror or str(error)
        return msg("There is no window, because the Wayland display {display} can't be used: {why}.",
                   display=str(where), why=why)  # fmt: skip
    return None
