"""Podman's service, started by us: it answers, and it goes with us, however we go."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.engine import Rig
from stratascope.core.container import EngineKind, EngineState
from stratascope.core.ports import EngineError
from stratascope.engines.open import open_engine
from stratascope.engines.podman.engine import PodmanEngine, PodmanService
from stratascope.engines.shared.endpoint import Endpoint, listens

DIES = """
import os, sys
from stratascope.engines.podman.engine import PodmanService
service = PodmanService(os.environ)
print(service.start(), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def environ(podman_rootful: Rig, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Storage of the test's own, as the rig's Podman has it."""
    config = tmp_path / "storage.conf"
    config.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/data"\nrunroot = "{tmp_path}/run"\n')
    yield {**podman_rootful.env, "CONTAINERS_STORAGE_CONF": str(config), "TMPDIR": "/tmp"}
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


def test_it_answers_where_no_socket_listens_and_ends_with_the_engine(environ: dict[str, str], tmp_path: Path) -> None:
    endpoint = Endpoint("podman", EngineKind.PODMAN, f"unix://{tmp_path}/none.sock", "standard", may_start=True)
    engine = open_engine(endpoint, environ)
    assert isinstance(engine, PodmanEngine)
    found = engine.describe()
    assert found.state is EngineState.CONNECTED, found.error
    assert engine.list() == ()
    path = Path(found.endpoint.removeprefix("unix://"))
    assert path.parent.stat().st_mode & 0o077 == 0
    engine.close()
    engine.close()
    while listens(path):
        time.sleep(0.05)
    assert not path.parent.exists()


def test_it_ends_when_we_are_killed(environ: dict[str, str]) -> None:
    env = {**environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run((sys.executable, "-c", DIES), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    path = Path(done.stdout.strip().removeprefix("unix://"))
    assert path.name == "engine.sock"
    while listens(path):
        time.sleep(0.05)
    while path.parent.exists():
        time.sleep(0.05)


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    program = tmp_path / "podman"
    program.write_text("#!/bin/sh\necho no luck today >&2\nexit 125\n")
    program.chmod(0o755)
    service = PodmanService({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    with pytest.raises(EngineError) as caught:
        service.start()
    assert caught.value.words == "no luck today"
    with pytest.raises(EngineError) as caught:
        PodmanService({"PATH": str(tmp_path / "nowhere")}).start()
    assert caught.value.state is EngineState.ABSENT
