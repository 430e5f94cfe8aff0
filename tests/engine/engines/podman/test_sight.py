"""Where Podman's service stands after it has copied a file out of a container: it is asked in its own sight.

libpod joins the container's mounts in a thread that never comes back; where that is the service's first one,
/proc/PID/root is the container's from then on.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.engine import Rig
from stratascope.engines.discovery import discover
from stratascope.engines.open import open_engine, relauncher_of
from stratascope.engines.shared.host_files import LocalFiles

NAME = "copied-from"
TRIES = 20


@pytest.fixture
def container(podman_rootful: Rig) -> Iterator[str]:
    """One that runs."""
    yield podman_rootful.run("run", "-d", "--name", NAME, "busybox", "sleep", "3600").strip().splitlines()[-1]
    podman_rootful.remove(NAME)


def test_its_files_are_found_whichever_thread_went_astray(podman_rootful: Rig, container: str) -> None:
    rig = podman_rootful
    (endpoint,) = discover({"STRATASCOPE_ENGINES": f"podman={rig.endpoint}"})
    engine = open_engine(endpoint, {})
    try:
        port, files = relauncher_of(engine), LocalFiles(rig.endpoint)
        for _ in range(TRIES):  # of four copies about one is made by the first thread
            assert port.file(container, "/etc/passwd", 1 << 20, 10.0)
            assert files.exists(str(rig.socket)) is True
            assert files.exists(f"{rig.folder}/not-there") is False
        assert files.propagation(str(rig.folder)) is not None
    finally:
        engine.close()
