"""Projects of real Compose, for tests that need one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.owners.composed import Project
from rig.engine import Rig


@pytest.fixture
def project(docker_rootful: Rig, tmp_path: Path) -> Iterator[Project]:
    yield from _project(docker_rootful, tmp_path)


@pytest.fixture
def any_project(any_engine: Rig) -> Iterator[Project]:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        if any_engine.user is not None:
            os.chown(folder, *any_engine.user[:2])
        yield from _project(any_engine, Path(folder))


def _project(rig: Rig, folder: Path) -> Iterator[Project]:
    done = subprocess.run(("docker", "compose", "version"), capture_output=True, check=False, env=rig.env)
    if done.returncode:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail("docker compose is not installed")
        pytest.skip("docker compose is not installed")
    found = Project(rig, folder)
    found.write()
    yield found
    found.compose("down", "-v", "-t", "1")
