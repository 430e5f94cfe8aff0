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
    folder = tmp_path_factory.mktemp("denials")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    own = {
        **os.environ,
        "STRATASCOPE_ENGINES": f"{hybrid_engine.kind}={hybrid_engine.endpoint}",
        "PYTHONPATH": str(APP),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    program = (sys.executable, "-m", "stratascope")
    found = Engine(hybrid_engine.kind, hybrid_engine.command(), program, folder, hybrid_engine.env, own)
    found.prepare(image())
    yield found
    found.run("rmi", "-f", "denials:latest")
