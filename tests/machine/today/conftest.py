"""Fixtures: each of today's engines in turn, one running at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from machine.today.newer import ENGINES, NowhereError, needed
from rig.engine import Rig, complete, launch
from rig.plan import NoEngineError


@pytest.fixture(scope="package", params=ENGINES, ids="-".join)
def newer(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """An engine that is newer than this machine's; skips where no package source has it."""
    suite, kind = request.param
    try:
        rig = complete(launch(kind, root=needed(suite, kind)))
    except (NowhereError, NoEngineError) as error:
        pytest.skip(str(error).splitlines()[0])
    yield rig
    rig.close()
