"""The chips next to a container's name."""

from __future__ import annotations

import time

import pytest

from rig.window import sample
from rig.window.sample import E
from stratascope.core.container import Status
from stratascope.ui.window.header import STATUS, ended
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace


def test_where_there_is_no_room_for_all_of_it_the_word_stays(window: MainWindow) -> None:
    over = sample.state("p", (E,) * 6, status=Status.EXITED)
    over = replace(over, container=replace(over.container, exit_code=137, ended=time.time() - 320))
    window.selection.show_snapshot(sample.snapshot((over,)))
    header = window.strata_page.header
    status = header.chips[STATUS]
    wide = status.sizeHint().width()
    assert status.isVisible()
    assert status.accessibleName() == "exited (137), 5 minutes ago"
    header.resize(370, header.height())
    assert status.isVisible()
    assert status.sizeHint().width() < wide
    assert status.accessibleName() == "exited (137), 5 minutes ago"


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
