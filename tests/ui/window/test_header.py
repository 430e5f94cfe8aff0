"""The chips beside a container's name."""

from __future__ import annotations

import pytest

from stratascope.core.container import Status
from stratascope.ui.window.header import ended
from stratascope.value import replace
from ui import sample


@pytest.mark.parametrize(
    ("status", "code", "at", "told"),
    [
        (Status.EXITED, 137, 700.0, "exited (137), 5 minutes ago"),
        (Status.EXITED, 0, 990.0, "exited (0), just now"),
        (Status.EXITED, 137, 0.0, "exited (137)"),
        (Status.EXITED, None, 0.0, "exited"),
        (Status.CREATED, 0, 0.0, "created, never started"),
        (Status.PAUSED, None, 0.0, "paused"),
        (Status.RUNNING, None, 0.0, ""),
    ],
)
def test_how_and_when_it_ended(status: Status, code: int | None, at: float, told: str) -> None:
    container = replace(sample.state("a").container, status=status, exit_code=code, ended=at)
    assert ended(container, 1000.0) == told
