"""A command of the user's: what it is told, how it ends, what is kept of it, and that it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

from stratascope.core.message import msg
from stratascope.core.relaunch.evidence import Clock
from stratascope.i18n.translate import translate
from stratascope.usecases.trial.lifecycle import TwinAddress, exercise

PLACE = TwinAddress(4242, "web.twin-01234567")


def run(command: str, seconds: float = 60.0) -> tuple[str, str]:
    """Why it failed, and what it said."""
    done = exercise(command, PLACE, seconds=seconds, clock=Clock())
    return "" if done.why is None else translate(done.why), done.said


def test_it_is_told_where_the_twin_is() -> None:
    assert run("echo $STRATASCOPE_TWIN_PID $STRATASCOPE_TWIN_NAME $STRATASCOPE_TWIN_NETNS") == (
        "",
        "4242 web.twin-01234567 /proc/4242/ns/net\n",
    )


def test_its_status_says_whether_it_works() -> None:
    assert run("echo out; echo err >&2; exit 7") == ("It exited with status 7.", "out\nerr\n")


def test_what_it_prints_is_bounded_to_the_end() -> None:
    why, said = run("head -c 3000000 /dev/zero | tr '\\0' a; echo end")
    assert (why, said[-5:], len(said)) == ("", "aend\n", 1 << 14)


def test_one_that_hangs_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    why, _ = run(f"sleep 3600 & echo $! >{tmp_path}/pid; sleep 3600", seconds=0.3)
    assert why == "It did not finish within 0 s."
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_it_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    assert run(f"sleep 3600 & echo $! >{tmp_path}/pid") == ("", "")
    assert gone(int((tmp_path / "pid").read_text()))


def test_one_that_closes_its_output_is_waited_for() -> None:
    assert run("exec >/dev/null 2>&1; sleep 0.2; exit 3") == ("It exited with status 3.", "")


def test_it_is_ended_where_somebody_cancels() -> None:
    done = exercise("sleep 3600", PLACE, seconds=60.0, clock=Clock(), cancelled=lambda: True)
    assert done.why == msg("Cancelled.")


def gone(pid: int) -> bool:
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":  # whoever adopted it has not looked yet
            return True
        os.sched_yield()
        time.sleep(0.01)
