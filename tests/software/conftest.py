"""The table of what happened to each software under each preset, printed after the tests."""

from __future__ import annotations

import pytest

ROWS = pytest.StashKey[list[tuple[str, ...]]]()
HEAD = ("software", "preset", "engine", "outcome", "exposure", "seconds", "why")


@pytest.fixture
def table(request: pytest.FixtureRequest) -> list[tuple[str, ...]]:
    """Where a test enters its row."""
    return request.config.stash.setdefault(ROWS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print it."""
    rows = config.stash.get(ROWS, [])
    if not rows:
        return
    terminalreporter.section("real software, hardened")
    widths = [max(len(row[place]) for row in (HEAD, *rows)) for place in range(len(HEAD))]
    for row in (HEAD, *sorted(rows)):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        terminalreporter.write_line(line.rstrip())
