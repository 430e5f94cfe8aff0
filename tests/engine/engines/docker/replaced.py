"""A container of a real Docker set aside and its replacement started, as hardening does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rig.engine import Rig
from stratascope.core.container import EngineKind
from stratascope.core.ports import Relauncher
from stratascope.core.relaunch.launch_spec import NAME, ORIGINAL, TRANSACTION, LaunchSpec
from stratascope.engines.docker.engine import DockerEngine
from stratascope.engines.docker.relauncher import DockerRelauncher
from stratascope.engines.open import relauncher_of
from stratascope.engines.shared.endpoint import Endpoint


@contextmanager
def relauncher(rig: Rig) -> Iterator[DockerRelauncher]:
    engine = DockerEngine(Endpoint(rig.id, EngineKind.DOCKER, rig.endpoint, "test", rig.rootless))
    try:
        port: Relauncher = relauncher_of(engine)
        assert isinstance(port, DockerRelauncher)
        yield port
    finally:
        engine.close()


@contextmanager
def replaced(rig: Rig, port: DockerRelauncher, original: str, body: str, spec: LaunchSpec) -> Iterator[str]:
    """The original set aside and its replacement started, in the crash-safe order."""
    labels = {TRANSACTION: "t1", ORIGINAL: original, NAME: spec.name}
    made = port.create(body, f"{spec.name}.new-t1", labels)
    try:
        port.stop(original, 0)
        with_name = not spec.auto_remove
        if with_name:
            port.rename(original, f"{spec.name}.old-t1")
            port.rename(made.id, spec.name)
        port.start(made.id)
        yield made.id
    finally:
        rig.remove(made.id)
