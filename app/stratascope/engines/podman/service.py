"""Podman's API service for the current user, started where Podman is installed and no socket of it listens.

It lives for as long as this program. Decided against `--time`, which would end it under an idle window.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from stratascope.core.container import EngineKind, EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.engines.shared import errors
from stratascope.engines.shared.child_socket import ChildProgram, NotStartedError
from stratascope.engines.shared.endpoint import listens

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
    """At most one `podman system service`; a `child_socket.SocketProvider`."""

    shell: tuple[str, ...] = ()

    def __init__(self, environ: Mapping[str, str]) -> None:
        kept = {name: environ[name] for name in _KEPT if name in environ}
        self._path = kept.get("PATH")
        self._kept = ChildProgram({**kept, "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}, _START_SECONDS)

    def running(self) -> bool:
        """Whether it was started and still listens."""
        path = self._kept.socket
        return self._kept.alive() and path is not None and listens(path)

    def start(self) -> Path:
        """Start it, and return its socket once it listens. Raises EngineError."""
        program = shutil.which("podman", path=self._path)
        if program is None:
            raise EngineError(EngineState.ABSENT, errors.absent(EngineKind.PODMAN), "podman: not found")
        try:
            return self._kept.start(lambda path: (program, "system", "service", "--time=0", f"unix://{path}"))
        except (NotStartedError, OSError) as error:
            raise EngineError(
                EngineState.STOPPED,
                msg("Podman is installed, but its service can't be started. See Podman's message."),
                str(error)[-500:],
            ) from error

    def trouble(self) -> EngineError | None:
        """Podman's log tells nothing that its answers do not tell better."""
        return None

    def close(self) -> None:
        """End it. May be called twice."""
        self._kept.close()
