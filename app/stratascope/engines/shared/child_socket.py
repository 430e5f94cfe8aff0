"""A child program that provides a socket for as long as we run: Podman's service, or an ssh tunnel.

The socket is in a private directory. A small shell next to the program reads from a pipe that we hold: when we end, in
whatever way, the pipe ends, and the shell ends the program and removes the directory. Decided against PR_SET_PDEATHSIG,
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
_LOG_MAX = 1 << 20  # bytes of output before it listens; an ssh server may send banners without end


class SocketProvider(Protocol):
    """Provides a socket for an engine that has none here. Thread-safe."""

    @property
    def shell(self) -> tuple[str, ...]:
        """The prefix for a command to run on the engine's machine; empty if that is this one."""

    def running(self) -> bool:
        """Whether the socket exists."""

    def start(self) -> Path:
        """Create the socket, and return it once it is usable. Raises EngineError."""

    def trouble(self) -> EngineError | None:
        """The problem since the last call, if the provider knows one; else None."""

    def close(self) -> None:
        """End it for good. May be called twice."""


class NotStartedError(Exception):
    """The program provided no socket; contains its output."""


class ChildProgram:
    """At most one such process. `close` also ends a `start` that another thread is waiting in."""

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
        """The socket's path, once it was started."""
        folder = self._folder
        return None if folder is None else folder / "engine.sock"

    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        child = self._child
        return child is not None and child.poll() is None

    def start(self, argv: Callable[[Path], Sequence[str]]) -> Path:
        """Start the command that `argv` returns for the socket's path; returns the path once it listens. Raises
        NotStartedError, OSError.
        """
        with self._lock:
            self._end()
            folder = self._folder = Path(tempfile.mkdtemp(prefix="stratascope-"))  # mode 0700: only we may connect
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
        """Its output since the last call."""
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
        """As `words`, but waits a moment for a process that is just ending."""
        child = self._child
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_LAST_WORDS_SECONDS)
        return self.words()

    def close(self) -> None:
        """End it and remove its directory; it can't be started again. May be called twice."""
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
                start_new_session=True,  # Ctrl-C is for us, and there is no terminal to ask for a password on
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
