"""Which processes there are, whatever order they are heard of in."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from stratascope.collector.observe.processes import Processes


def test_a_child_that_was_looked_up_first_is_told_as_a_child() -> None:
    """Else whoever reads it takes the child for one that came from outside."""
    told: list[tuple[Any, ...]] = []
    processes = Processes(lambda *line: told.append(line), "x86_64", "i386")
    with subprocess.Popen(["sleep", "30"]) as child:
        try:
            processes.of(child.pid)
            assert told == []
            processes.forked(child.pid, child.pid, os.getpid(), 7)
        finally:
            child.kill()
    assert [line[:5] for line in told] == [(7, "process", child.pid, os.getpid(), "fork")]
