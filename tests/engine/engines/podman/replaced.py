"""A container of a real Podman set aside and its replacement started, as hardening does it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rig.engine import Rig
from stratascope.core.container import EngineKind
from stratascope.core.ports import Relauncher
from stratascope.core.relaunch.launch_spec import NAME, ORIGINAL, TRANSACTION, LaunchSpec
from stratascope.engines.open import relauncher_of
from stratascope.engines.podman.engine import PodmanEngine
from stratascope.engines.podman.relauncher import PodmanRelauncher
from stratascope.engines.shared.endpoint import Endpoint


class Untelling(PodmanEngine):
    """Its containers were made by the API: no command tells what was typed."""

    def exchange(
        self, method: str, path: str, params: Mapping[str, str], data: str | bytes | None, silence: float
    ) -> tuple[int, bytes]:
        status, body = super().exchange(method, path, params, data, silence)
        if status == 200 and method == "GET" and path.startswith("/containers/") and path.endswith("/json"):
            answer = json.loads(body)
            if isinstance(answer, dict):
                answer["Config"].pop("CreateCommand", None)
                body = json.dumps(answer).encode()
        return status, body


@contextmanager
def untold(rig: Rig, generate: Callable[[str], str | None] = lambda container: None) -> Iterator[PodmanRelauncher]:
    """Where the engine does not say what was typed; `generate` says what `podman generate spec` does."""
    engine = Untelling(Endpoint(rig.id, EngineKind.PODMAN, rig.endpoint, "test", rig.rootless))
    try:
        yield PodmanRelauncher(engine, generate)
    finally:
        engine.close()


@contextmanager
def relauncher(rig: Rig) -> Iterator[PodmanRelauncher]:
    engine = PodmanEngine(Endpoint(rig.id, EngineKind.PODMAN, rig.endpoint, "test", rig.rootless))
    try:
        port: Relauncher = relauncher_of(engine)
        assert isinstance(port, PodmanRelauncher)
        yield port
    finally:
        engine.close()


@contextmanager
def replaced(rig: Rig, port: Relauncher, body: str, spec: LaunchSpec) -> Iterator[str]:
    """The original set aside and its replacement started, in the crash-safe order."""
    made = port.create(body, f"{spec.name}.new-t1", {TRANSACTION: "t1", ORIGINAL: spec.id, NAME: spec.name})
    try:
        if port.running(spec.id).status == "running":
            port.stop(spec.id, 0)
        if not spec.auto_remove:
            port.rename(spec.id, f"{spec.name}.old-t1")
            port.rename(made.id, spec.name)
        port.start(made.id)
        yield made.id
    finally:
        rig.remove(made.id, spec.id)  # the original has another name by now


# Of a container whose host name is its short id, and the network namespace's name
_NAMED = re.compile(r"hostname$|linux\.namespaces\[\d+\]\.path$")


def unnamed(found: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Differences that must not be."""
    return {path: values for path, values in found.items() if not _NAMED.search(path) and not _made(*values)}


def _made(old: Any, new: Any) -> bool:
    """Paths of the container's own overlays; the identity that systemd is given."""
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    return _own(old) == _own(new)


def _own(text: str) -> str:
    return re.sub(r"/overlay/\d+/|container_uuid=\w+|/proc/\d+/ns/", "", text)
