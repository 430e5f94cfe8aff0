"""Create the adapter for an endpoint. The SDKs are imported here, when the first engine of their kind is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from stratascope.core.container import EngineKind
from stratascope.engines.docker import inspect as docker
from stratascope.engines.podman import inspect as podman

if TYPE_CHECKING:
    from stratascope.core.ports import DailyEngine, EnginePort, Translator
    from stratascope.engines.docker.relauncher import DockerRelauncher
    from stratascope.engines.podman.relauncher import PodmanRelauncher
    from stratascope.engines.shared.child_socket import SocketProvider
    from stratascope.engines.shared.endpoint import Endpoint


def open_engine(endpoint: Endpoint, environ: Mapping[str, str] = os.environ) -> EnginePort:
    """The adapter of this endpoint. Does not connect yet; raises nothing."""
    if endpoint.kind is EngineKind.DOCKER:
        from stratascope.engines.docker.engine import DockerEngine

        return DockerEngine(endpoint, _provider(endpoint, environ))
    from stratascope.engines.podman.engine import PodmanEngine

    return PodmanEngine(endpoint, _provider(endpoint, environ))


def _provider(endpoint: Endpoint, environ: Mapping[str, str]) -> SocketProvider | None:
    if endpoint.endpoint.startswith("ssh://"):
        from stratascope.engines.shared.ssh import SshTunnel

        return SshTunnel(endpoint, environ)
    if endpoint.may_start:
        from stratascope.engines.podman.engine import PodmanService

        return PodmanService(environ)
    return None


def relauncher_of(engine: EnginePort) -> DockerRelauncher | PodmanRelauncher:
    """The relauncher for this engine, on the same connections: closing the engine ends both."""
    from stratascope.engines.docker.engine import DockerEngine
    from stratascope.engines.podman.engine import PodmanEngine

    match engine:
        case DockerEngine():
            from stratascope.engines.docker.relauncher import DockerRelauncher

            return DockerRelauncher(engine)
        case PodmanEngine():
            from stratascope.engines.podman.relauncher import PodmanRelauncher

            return PodmanRelauncher(engine)
    raise TypeError(f"{engine.id} is no engine that was opened here")


def daily_of(engine: EnginePort) -> DailyEngine:
    """The daily commands of this engine, on the same connections."""
    from stratascope.engines.shared.daily import RestDaily
    from stratascope.engines.shared.rest_engine import RestEngine

    if not isinstance(engine, RestEngine):
        raise TypeError(f"{engine.id} is no engine that was opened here")
    return RestDaily(engine, relauncher_of(engine))


def translators() -> dict[EngineKind, Translator]:
    """The translator of each kind; pure, no SDK."""
    return {EngineKind.DOCKER: docker.translate, EngineKind.PODMAN: podman.translate}
