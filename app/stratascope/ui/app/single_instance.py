"""One window for each user, display and set of engines: a second start raises the first window and exits.

A socket in the user's runtime folder; only this user can connect (the folder is theirs alone, and the kernel says who
connects). Another STRATASCOPE_ENGINES is another window, since that is what was asked for. If there is no such folder,
or the first instance does not answer, a window opens all the same. Decided against D-Bus, which is not available
everywhere, and against QLocalServer: a plain socket is already loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from PySide6.QtCore import QObject, QSocketNotifier

from stratascope import atomic_file

PATIENCE = 1.5  # seconds for the first instance to answer
_RAISE, _SHOW, _DONE = b"raise", b"show", b"done\n"
_TOKEN = "XDG_ACTIVATION_TOKEN"  # lets a Wayland compositor bring the window to the front
_MOST = 4096
# Variables whose values make it another instance
_ASPECTS = ("WAYLAND_DISPLAY", "DISPLAY", "STRATASCOPE_ENGINES", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME")


def socket_path(environ: Mapping[str, str]) -> Path | None:
    """Return the socket's path, in a folder of this user's alone; None if there is no such folder."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if not runtime.startswith("/"):
        return None
    folder = Path(runtime) / "stratascope"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        return None
    told = "\0".join(environ.get(name, "") for name in _ASPECTS)
    where = folder / f"window-{hashlib.sha256(told.encode(errors='surrogateescape')).hexdigest()[:16]}"
    return where if len(os.fsencode(where)) < 100 else None  # sun_path has 108 bytes


def raise_other(where: Path, environ: Mapping[str, str], shows: str = "") -> bool:
    """Raise the window of a running instance, on this container if one is named; False if there is none."""
    token = environ.get(_TOKEN, "")[:1000]
    words = [_RAISE] if not shows.isprintable() or not shows else [_SHOW, quote(shows[:300], safe="").encode()]
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(PATIENCE)
            link.connect(str(where))
            link.sendall(b" ".join((*words, token.encode(errors="replace"))) + b"\n")
            return link.recv(_MOST) == _DONE
    except (OSError, ValueError):
        return False


class SingleInstance(QObject):
    """Listens for further starts; `came` is called with the activation token of each, "" if it has none, and with the
    name or id of the container that it is to show, "" if none.
    """

    def __init__(self, where: Path, came: Callable[[str, str], None]) -> None:
        """Raise OSError if the socket cannot be opened."""
        super().__init__()
        self._where, self._came = where, came
        self._server = socket.socket(socket.AF_UNIX)
        try:
            self._server.setblocking(False)
            with atomic_file.locked(where.with_suffix(".lock")):  # of two that start at once, one waits
                if _answered(where):
                    raise FileExistsError(str(where))
                with contextlib.suppress(FileNotFoundError):
                    where.unlink()  # left by an instance that was killed
                self._server.bind(str(where))
                self._server.listen(8)
        except OSError:
            self._server.close()
            raise
        self._notifier = QSocketNotifier(self._server.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._connected)

    def close(self) -> None:
        """Stop listening."""
        self._notifier.setEnabled(False)
        with contextlib.suppress(OSError):
            self._where.unlink()
        self._server.close()

    def _connected(self) -> None:
        try:
            link, _ = self._server.accept()
        except OSError:
            return
        with link:
            try:
                link.settimeout(0.2)  # the peer has already written, and the window must not block for long
                if _uid(link) != os.getuid():
                    return
                word, _, rest = link.recv(_MOST).rstrip(b"\n").partition(b" ")
                if word not in (_RAISE, _SHOW):
                    return
                shows, _, token = rest.partition(b" ") if word == _SHOW else (b"", b"", rest)
                self._came(token.decode(errors="replace"), unquote(shows.decode(errors="replace")))
                link.sendall(_DONE)
            except OSError:
                return


def _answered(where: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(PATIENCE)
        try:
            link.connect(str(where))
        except OSError:
            return False
        return True


def _uid(link: socket.socket) -> int:
    """Return the peer's uid; see SO_PEERCRED in unix(7)."""
    size = struct.calcsize("3i")
    return int(struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1])
