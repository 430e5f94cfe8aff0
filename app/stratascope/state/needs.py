"""Observed needs on disk, and the seccomp profiles made from them.

Needs are one JSON file per image and command, next to the journal of relaunches; bounded in number and size.

Profiles are files because engines read them by path each time a container starts. They are named by their content, so
that one never changes under a container that uses it. None is removed: which containers of which engine still use it
can't be known here, and a hundred of them are half a megabyte. Root's directory is closed to all others, so for another
user's engine root puts them where all may read them: they contain nothing secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import msgspec

from stratascope import atomic_file
from stratascope.core.container import Container
from stratascope.core.observation.observation import Needs, NeedsError, Observation, added, needs_key
from stratascope.core.relaunch.transaction import JournalError
from stratascope.state.pending import default_folder

VERSION = 1
_MOST = 16 << 20  # bytes of one file: its lists are bounded, and few files come near a hundredth
_FILES_MOST = 500  # the oldest is deleted
_NAMES_MOST = 20


class FileNeeds:
    """A `core.observation.observation.NeedsStore` in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or default_folder().parent / "needs"

    def of(self, container: Container) -> Needs | None:
        """See the protocol. A damaged file raises an error that names it: forgetting helps."""
        return self._read(self._path(container))

    def add(self, container: Container, observation: Observation) -> Needs:
        """See the protocol. Safe against another program that does the same."""
        path = self._path(container)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_file.check_folder(self._folder)
            with atomic_file.locked(self._folder / "lock"):
                known = self._read(path) or Needs(container.image, container.command)
                names = (*(name for name in known.containers if name != container.name), container.name)
                found = Needs(
                    container.image,
                    container.command,
                    added(known.observation, observation),
                    names[-_NAMES_MOST:],
                    time.time(),
                )
                body = {"version": VERSION, "needs": msgspec.to_builtins(found)}
                atomic_file.tidy(path)
                atomic_file.write(path, json.dumps(body).encode())  # ASCII: paths that are not UTF-8 survive
                self._drop_oldest()
        except OSError as error:
            raise NeedsError(f"{error.filename or self._folder}: {error.strerror}") from error
        return found

    def forget(self, container: Container) -> bool:
        """See the protocol."""
        path = self._path(container)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise NeedsError(f"{path}: {error.strerror}") from error
        return True

    def _path(self, container: Container) -> Path:
        return self._folder / f"{needs_key(container)}.json"

    def _read(self, path: Path) -> Needs | None:
        try:
            atomic_file.check_folder(self._folder)
            data = atomic_file.read(path, _MOST, ours=True)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NeedsError(f"{path}: {error.strerror}") from error
        if data is None:
            raise NeedsError(f"{path}: longer than {_MOST} bytes")
        try:
            body = json.loads(data)
            if not isinstance(body, dict) or body.get("version") != VERSION:
                raise NeedsError(f"{path}: not of version {VERSION}")
            return msgspec.convert(body.get("needs"), Needs)
        except (ValueError, RecursionError) as error:
            raise NeedsError(f"{path}: {error}") from error

    def _drop_oldest(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda path: path.lstat().st_mtime)
        for path in files[:-_FILES_MOST]:
            path.unlink(missing_ok=True)


PUBLIC = Path("/var/lib/stratascope/seccomp")


def profile_path(text: str, folder: Path | None = None, reader: int | None = None) -> str:
    """The full path of the file with that content. `reader`: the user that the engine runs as, if known."""
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    another = os.geteuid() == 0 and bool(reader)
    return str((folder or (PUBLIC if another else default_folder().parent / "seccomp")) / f"learned-{name}.json")


def keep_profile(path: str, text: str) -> None:
    """Write it, unless it exists. Raises JournalError."""
    file = Path(path)
    try:
        public = file.parent == PUBLIC
        for folder in (PUBLIC.parent, PUBLIC) if public else ():  # regardless of the umask
            folder.mkdir(parents=True, exist_ok=True)
            atomic_file.check_folder(folder)
            folder.chmod(0o755)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_file.check_folder(file.parent)
        if file.is_symlink() or not file.exists() or atomic_file.read(file, len(text) + 1) != text.encode():
            atomic_file.write(file, text.encode(), mode=0o644 if public else 0o600, exact=public)
    except OSError as error:
        raise JournalError(f"{error.filename or path}: {error.strerror}") from error
