"""Seccomp profiles that were made of needs, as files: engines read them by their path each time a container starts.

Named by their content, so that one is never changed under a container that uses it. None is removed: which containers
of which engine still start by it can't be known here, and a hundred of them are half a megabyte.

Root's folder is closed to everybody else, so for another user's engine root puts them where all may read them: nothing
in them is secret.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from stratascope import atomic_file
from stratascope.core.relaunch.transaction import JournalError
from stratascope.state.pending import default_folder

PUBLIC = Path("/var/lib/stratascope/seccomp")


def place(text: str, folder: Path | None = None, reader: int | None = None) -> str:
    """The full path of the file of that content. `reader`: the user that the engine runs as, where it says."""
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    another = os.geteuid() == 0 and bool(reader)
    return str((folder or (PUBLIC if another else default_folder().parent / "seccomp")) / f"learned-{name}.json")


def keep(path: str, text: str) -> None:
    """Write it, where it is not there yet. Raises JournalError."""
    file = Path(path)
    try:
        public = file.parent == PUBLIC
        for folder in (PUBLIC.parent, PUBLIC) if public else ():  # whatever the umask
            folder.mkdir(parents=True, exist_ok=True)
            atomic_file.check_folder(folder)
            folder.chmod(0o755)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_file.check_folder(file.parent)
        if file.is_symlink() or not file.exists() or atomic_file.read(file, len(text) + 1) != text.encode():
            atomic_file.write(file, text.encode(), mode=0o644 if public else 0o600, exact=public)
    except OSError as error:
        raise JournalError(f"{error.filename or path}: {error.strerror}") from error
