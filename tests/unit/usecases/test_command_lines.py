"""Command lines: of a real process, and of such as never answer."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

from stratascope.core.overview.processes import Process
from stratascope.linux.process import parse_stat
from stratascope.usecases.command_lines import STUCK_MAX, CommandLines
from stratascope.value import replace


def process(pid: int) -> Process:
    stat = parse_stat(Path(f"/proc/{pid}/stat").read_text())
    return Process(pid, pid, Path(f"/proc/{pid}/comm").read_text().strip(), start=stat.start)


def test_a_command_line_is_read_of_that_very_process() -> None:
    child = subprocess.Popen(["sleep", "3600"])
    try:
        here, reader = process(child.pid), CommandLines()
        assert reader.of((here,)) == {here.key: "sleep 3600"}
        other = replace(here, start=(here.start or 0) + 1)  # another one had this number
        assert reader.of((other,)) == {}
    finally:
        child.kill()
        child.wait()


def test_one_that_hangs_holds_up_no_other() -> None:
    let_go, asked = threading.Event(), list[int]()

    def read(process: Process) -> str:
        asked.append(process.pid)
        if process.pid in (3, 5):
            let_go.wait()
        return f"command {process.pid}"

    every = tuple(Process(pid, pid, "x", start=1) for pid in range(1, 8))
    reader = CommandLines(read)
    try:
        found = reader.of(every)
        assert {pid for pid, _ in found} == {1, 2, 4, 6, 7}
        assert found[7, 1] == "command 7"
        assert reader.of(every) == found
        assert asked == [1, 2, 3, 4, 5, 6, 7]  # nobody is asked twice
    finally:
        let_go.set()


def test_after_a_few_that_hang_nothing_more_is_read() -> None:
    let_go, asked = threading.Event(), list[int]()

    def read(process: Process) -> str:
        asked.append(process.pid)
        let_go.wait()
        return ""

    try:
        assert CommandLines(read).of(tuple(Process(pid, pid, "x", start=1) for pid in range(1, 8))) == {}
        assert len(asked) == STUCK_MAX
    finally:
        let_go.set()
