"""Our reading of a Compose file against Compose's own: what `docker-compose config` makes of it, read again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stratascope.core.container import EngineKind
from stratascope.formats.read import read
from stratascope.formats.text import NoFiles
from stratascope.wiring.check import LocalFiles
from unit.check.shapes import FILES, asked

COMPOSE = shutil.which("docker-compose")
FOLDER = FILES / "compose"
SHAPES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("**/*") if path.is_file())
ALONE = [each for each in SHAPES if not each.startswith("common/") and ".override." not in each and ".env" not in each]


def composed(file: Path) -> str:
    """As Compose resolves it, without the environment."""
    assert COMPOSE is not None
    other = file.with_name(f"{file.stem}.override{file.suffix}")
    files = ("-f", str(file), *(("-f", str(other)) if other.exists() else ()))
    done = subprocess.run(
        (COMPOSE, *files, "--profile", "*", "config", "--format", "json", "--no-path-resolution"),
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(COMPOSE is None, reason="there is no docker-compose")
@pytest.mark.parametrize("name", ALONE)
def test_it_is_read_alike(name: str) -> None:
    file = FOLDER / name
    ours = read(file.read_bytes().decode(), str(file), LocalFiles({}))
    # the same folder, for paths that are not absolute
    theirs = read(composed(file), str(file.with_name("config.json")), NoFiles())
    assert not ours.failed
    assert ours.problems == ()
    assert {service.name for service in ours.services} == {service.name for service in theirs.services}
    expected = {service.name: asked(service, EngineKind.DOCKER) for service in theirs.services}
    for service in ours.services:
        found = asked(service, EngineKind.DOCKER)
        assert found.mounts == expected[service.name].mounts
        assert found == expected[service.name]
