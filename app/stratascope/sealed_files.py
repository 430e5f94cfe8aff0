"""Writes a few files, all of them or none, and removes only those it wrote that nobody has changed since.

Each file ends with a seal: a comment with the SHA-256 of everything above it. The seal alone shows whether a file is
ours, ours and changed, or somebody else's; the last two are never overwritten and never removed.

Stand-alone: standard library only, Python 3.8 syntax, like the collector. Where root has to write, this very source is
passed to the host's Python on standard input (`main`), since root may not be able to read it where it is, and should
not import from a user's folder. Decided against a separate list of written files: it gets lost, or outlives the files.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import re
import stat
import sys
from pathlib import Path
from typing import Any, Callable, NamedTuple, Tuple

ABSENT, OURS, CHANGED, FOREIGN = "absent", "ours", "changed", "foreign"  # state of a path
STUCK = "stuck"  # ours, but could not be removed
OPEN, MISSING = "open", "missing"  # of a folder: others than root can write there; it has to exist already
SIZE_MAX = 16 << 20  # bytes of a file that is read; ours are far smaller

_SEAL = re.compile(rb"Written by Stratascope, SHA-256 of all above: ([0-9a-f]{64})")

File = Tuple[str, int, bytes]  # absolute path, mode, text


class Placed(NamedTuple):
    """What was done: paths written, paths that were there unchanged, caches refreshed."""

    written: Tuple[Path, ...]
    unchanged: Tuple[Path, ...] = ()
    refreshed: Tuple[str, ...] = ()


class Taken(NamedTuple):
    """What was removed, and what was kept with its state: see `take`."""

    removed: Tuple[Path, ...]
    kept: Tuple[Tuple[Path, str], ...] = ()
    refreshed: Tuple[str, ...] = ()


class BlockedError(Exception):
    """Nothing was done, because of these paths; each with its obstacle."""

    def __init__(self, paths: list[tuple[str, str]]) -> None:
        super().__init__(", ".join(path for path, _ in paths))
        self.paths = paths


def sealed(text: bytes, opening: bytes = b"# ", closing: bytes = b"") -> bytes:
    """The text followed by its seal, as a comment between `opening` and `closing`."""
    digest = hashlib.sha256(text).hexdigest().encode()
    return text + opening + b"Written by Stratascope, SHA-256 of all above: " + digest + closing + b"\n"


def state_of(path: str, root: bool = False) -> str:
    """State of this path. `root`: a file owned by another user is not ours. Raises OSError."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    if not stat.S_ISREG(found.st_mode) or found.st_size > SIZE_MAX or (root and found.st_uid != 0):
        return FOREIGN
    text = _read(path)
    above, newline, last = text.rstrip(b"\n").rpartition(b"\n")
    seal = _SEAL.search(last)
    if seal is None:
        return CHANGED if _SEAL.search(text) else FOREIGN
    whole = text.endswith(b"\n") and not text.endswith(b"\n\n")
    ours = hashlib.sha256(above + newline).hexdigest().encode() == seal.group(1)
    return OURS if ours and whole else CHANGED


def same(file: File, root: bool = False) -> bool:
    """Whether exactly this file is there already, with its mode. Raises OSError."""
    path, mode, text = file
    if state_of(path, root) != OURS:
        return False
    return stat.S_IMODE(os.lstat(path).st_mode) == mode and _read(path) == text


def missing_folders(paths: list[str]) -> list[str]:
    """The folders that have to be created for these files, outermost first."""
    wanted = set()
    for path in paths:
        folder = os.path.dirname(path)
        while folder not in wanted and not os.path.isdir(folder):
            wanted.add(folder)
            folder = os.path.dirname(folder)
    return sorted(wanted)


def check(files: list[File], needed: tuple[str, ...] = (), root: bool = False) -> None:
    """Raises BlockedError where `put` would; OSError if a path can't be read."""
    blocked = [(path, state) for path, state in _states(files, root) if state in (CHANGED, FOREIGN)]
    blocked += [(folder, MISSING) for folder in needed if not os.path.isdir(folder)]
    if root:
        blocked += [(folder, OPEN) for folder in open_folders([path for path, _, _ in files])]
    if blocked:
        raise BlockedError(blocked)


def put(files: list[File], needed: tuple[str, ...] = (), root: bool = False) -> list[str]:
    """Write all or none; returns the paths written, without files that were there unchanged.

    Raises BlockedError if somebody else's or a changed file is in the way, if one of the folders `needed` is missing
    (others are created), or (`root`) if another user could change what is there; OSError, after everything has been
    restored.
    """
    check(files, needed, root)
    wanted = [file for file in files if not same(file, root)]
    replaced = [path for path, state in _states(files, root) if state == OURS]
    before = {path: (stat.S_IMODE(os.lstat(path).st_mode), _read(path)) for path in replaced}
    made: list[str] = []
    parts: list[str] = []
    moved: list[str] = []
    try:
        for folder in missing_folders([path for path, _, _ in wanted]):
            os.mkdir(folder, 0o755)
            made.append(folder)
        for path, mode, text in wanted:
            parts.append(f"{path}.{os.getpid()}.part")
            _write(parts[-1], mode, text)
        for path, _, _ in wanted:
            os.replace(parts[0], path)
            del parts[0]
            moved.append(path)
    except BaseException:
        _put_back(made, parts, moved, before)
        raise
    return moved


def take(paths: list[str], folders: list[str], root: bool = False) -> tuple[list[str], list[tuple[str, str]]]:
    """Remove what is ours and unchanged, then these folders, innermost first, if they are empty.

    Returns what was removed, and what was kept with its state. Raises OSError if a file can't be read, or the first one
    can't be removed: then nothing was changed.
    """
    states = [(path, state_of(path, root)) for path in paths]
    gone: list[str] = []
    stuck = []
    for path, state in states:
        if state == OURS:
            try:
                os.unlink(path)
            except OSError:
                if not gone:
                    raise
                stuck.append((path, STUCK))
                continue
            gone.append(path)
    for folder in sorted(folders, reverse=True):
        try:
            os.rmdir(folder)
        except OSError:
            continue  # it has other files by now, or is gone
        gone.append(folder)
    return gone, [(path, state) for path, state in states if state in (CHANGED, FOREIGN)] + stuck


def open_folders(paths: list[str]) -> list[str]:
    """Folders on these paths that another user than root could change: no place for root's files."""
    seen: dict[str, bool] = {}
    for path in paths:
        folder = os.path.realpath(os.path.dirname(path))
        while folder not in seen:
            try:
                seen[folder] = is_open(folder)
            except FileNotFoundError:
                seen[folder] = False  # root will create it
            folder = os.path.dirname(folder)
    return sorted(folder for folder, loose in seen.items() if loose)


def is_open(path: str) -> bool:
    """Whether another user than root could change what is there. Raises OSError."""
    found = os.stat(path)
    loose = found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and found.st_gid != 0)
    return bool(found.st_uid != 0 or loose)


def main() -> None:
    """As root: one request on standard input, one reply on standard output, both JSON. Always exits with 0."""
    reply: dict[str, Any] = {}
    try:
        request = json.loads(sys.stdin.buffer.read())
        os.umask(0o022)
        if request["do"] == "put":
            files = [(path, mode, base64.b64decode(text)) for path, mode, text in request["files"]]
            reply["done"] = put(files, tuple(request["needed"]), root=True)
        elif request["do"] == "take":
            reply["done"], reply["kept"] = take(request["paths"], request["folders"], root=True)
        else:
            reply["error"] = [errno.EINVAL, ""]
    except BlockedError as error:
        reply["kept"] = error.paths
    except OSError as error:
        reply["error"] = [error.errno or 0, str(error.filename or "")]
    sys.stdout.write(json.dumps({"stratascope": "placed", **reply}) + "\n")
    sys.stdout.flush()


def _states(files: list[File], root: bool) -> list[tuple[str, str]]:
    return [(path, state_of(path, root)) for path, _, _ in files]


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(SIZE_MAX + 1)


def _write(part: str, mode: int, text: bytes) -> None:
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        left = memoryview(text)
        while left:
            left = left[os.write(number, left) :]
        os.fchmod(number, mode)
        os.fsync(number)  # report a full disk here, before any file is replaced
    finally:
        os.close(number)


def _put_back(made: list[str], parts: list[str], moved: list[str], before: dict[str, tuple[int, bytes]]) -> None:
    """After a failure: restore what was replaced, and delete what is new."""
    for part in parts:
        _quietly(os.unlink, part)
    for path in moved:
        if path in before:
            mode, text = before[path]
            try:
                _write(path + ".part", mode, text)
                os.replace(path + ".part", path)
            except OSError:
                _quietly(os.unlink, path + ".part")
        else:
            _quietly(os.unlink, path)
    for folder in reversed(made):
        _quietly(os.rmdir, folder)


def _quietly(act: Callable[[str], None], path: str) -> None:
    try:
        act(path)
    except OSError:
        return
