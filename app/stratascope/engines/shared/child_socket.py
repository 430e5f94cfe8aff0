"""A program of another kind that gives us a socket, kept for as long as this one runs: Podman's service, an ssh tunnel.

The socket lives in a private folder. A small shell next to the program reads from a pipe that we hold: when we end, in
whatever way, the pipe ends, and the shell ends the program and removes the folder. Decided against PR_SET_PDEATHSIG,
which fires when the *thread* that started the process ends (prctl(2)).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from stratascope.core.ports import EngineError
from stratascope.engines.shared.endpoint import listens

_WATCHER = 'read -r _; kill "$1"; rm -rf -- "$2"'
_END_SECONDS = 5.0
_LAST_WORDS_SECONDS = 0.3
_WORDS_MAX = 4000  # characters
_LOG_MAX = 1 << 20  # bytes that it may print before it listens; an ssh server may send banners without end


class SocketProvider(Protocol):
    """Makes a socket on which an engine answers that has none here. Safe for several threads."""

    @property
    def shell(self) -> tuple[str, ...]:
        """What to put before a command to run it on the engine's machine; empty where that is this one."""

    def running(self) -> bool:
        """Whether the socket is there."""

    def start(self) -> Path:
        """Make the socket, and return it once it can be used. Raises EngineError."""

    def trouble(self) -> EngineError | None:
        """What went wrong on the way since it was last asked; None where it knows of nothing."""

    def close(self) -> None:
        """End it for good. May be called twice."""


class NotStartedError(Exception):
    """The program gave no socket; its own words."""


class ChildProgram:
    """At most one such process. `close` also ends a `start` that another thread is still waiting in."""

    def __init__(self, environ: Mapping[str, str], seconds: float) -> None:
        """`seconds`: how long the program may take until its socket listens."""
        self._environ = dict(environ)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._folder: Path | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path | None:
        """Where it listens, once it was started."""
        folder = self._folder
        return None if folder is None else folder / "engine.sock"

    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        child = self._child
        return child is not None and child.poll() is None

    def start(self, argv: Callable[[Path], Sequence[str]]) -> Path:
        """Start what `argv` makes of the socket's path; returns it once it listens. Raises NotStartedError, OSError."""
        with self._lock:
            self._end()
            folder = self._folder = Path(tempfile.mkdtemp(prefix="stratascope-"))  # mode 0700: only we may ask it
            path = folder / "engine.sock"
            try:
                self._spawn(argv(path), folder)
                deadline = time.monotonic() + self._seconds
                while not listens(path):
                    over = self._closing.is_set() or not self.alive() or time.monotonic() > deadline
                    if over or (folder / "log").stat().st_size > _LOG_MAX:
                        raise NotStartedError(self.words())
                    time.sleep(0.02)
            except BaseException:
                self._end()
                raise
            return path

    def words(self) -> str:
        """What it printed since this was last asked."""
        folder = self._folder
        if folder is None:
            return ""
        log = folder / "log"
        try:
            with log.open("rb") as file:
                file.seek(max(0, log.stat().st_size - _LOG_MAX))
                said = file.read(_LOG_MAX).decode("utf-8", "replace").strip()
            os.truncate(log, 0)
        except OSError:
            return ""
        return said[-_WORDS_MAX:]

    def last_words(self) -> str:
        """As `words`, and waits a moment for a process that is just ending."""
        child = self._child
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_LAST_WORDS_SECONDS)
        return self.words()

    def close(self) -> None:
        """End it and remove its folder; it can't be started again. May be called twice."""
        self._closing.set()
        with self._lock:
            self._end()

    def _spawn(self, argv: Sequence[str], folder: Path) -> None:
        with (folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for us, and there is none to ask for a password on
            )
        self._watcher = subprocess.Popen(
            ("/bin/sh", "-c", _WATCHER, "sh", str(self._child.pid), str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def _end(self) -> None:
        watcher, self._watcher = self._watcher, None
        child, self._child = self._child, None
        folder, self._folder = self._folder, None
        if watcher is not None:  # first: it must not signal a PID that is no longer the child's
            watcher.kill()
            watcher.wait()
            if watcher.stdin is not None:
                watcher.stdin.close()
        if child is not None:
            child.terminate()
            try:
                child.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
