"""Whether the background service runs, since when, and what it does: a small file that it keeps locked meanwhile.

The lock is the kernel's (flock(2)), so that a service that was killed is not taken for a running one. The file lies
where everything of a session of this user on this machine lies, since a home may be shared by several machines.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from stratascope import atomic_file
from stratascope.state.pending import default_folder
from stratascope.value import Value

_MOST = 4096
_TRIES, _PAUSE = 5, 0.1  # a reader holds the lock for an instant


class Running(Value):
    """The service. `since`: seconds since the epoch; `recording`: whether it is the one that writes the history;
    `waiting`: another program is; `notices`: whether it sends desktop notices; `tray`: whether the desktop shows its
    icon; `trouble`: why nothing can be written, translated.
    """

    pid: int
    since: float
    recording: bool = False
    waiting: bool = False
    notices: bool = False
    tray: bool = False
    trouble: str = ""


def place(environ: Mapping[str, str] = os.environ) -> Path:
    """Its file. A Flatpak's instances share only `app/ID` of the runtime folder (flatpak-run(1))."""
    runtime, app = environ.get("XDG_RUNTIME_DIR", ""), environ.get("FLATPAK_ID", "")
    if not runtime.startswith("/"):
        return default_folder(environ).parent / "background"
    inside = Path(runtime) / "app" / app if app and "/" not in app else Path(runtime)
    return inside / "stratascope" / "background"


def running(path: Path | None = None) -> Running | None:
    """The service, if it runs. Raises nothing: what can't be read is no service of ours."""
    path = path or place()
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_uid not in (os.geteuid(), 0):
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return None
        try:
            return msgspec.convert(json.loads(os.pread(descriptor, _MOST, 0)), Running)
        except (OSError, ValueError, RecursionError):
            return None
    finally:
        os.close(descriptor)
    return None


def ask_to_end(path: Path | None = None) -> None:
    """Ask the service to end, which it does within seconds: also where its process can't be signalled, as between a
    Flatpak's instances. Raises OSError.
    """
    atomic_file.write(_request(path or place()), b"end\n")


def _request(path: Path) -> Path:
    return path.with_name(f"{path.name}.end")


class ServiceMark:
    """The service's own hold on the file."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or place()
        self._held: int | None = None
        self._said: Running | None = None

    def claim(self) -> bool:
        """Become the one service; False if another is. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_file.check_folder(self.path.parent)
        for _ in range(_TRIES):
            with suppress(BlockingIOError):
                self._held = atomic_file.lock(self.path, wait=False)
                os.ftruncate(self._held, 0)
                _request(self.path).unlink(missing_ok=True)
                return True
            time.sleep(_PAUSE)
        return False

    def say(self, running: Running) -> None:
        """Say what it does. A full disk changes nothing but that it is not known. Only after `claim`."""
        if self._held is None or running == self._said:
            return
        text = json.dumps(msgspec.to_builtins(running)).encode()
        with suppress(OSError):
            os.pwrite(self._held, text.ljust(_MOST)[:_MOST], 0)  # in one write, of one length: a reader sees all of it
            self._said = running

    def asked_to_end(self) -> bool:
        """Whether somebody asked it to end since `claim`."""
        return self._held is not None and _request(self.path).exists()

    def release(self) -> None:
        """It runs no more. May be called twice."""
        held, self._held = self._held, None
        if held is not None:
            os.close(held)
