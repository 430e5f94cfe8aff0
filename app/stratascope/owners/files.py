"""Insert our text into a file that an owner reads, and remove it again; the rest of the file stays.

The new file is written next to it, synced and renamed: a crash leaves the old file or the new one. A file that is not
ours is never written to, and text of ours that somebody changed is not removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from stratascope import atomic_file
from stratascope.core.message import msg
from stratascope.core.ports import OwnerError
from stratascope.core.relaunch.owner import OwnerFile, OwnerText
from stratascope.core.sanitize import plain

MARK = "# io.github.stratascope: "
_MAX = 1 << 20  # bytes


def read(path: str) -> str | None:
    """The file's contents; None if it does not exist. Raises OwnerError."""
    try:
        if (data := atomic_file.read(Path(path), _MAX)) is None:
            raise OSError(f"more than {_MAX} bytes")
        return data.decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise OwnerError(msg("The file {path} can't be read.", path=path), str(error)) from error


def head(service: str) -> str:
    """The unique first line of a text of ours: a service may get a second text once the first is accepted."""
    return f"{MARK}{plain(service)} {secrets.token_hex(4)}\n"


def ours(text: str) -> bool:
    """Whether we created that file."""
    return text.removeprefix("---\n").startswith(MARK)


def profile(made: OwnerText, place: Callable[[str], Path]) -> tuple[OwnerText, tuple[OwnerFile, ...]]:
    """The text, and the file of the profile that it names, if there is none yet. Another profile of that name, of an
    earlier change or of a person, is left as it is, and ours gets a name of its own. Raises OwnerError.
    """
    if not made.profile:
        return made, ()
    own = hashlib.sha256(made.profile.encode()).hexdigest()[:8]
    for name in (made.profile_name, f"{made.profile_name.removesuffix('.json')}-{own}.json"):
        path = str(place(name))
        there = read(path)
        named = OwnerText(made.text.replace(made.profile_name, name), made.profile, name)
        if there == made.profile:
            return named, ()
        if there is None:
            return named, (OwnerFile(path, made.profile),)
    raise OwnerError(msg("The file {path} already exists; it is left as it is.", path=path))


def holds(file: OwnerFile) -> bool:
    """Whether it contains our text, unchanged. Raises OwnerError."""
    return file.text in (read(file.path) or "")


def put(file: OwnerFile, like: str) -> None:
    """Write our text, unless it is there. `like`: the file whose owner a new file gets. Raises OwnerError."""
    now = read(file.path)
    if now is not None and file.text in now:
        return
    if now is not None and now.strip() and not ours(now):
        raise OwnerError(
            msg("Someone else created the file {path} in the meantime; it is left as it is.", path=file.path)
        )
    if now is not None and now.strip():
        text = f"{now}{'' if now.endswith(chr(10)) else chr(10)}{file.joint}{file.text}"
    else:
        text = file.text
    _write(Path(file.path), text, like)


def take(file: OwnerFile) -> None:
    """Remove our text. Raises OwnerError if it was changed by hand."""
    path = Path(file.path)
    with contextlib.suppress(OSError):
        atomic_file.tidy(path)
    now = read(file.path)
    if now is None:
        _gone(path)
        return
    found = next((text for text in (file.joint + file.text, file.text + file.joint, file.text) if text in now), None)
    if found is None:
        if file.text.startswith(MARK) and file.text.splitlines()[0] not in now:
            return  # ours was removed already, the rest belongs to other services
        raise OwnerError(
            msg(
                "The file {path} was changed after Stratascope wrote to it. Remove by hand what is not wanted.",
                path=file.path,
            )
        )
    rest = now.replace(found, "", 1)
    if rest.strip() not in ("", "---"):
        _write(path, rest, file.path)
        return
    try:
        path.unlink(missing_ok=True)
        _gone(path)
        atomic_file.sync(path.parent if path.parent.is_dir() else path.parent.parent)
    except OSError as error:
        raise OwnerError(msg("The file {path} can't be removed.", path=file.path), error.strerror or "") from error


def _gone(path: Path) -> None:
    """Remove an empty drop-in directory."""
    if path.parent.name.endswith(".container.d"):
        with contextlib.suppress(OSError):  # only if empty
            path.parent.rmdir()


def _write(path: Path, text: str, like: str) -> None:
    try:
        model = (path if path.exists() else Path(like)).stat()
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            if os.geteuid() == 0:
                os.chown(path.parent, *_owner(model), follow_symlinks=False)
        atomic_file.tidy(path)  # no other writer now: the caller holds the lock
        atomic_file.write(path, text.encode(), mode=0o644, owner=_owner(model) if os.geteuid() == 0 else None)
    except OSError as error:
        raise OwnerError(msg("The file {path} can't be written.", path=str(path)), error.strerror or "") from error


def _owner(model: os.stat_result) -> tuple[int, int]:
    """The owner for a new file: if root writes in a user's project, the user must be able to change it."""
    return model.st_uid, model.st_gid
