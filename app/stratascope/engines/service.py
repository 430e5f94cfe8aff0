"""Podman's API service for the current user, started where Podman is installed and no socket of it listens.

It lives in a private folder for as long as this program. A small shell beside it reads from a pipe that we hold: when
we end, in whatever way, the pipe ends and the shell ends the service. Decided against PR_SET_PDEATHSIG, which fires
when the *thread* that started the process ends (prctl(2)), and against `--time`, which would end it under an idle
window.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from stratascope.core.container import EngineKind, EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.engines import advice
from stratascope.engines.endpoint import listens

_WATCHER = 'read -r _; kill "$1"'
_START_SECONDS = 10.0
_KEPT = (
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "LANG",
    "LOGNAME",
    "PATH",
    "TMPDIR",
    "USER",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
)


class PodmanService:
    """At most one `podman system service`. Not thread-safe by itself: its engine calls it under a lock."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name: environ[name] for name in _KEPT if name in environ}
        self._environ["PODMAN_IGNORE_CGROUPSV1_WARNING"] = "1"
        self._folder: Path | None = None
        self._service: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    def running(self) -> bool:
        """Whether it was started and still listens."""
        return self._alive() and self._folder is not None and listens(self._folder / "podman.sock")

    def start(self) -> str:
        """Start it, and return its endpoint once it listens. Raises EngineError."""
        self.close()
        program = shutil.which("podman", path=self._environ.get("PATH"))
        if program is None:
            raise EngineError(EngineState.ABSENT, advice.absent(EngineKind.PODMAN), "podman: not found")
        self._folder = Path(tempfile.mkdtemp(prefix="stratascope-"))  # mode 0700: only we may ask it
        path = self._folder / "podman.sock"
        log = self._folder / "log"
        with log.open("wb") as words:
            self._service = subprocess.Popen(
                (program, "system", "service", "--time=0", f"unix://{path}"),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                env=self._environ,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for us
            )
        self._watcher = subprocess.Popen(
            ("/bin/sh", "-c", _WATCHER, "sh", str(self._service.pid)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not listens(path):
            if time.monotonic() > deadline or not self._alive():
                said = log.read_text(errors="replace").strip()[-500:]
                self.close()
                raise EngineError(
                    EngineState.STOPPED,
                    msg("Podman is installed, but its service can't be started. See the words of Podman."),
                    said,
                )
            time.sleep(0.02)
        return f"unix://{path}"

    def _alive(self) -> bool:
        return self._service is not None and self._service.poll() is None

    def close(self) -> None:
        """End it and remove its folder. May be called twice."""
        watcher, self._watcher = self._watcher, None
        service, self._service = self._service, None
        folder, self._folder = self._folder, None
        if watcher is not None:  # first: it must not signal a PID that is no longer the service's
            watcher.kill()
            watcher.wait()
            if watcher.stdin is not None:
                watcher.stdin.close()
        if service is not None:
            service.terminate()
            try:
                service.wait(5)
            except subprocess.TimeoutExpired:
                service.kill()
                service.wait()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
