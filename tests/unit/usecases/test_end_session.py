"""Sessions that are really ended, and processes that are not: of a number that was taken again, and other users'."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stratascope.core.container import Engine, EngineKind, EngineState
from stratascope.core.overview.processes import Process
from stratascope.linux.process import parse_stat
from stratascope.usecases.end_session import SessionEnd, end_session, why_not
from stratascope.value import replace

STUBBORN = """
import signal, time
for each in (signal.SIGHUP, signal.SIGTERM): signal.signal(each, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(3600)
"""
ENGINE = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock", state=EngineState.CONNECTED)


def process(pid: int) -> Process:
    stat = parse_stat(Path(f"/proc/{pid}/stat").read_text())
    return Process(pid, pid, "x", start=stat.start, session=pid)


def test_it_is_ended_also_where_it_is_stubborn() -> None:
    meek = subprocess.Popen(["sleep", "3600"])
    stubborn = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert stubborn.stdout is not None
    assert stubborn.stdout.readline() == b"ready\n"
    assert end_session((process(meek.pid), process(stubborn.pid))) == SessionEnd(2)
    assert meek.wait() in (-signal.SIGHUP, -signal.SIGTERM)  # the latter where the tests run under nohup(1)
    assert stubborn.wait() == -signal.SIGKILL
    stubborn.stdout.close()


def test_a_number_that_was_taken_again_is_left_alone() -> None:
    child = subprocess.Popen(["sleep", "3600"])
    try:
        other = replace(process(child.pid), start=(process(child.pid).start or 0) - 1)
        assert end_session((other,)) == SessionEnd(1)
        assert child.poll() is None
        assert end_session((replace(other, start=None),)) == SessionEnd(1)
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_an_ordinary_user_is_told_what_would_do_it(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root to become somebody else")
    child = subprocess.Popen(["sleep", "3600"])
    try:
        there, read = process(child.pid), tmp_path / "said"
        pid = os.fork()
        if not pid:
            said = read.open("w")
            os.setresuid(65534, 65534, 65534)
            found = end_session((there,))
            said.write(f"{found.ended} {found.left} {found.trouble}")
            said.close()
            os._exit(0)
        os.waitpid(pid, 0)
        assert read.read_text().startswith(f"0 ({child.pid},) ")
        assert f"sudo kill {child.pid}" in read.read_text()
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_what_is_not_of_this_machine_is_not_touched() -> None:
    there = (Process(1, 1, "x", start=1, session=1),)
    assert why_not(ENGINE, there, demo=False) is None
    assert why_not(ENGINE, there, demo=True) is not None
    assert why_not(None, there, demo=False) is not None
    assert why_not(replace(ENGINE, endpoint="ssh://elsewhere"), there, demo=False) is not None
    assert why_not(ENGINE, (replace(there[0], start=None),), demo=False) is not None
