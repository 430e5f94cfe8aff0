"""What `check` says of files with unusual options, and what stands once the tools that they are for started them."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from engine.check.odd_files import COMPOSE, MANIFESTS, NOT_ROOTLESS, UNITS
from rig.check.compared import Score
from rig.check.real import both
from rig.check.started import composed, generated, played
from rig.engine import Rig

DOCKER_COMPOSE = shutil.which("docker-compose")
QUADLET = Path("/usr/libexec/podman/quadlet")
PODMEN = ("podman_rootful", "podman_rootless")


def filled(rig: Rig, text: str) -> str:
    """With this engine's folders written in."""
    folder = rig.folder / "shared"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    return text.format(folder=folder, run=rig.socket.parent)


def held(rig: Rig, found: Score, what: str) -> None:
    logging.getLogger(__name__).info("%s, %s: %s", rig.name, what, found.told())
    assert found.dangerous == []
    assert found.share("equal") >= 99.7, (found.told(), found.wrong, found.missing)


@pytest.mark.slow
@pytest.mark.skipif(DOCKER_COMPOSE is None, reason="there is no docker-compose")
@pytest.mark.parametrize("name", ["docker_rootful", "docker_rootless"])
def test_compose_files(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    found = Score()
    for number, (kind, text) in enumerate(COMPOSE.items()):
        if rig.rootless and kind in NOT_ROOTLESS:
            continue
        file = rig.folder / f"odd-{kind}.yml"
        file.write_text(filled(rig, text))
        with composed(rig, file, f"odd{number}", DOCKER_COMPOSE or ""):
            said, real = both(rig, file)
            for service, expected in said.items():
                found.add(f"{kind} {service}", expected, real[f"odd{number}-{service}-1"])
    held(rig, found, "Compose files")


@pytest.mark.slow
@pytest.mark.skipif(not QUADLET.exists(), reason="there is no generator of Quadlet")
@pytest.mark.parametrize("name", PODMEN)
def test_units(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rig: Rig = request.getfixturevalue(name)
    for unit, text in UNITS.items():
        (tmp_path / f"{unit}.container").write_text(filled(rig, text))
    found = Score()
    with generated(rig, tmp_path):
        for unit in UNITS:
            said, real = both(rig, tmp_path / f"{unit}.container")
            found.add(unit, said[unit], real[unit])
    held(rig, found, "units")


@pytest.mark.slow
@pytest.mark.parametrize("name", PODMEN)
def test_manifests(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    found = Score()
    for kind, text in MANIFESTS.items():
        file = rig.folder / f"odd-{kind}.yml"
        file.write_text(filled(rig, text))
        file.chmod(0o644)
        with played(rig, file):
            said, real = both(rig, file)
            found.add(kind, said["odd-it"], real["odd-it"])
    held(rig, found, "manifests")
