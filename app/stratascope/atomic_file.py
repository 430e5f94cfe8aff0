"""The one way in which a file is replaced: a reader, and a crash at any moment, finds the old text or the new one.

Written to a draft beside it and renamed: rename(2) is atomic, fsync(2) of file and folder makes it last. The draft is
made anew (O_EXCL) and through no link. `desktop_files/files.py` has a way of its own, since it runs as root by itself
and replaces several files or none.
"""

from __future__ import annotations

import contextlib
import glob
import os
from pathlib import Path


def write(
    path: Path,
    data: bytes,
    *,
    mode: int = 0o600,
    exact: bool = False,
    owner: tuple[int, int] | None = None,
    lasting: bool = True,
) -> None:
    """Replace the file's content; its folder must be there. Raises OSError, and leaves no draft then.

    `mode`: as open(2) has it, less the umask; `exact`: just that. `owner`: user and group, for root. `lasting`: synced,
    so that it outlives a crash of the machine.
    """
    draft = path.with_name(f".{path.name[:100]}.{os.urandom(4).hex()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        try:
            if owner is not None:
                os.fchown(descriptor, *owner)
            if exact:
                os.fchmod(descriptor, mode)
            while data:
                data = data[os.write(descriptor, data) :]
            if lasting:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(path)
        if lasting:
            sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def tidy(path: Path) -> None:
    """Remove drafts that a crash left. Only for whoever holds a lock: others' drafts go too. Raises OSError."""
    for left in path.parent.glob(f".{glob.escape(path.name[:100])}.????????.new"):
        left.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """What was added to it or removed from it outlives a crash of the machine. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
