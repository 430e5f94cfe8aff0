"""The table of what became of each program by each way of hardening it, printed after the tests."""

from __future__ import annotations

import pytest

from machine.software.table import Row, lines

ROWS = pytest.StashKey[list[Row]]()


@pytest.fixture
def table(request: pytest.FixtureRequest) -> list[Row]:
    """Where a test enters its row."""
    return request.config.stash.setdefault(ROWS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print it."""
    rows = config.stash.get(ROWS, [])
    if not rows:
        return
    terminalreporter.section("real software, hardened")
    for line in lines(rows):
        terminalreporter.write_line(line)
