"""The engine that constructed cases run on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from engine.denials.image import image
from engine.denials.staged import Engine
from rig.engine import Rig
from rig.places import APP


@pytest.fixture(scope="module")
def engine(hybrid_engine: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine, with the image, as a user calls it and our program."""
    yield from _engine(hybrid_engine, tmp_path_factory)


@pytest.fixture(scope="module")
def each_engine(any_engine: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Each of the four kinds: a container has a control group of its own on none of them, for perf events."""
    yield from _engine(any_engine, tmp_path_factory)


def _engine(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("denials")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    own = {
        **os.environ,
        "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}",
        "PYTHONPATH": str(APP),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    program = (sys.executable, "-m", "stratascope")
    found = Engine(rig.kind, rig.command(), program, folder, rig.env, own, rootless=rig.rootless)
    found.prepare(image())
    yield found
    found.run("rmi", "-f", "denials:latest")
