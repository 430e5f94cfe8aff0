"""Observed needs on disk, and the seccomp profiles made from them.

Needs are one JSON file per image and command, next to the journal of relaunches; bounded in number and size.

A watch that is under way has a file of its own beside it, rewritten every few seconds and added up at its end. So what
was seen is there for every other program at once, and stays if the watching one is killed. Whose watch is over, by its
lock, is added up by the next that adds.

A relaunch may give a container an image of another name: its committed layer, an id. The file of such a name says whose
needs it has.

What root learns by sudo or pkexec belongs to the user who asked for it, and is read and written as that user: the next
command may be run without sudo, and one earlier was.

Profiles are files because engines read them by path each time a container starts. They are named by their content, so
that one never changes under a container that uses it. None is removed: which containers of which engine still use it
can't be known here, and a hundred of them are half a megabyte. Root's directory is closed to all others, so for another
user's engine root puts them where all may read them: they contain nothing secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import msgspec

from stratascope import atomic_file
from stratascope.core.container import Container
from stratascope.core.observation.observation import Needs, NeedsError, Observation, added, needs_key
from stratascope.core.relaunch.transaction import JournalError
from stratascope.state.pending import default_folder
from stratascope.value import replace

VERSION = 1
_MOST = 16 << 20  # bytes of one file: its lists are bounded, and few files come near a hundredth
_FILES_MOST = 500  # the oldest is deleted
_NAMES_MOST = 20
_PARTS_MOST = 20  # watches of one image and command that are read at once
_KEY = re.compile(r"[0-9a-f]{32}").fullmatch
_WATCH = re.compile(r"[0-9a-f]{1,32}").fullmatch


class Place:
    """A folder, and the user who owns what is in it; None: this program's."""

    def __init__(self, folder: Path, owner: tuple[int, int] | None = None) -> None:
        self.folder, self.owner = folder, owner

    def open(self) -> AbstractContextManager[None]:
        """What is done to its files is done as the owner. Raises OSError."""
        return nullcontext() if self.owner is None else atomic_file.acting_as(*self.owner)


def places(environ: Mapping[str, str] = os.environ) -> tuple[Place, ...]:
    """Where needs are: the first is written to, the others are read as well."""
    own = Place(default_folder(environ).parent / "needs")
    asked = next((environ[name] for name in ("SUDO_UID", "PKEXEC_UID") if environ.get(name, "").isdecimal()), "0")
    if os.geteuid() != 0 or int(asked) == 0:
        return (own,)
    try:
        person = pwd.getpwuid(int(asked))
    except (KeyError, OverflowError):
        return (own,)
    owner = person.pw_uid, person.pw_gid
    if _belongs(own.folder, person.pw_uid):  # sudo -E: the user's own folders are named
        return (Place(own.folder, owner),)
    if environ.get("XDG_STATE_HOME"):
        return (own,)
    return (Place(Path(person.pw_dir) / ".local/state/stratascope/needs", owner), own)


def _belongs(folder: Path, uid: int) -> bool:
    """Whether the folder, or what it would be made in, is that user's."""
    for path in (folder, *folder.parents):
        with suppress(OSError):
            return path.lstat().st_uid == uid
    return False


class FileNeeds:
    """A `core.observation.observation.NeedsStore` in a folder."""

    def __init__(self, folder: Path | None = None, *, among: tuple[Place, ...] = ()) -> None:
        self._places = (Place(folder),) if folder is not None else among or places()
        self._watches: dict[str, int] = {}  # locked files of this program's own watches, until they are added

    @property
    def _folder(self) -> Path:
        return self._places[0].folder

    def of(self, container: Container, but: str = "") -> Needs | None:
        """See the protocol. A damaged file raises an error that names it: forgetting helps."""
        found: Needs | None = None
        for place in self._places:
            with _told(place.folder), place.open():
                key = _same(place.folder, needs_key(container))
                each = _read(place.folder / f"{key}.json")
                for path in _parts(place.folder, key)[:_PARTS_MOST]:
                    if path.name.split(".")[1] != but:
                        each = _sum(each, _part(path))
            found = _sum(found, each)
        return None if found is None else replace(found, image=container.image)

    def so_far(self, container: Container, watch: str, observation: Observation) -> None:
        """See the protocol."""
        if not _WATCH(watch):
            raise NeedsError(watch)
        with self._prepared() as folder:
            key = _same(folder, needs_key(container))
            if watch not in self._watches:
                self._watches[watch] = atomic_file.lock(folder / f"{key}.{watch}.watch")
            _write(folder / f"{key}.{watch}.part", _of(container, None, observation), lasting=False)

    def add(self, container: Container, observation: Observation, watch: str = "") -> Needs:
        """See the protocol. Safe against another program that does the same."""
        with self._prepared() as folder, atomic_file.locked(folder / "lock"):
            key = _same(folder, needs_key(container))
            path = folder / f"{key}.json"
            known = _read(path)
            over = [(part, _part(part)) for part in _parts(folder, key) if _ended(part)]
            for part, needs in over:
                if part.name.split(".")[1] != watch:
                    known = _sum(known, needs)
            found = _of(container, known, observation)
            atomic_file.tidy(path)
            _write(path, found)
            for part, _ in over:
                _remove(part)
            self._end(folder / f"{key}.{watch}.part", watch)
            _drop_oldest(folder)
        return found

    def share(self, container: Container, other: Container) -> None:
        """See the protocol."""
        if needs_key(container) == needs_key(other):
            return
        with self._prepared() as folder, atomic_file.locked(folder / "lock"):
            key, its = _same(folder, needs_key(container)), _same(folder, needs_key(other))
            if key == its:
                return
            both = _sum(_read(folder / f"{key}.json"), _read(folder / f"{its}.json"))
            if both is not None:
                _write(folder / f"{key}.json", both)
            body = json.dumps({"version": VERSION, "same": key}).encode()
            atomic_file.write(folder / f"{its}.json", body)

    def forget(self, container: Container) -> bool:
        """See the protocol."""
        there = False
        for place in self._places:
            with _told(place.folder), place.open():
                own = needs_key(container)
                for key in {own, _same(place.folder, own)}:
                    for path in (place.folder / f"{key}.json", *_parts(place.folder, key)):
                        with suppress(FileNotFoundError):
                            path.unlink()
                            there = True
        return there

    # -- internal

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[Path]:
        place = self._places[0]
        with _told(place.folder), place.open():
            place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_file.check_folder(place.folder)
            yield place.folder

    def _end(self, part: Path, watch: str) -> None:
        descriptor = self._watches.pop(watch, None)
        if descriptor is not None:
            _remove(part)
            os.close(descriptor)


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NeedsError(f"{error.filename or folder}: {error.strerror}") from error


def _of(container: Container, known: Needs | None, observation: Observation) -> Needs:
    known = known or Needs(container.image, container.command)
    names = (*(name for name in known.containers if name != container.name), container.name)
    return Needs(
        known.image,
        container.command,
        added(known.observation, observation),
        names[-_NAMES_MOST:],
        time.time(),
    )


def _sum(one: Needs | None, two: Needs | None) -> Needs | None:
    if one is None or two is None:
        return one or two
    names = (*(name for name in one.containers if name not in two.containers), *two.containers)
    latest = max(one.updated, two.updated)
    return Needs(one.image, one.command, added(one.observation, two.observation), names[-_NAMES_MOST:], latest)


def _body(path: Path) -> dict[str, Any] | None:
    """Raises NeedsError."""
    try:
        atomic_file.check_folder(path.parent)
        data = atomic_file.read(path, _MOST, ours=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NeedsError(f"{path}: {error.strerror}") from error
    if data is None:
        raise NeedsError(f"{path}: longer than {_MOST} bytes")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NeedsError(f"{path}: {error}") from error
    if not isinstance(body, dict) or body.get("version") != VERSION:
        raise NeedsError(f"{path}: not of version {VERSION}")
    return body


def _read(path: Path) -> Needs | None:
    body = _body(path)
    try:
        return None if body is None else msgspec.convert(body.get("needs"), Needs)
    except (ValueError, RecursionError) as error:
        raise NeedsError(f"{path}: {error}") from error


def _part(path: Path) -> Needs | None:
    """None also where it is damaged: the others count all the same."""
    with suppress(NeedsError):
        return _read(path)
    return None


def _same(folder: Path, key: str) -> str:
    """The key of the file that has the needs of that one."""
    with suppress(NeedsError):
        body = _body(folder / f"{key}.json")
        other = None if body is None else body.get("same")
        if isinstance(other, str) and _KEY(other):
            return other
    return key


def _write(path: Path, needs: Needs, *, lasting: bool = True) -> None:
    body = {"version": VERSION, "needs": msgspec.to_builtins(needs)}
    atomic_file.write(path, json.dumps(body).encode(), lasting=lasting)  # ASCII: paths that are not UTF-8 survive


def _parts(folder: Path, key: str) -> list[Path]:
    try:
        return sorted(folder.glob(f"{key}.*.part"))
    except FileNotFoundError:
        return []


def _ended(part: Path) -> bool:
    """Whether the program of that watch has ended without adding it."""
    try:
        os.close(atomic_file.lock(part.with_suffix(".watch"), wait=False))
    except BlockingIOError:
        return False
    return True


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_suffix(".watch").unlink(missing_ok=True)


def _drop_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda path: path.lstat().st_mtime)
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
