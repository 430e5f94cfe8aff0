"""Processes and their names, as the rings tell of them."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from stratascope.collector.observe.processes import Processes

PID, PARENT = 1 << 22, (1 << 22) + 1  # beyond PID_MAX_LIMIT: there is none


def told_of(*steps: tuple[str, str]) -> list[tuple[Any, ...]]:
    """Of a child that gets names and executes programs."""
    told: list[tuple[Any, ...]] = []
    processes = Processes(lambda at, kind, *fields: told.append((kind, *fields)), "x86_64", "i386")
    processes.forked(PID, PID, PARENT, 1)
    for at, (step, word) in enumerate(steps, 2):
        if step == "named":
            processes.named(PID, PID, word, at)
        else:
            processes.executed(PID, word, 64, at)
    return [event for event in told if event[:4] == ("process", PID, PARENT, "exec")]


def test_an_applet_of_busybox_is_told_by_its_own_name() -> None:
    found = told_of(("named", "exe"), ("executed", "/proc/self/exe"), ("named", "mkdir"), ("named", "other"))
    assert [event[4:] for event in found] == [("exe", "/proc/self/exe"), ("mkdir", "/proc/self/exe")]


def test_another_program_that_takes_a_name_is_told_once() -> None:
    found = told_of(("named", "exe"), ("executed", "/bin/exe"), ("named", "worker"))
    assert [event[4:] for event in found] == [("exe", "/bin/exe")]


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
