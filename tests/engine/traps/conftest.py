"""The engines of the traps: Docker as the one that `make test` tries, all four as slow tests; and the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.traps.ledger import LEDGER
from engine.traps.scene import Scene
from rig.fixtures import Engines, left_out


@pytest.fixture(params=left_out("docker_rootful"))
def scene(
    request: pytest.FixtureRequest, engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """Each kind of engine in turn; `on` (below) chooses among them."""
    rig = engines.get(request.param)
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:  # an ordinary user's engine must get at what a test puts there
        if folder.owner() == "root" and folder.name.startswith("pytest-"):
            folder.chmod(0o755)
    made = Scene(rig, tmp_path / "state", monkeypatch)
    made.clear()
    yield made
    made.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    table = LEDGER.table()
    if table:
        terminalreporter.section("traps")
        for line in table:
            terminalreporter.write_line(line)
