"""The users of an image, from the folders of its layers on this machine.

No engine tells them, and starting a container to look would change something. The folders are what the engine says, and
their content is the image's: no link is followed, only regular files are opened, and nothing that may not answer.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence

from stratascope.collector.paths import Sight, open_here, reopen
from stratascope.core.accounts import MOST, Accounts, parse

_LAYERS_MOST = 200  # overlayfs has a limit of 500, and Docker one of 125
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY


class _UnreadableError(OSError):
    """A file is there, but can't be read as the container would."""


def accounts_of(layers: Sequence[str]) -> Accounts | None:
    """`layers`: folders, topmost first. None if they can't be read."""
    if not layers or len(layers) > _LAYERS_MOST:
        return None
    texts = {"passwd": "", "group": ""}
    missing = set(texts)
    try:
        sight = Sight()
        for layer in layers:
            top = sight.answering(layer)
            try:
                folder = _etc(top)
            finally:
                os.close(top)
            if folder is None:
                continue
            try:
                for name in sorted(missing):
                    text = _text(folder, name)
                    if text is not None:
                        texts[name] = text
                        missing.discard(name)
                opaque = _opaque(folder)
            finally:
                os.close(folder)
            if opaque or not missing:
                break
    except OSError:
        return None
    return parse(texts["passwd"], texts["group"])


def _etc(top: int) -> int | None:
    """The layer's /etc; None if it has none. Raises OSError for anything but a directory."""
    try:
        folder = open_here("etc", top)
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(os.fstat(folder).st_mode):
        os.close(folder)
        raise _UnreadableError("not a directory")
    return folder


def _opaque(folder: int) -> bool:
    """Whether it hides the layers below: Documentation/filesystems/overlayfs.rst."""
    path = f"/proc/self/fd/{folder}"
    for name in ("trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"):
        with contextlib.suppress(OSError):
            if os.getxattr(path, name) == b"y":
                return True
    return False


def _text(folder: int, name: str) -> str | None:
    """None: not in this layer. A whiteout is an empty file. Raises OSError."""
    try:
        place = open_here(name, folder)
    except FileNotFoundError:
        return None
    try:
        about = os.fstat(place)
        if stat.S_ISCHR(about.st_mode) and about.st_rdev == 0:
            return ""
        if not stat.S_ISREG(about.st_mode) or about.st_size > MOST:
            raise _UnreadableError(name)
        with os.fdopen(reopen(place, _READ), "rb") as file:
            return file.read(MOST).decode("utf-8", "replace")
    finally:
        os.close(place)
