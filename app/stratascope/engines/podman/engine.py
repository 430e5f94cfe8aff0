"""Podman's adapter: its own (libpod) API, and podman-py's client for what changes something.

Decided against the Docker-compatible API, which every Podman has too: its inspect hides capabilities, pods, annotations
and id mappings.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from stratascope.core.container import EngineFacts, EngineKind, EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.runtime_flaws import RuntimeBuild, of_words
from stratascope.engines.podman.inspect import redact
from stratascope.engines.shared import errors
from stratascope.engines.shared.child_socket import ChildProgram, NotStartedError
from stratascope.engines.shared.endpoint import listens
from stratascope.engines.shared.json_reader import JsonObject, capability_names, in_order, parse_object
from stratascope.engines.shared.rest_engine import RestEngine

if TYPE_CHECKING:
    from pathlib import Path

    from podman.api.client import APIClient
    from podman.domain.containers import Container


_API = "4.0.0"  # Podman serves every API version from this one on, whatever its own


class PodmanEngine(RestEngine):
    """One Podman endpoint."""

    kind = EngineKind.PODMAN
    _list_path = "/containers/json"
    _events_path = "/events"
    _event_filter = {"filters": '{"type":["container","network"]}', "stream": "true"}  # noqa: RUF012
    machine = ""  # the machine as named in images; "" before the first description

    @property
    def socket(self) -> Path | None:
        """The engine's socket, if it is on this machine."""
        return self._endpoint.path

    @property
    def client(self) -> tuple[str, ...]:
        """See `core.ports.DailyEngine`. If we started its service, the command line works without it."""
        own = self._own
        if own.may_start:
            return ("podman",)
        return ("podman", "--url", own.endpoint, *(("--identity", own.identity) if own.identity else ()))

    def top(self, container: str, columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """See `core.ports.Top`."""
        text = self._get_of(f"{self._path(container)}/top", {"ps_args": ",".join(columns), "stream": "false"})
        value = parse_object(text).get("Processes")
        rows = value if isinstance(value, list) else []
        found = []
        for row in rows:
            if not isinstance(row, list) or len(row) != len(columns) or not all(isinstance(cell, str) for cell in row):
                raise ValueError(f"podman top: expected {len(columns)} texts in a row, found {str(row)[:80]}")
            found.append(tuple(row))
        return tuple(found)

    @contextmanager
    def sdk(self, silence: float, container: str) -> Iterator[Container]:
        """A container of the SDK's, for one named call. `silence`: seconds. Raises as `answered`."""

        def make(base_url: str) -> APIClient:
            from podman.api.client import APIClient

            return APIClient(base_url=base_url, version=_API)

        with self._named(make, silence, container, ()) as client:
            from podman.domain.containers import Container

            yield Container({"Id": container}, client)

    def _path_prefix(self) -> str:
        return f"/v{_API}/libpod"

    def _path(self, container: str) -> str:
        return f"/containers/{quote(container, safe='')}"

    def volume_path(self, name: str) -> str:
        return f"/volumes/{name}/json"

    def _inspect_path(self, container: str) -> str:
        return f"{self._path(container)}/json"

    def _redact(self, text: str) -> str:
        return redact(text)

    def _facts(self) -> tuple[str, bool, EngineFacts]:
        info = JsonObject(parse_object(self._get("/info")))
        host, security = info.part("host"), info.part("host").part("security")
        version = info.part("version").text("Version")
        if not version:
            raise ValueError("no version in the answer")
        rootless = security.flag("rootless")
        self.machine = host.text("arch")
        system = host.part("distribution")
        names = capability_names(tuple(name for name in security.text("capabilities").split(",") if name))
        return (
            version,
            rootless,
            EngineFacts(
                storage_driver=info.part("store").text("graphDriverName"),
                cgroup_driver=host.text("cgroupManager"),
                cgroup_version=host.text("cgroupVersion").removeprefix("v"),
                network_helper=host.text("rootlessNetworkCmd") if rootless else "",
                runtime=host.part("ociRuntime").text("name"),
                operating_system=f"{system.text('distribution')} {system.text('version')}".strip(),
                kernel=host.text("kernel"),
                default_capabilities=in_order(set(names)),
                seccomp_profile="unconfined"
                if security.has("seccompEnabled") and not security.flag("seccompEnabled")
                else security.text("seccompProfilePath"),
                selinux=security.flag("selinuxEnabled"),
                apparmor=security.flag("apparmorEnabled"),
                data_root=info.part("store").text("graphRoot"),
                id_maps=_id_maps(host.part("idMappings")) if rootless else (),
                runtimes=_runtimes(host.part("ociRuntime")),
            ),
        )


def _runtimes(told: JsonObject) -> tuple[RuntimeBuild, ...]:
    """That of its default runtime: it reports no others."""
    build = of_words(told.text("name"), told.text("version"), told.text("package"))
    return () if build is None else (build,)


def _id_maps(told: JsonObject) -> tuple[tuple[tuple[int, int, int], ...], ...]:
    """Those of users and of groups; none unless both are reported."""
    maps = tuple(
        tuple((each.whole("container_id"), each.whole("host_id"), each.whole("size")) for each in told.parts(key))
        for key in ("uidmap", "gidmap")
    )
    return maps if all(maps) else ()


# -- Podman's API service for the current user, started if Podman is installed and none of its sockets listens
# It lives as long as this program. Decided against `--time`, which would end it under an idle window.

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
        """Nothing: Podman's log adds nothing to its answers."""
        return None

    def close(self) -> None:
        """End it. May be called twice."""
        self._kept.close()
