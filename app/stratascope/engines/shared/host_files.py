"""The files of an engine's host where that is this machine, in the engine's own sight.

An engine may have a mount namespace of its own, where a path leads elsewhere than here; so paths are looked up below
the root of the process that listens on its socket, where that may be read. Decided against asking the engine to mount
the paths into a container that looks: that would change what is there (Docker makes the folders that are missing).
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from stratascope import sandbox
from stratascope.core.ports import Entry
from stratascope.engines.shared.endpoint import peer_pid
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import Propagation, parse_mountinfo, visible


class LocalFiles:
    """For an engine behind `endpoint`. Each question is answered anew: nothing is kept."""

    def __init__(self, endpoint: str) -> None:
        # in a Flatpak this program sees other files than the host has
        local = endpoint.startswith("unix://") and sandbox.access() is sandbox.Access.OUTSIDE
        self._socket = Path(endpoint.removeprefix("unix://")) if local else None

    def exists(self, path: str) -> bool | None:
        if self._socket is None:
            return None
        found = _stat(self._root() + path)
        return None if found is None else bool(found)

    def replaced(self, pid: int, source: str, target: str) -> bool | None:
        if self._socket is None:
            return None
        place = f"/proc/{pid}"
        try:
            targets = {mount.target for mount in parse_mountinfo(_text(f"{place}/mountinfo"))}
        except (OSError, DecodeError):
            return None
        if (target.rstrip("/") or "/") not in targets:
            return None  # unmounted, or a process of another machine
        here, there = _stat(self._root() + source), _stat(f"{place}/root{target}")
        if not isinstance(here, os.stat_result) or not isinstance(there, os.stat_result):
            return None
        return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)

    def propagation(self, path: str) -> Propagation | None:
        if self._socket is None:
            return None
        pid = self._peer()
        try:
            real = os.path.realpath(self._root() + path).removeprefix(self._root())
            mounts = visible(parse_mountinfo(_text(f"/proc/{'self' if pid is None else pid}/mountinfo")))
        except (OSError, DecodeError):
            return None
        above = [mount for mount in mounts if mount.target == "/" or f"{real}/".startswith(f"{mount.target}/")]
        return max(above, key=lambda mount: len(mount.target)).propagation if above else None

    def entries(self, source: str, target: str, most: int) -> tuple[Entry, ...] | None:
        if self._socket is None:
            return None
        try:
            return tuple(_below(self._root() + source, target.rstrip("/"), most))
        except OSError:
            return None

    def _peer(self) -> int | None:
        """The engine's process, where its sight of the files may be used."""
        pid = None if self._socket is None else peer_pid(self._socket)
        return pid if pid and os.access(f"/proc/{pid}/root/", os.X_OK) else None

    def _root(self) -> str:
        pid = self._peer()
        return "" if pid is None else f"/proc/{pid}/root"


def _stat(path: str) -> os.stat_result | bool | None:
    """False: nothing is there; None: can't be told. `Path.exists` says False to both in newer Pythons."""
    try:
        return Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return None


def _text(path: str) -> str:
    return Path(path).read_text("utf-8", "surrogateescape")


def _below(top: str, target: str, most: int) -> Iterator[Entry]:
    """Breadth first, links not followed. Raises OSError where the top can't be listed; folders below it are skipped."""
    found = Path(top).stat()
    yield _entry(target or "/", found)
    if not stat.S_ISDIR(found.st_mode):
        return
    waiting, count = deque([(top, target)]), 1
    while waiting and count < most:
        folder, inside = waiting.popleft()
        try:
            with os.scandir(folder) as items:
                for item in items:
                    found = item.stat(follow_symlinks=False)
                    if not stat.S_ISLNK(found.st_mode):
                        yield _entry(f"{inside}/{item.name}", found)
                        count += 1
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append((item.path, f"{inside}/{item.name}"))
                    if count >= most:
                        return
        except OSError:
            if folder == top:
                raise


def _entry(path: str, found: os.stat_result) -> Entry:
    return Entry(path, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), stat.S_ISDIR(found.st_mode))
