"""Whether the background service runs, as other programs see it: alive, killed, asked to end, on odd files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stratascope.state.running_service import Running, ServiceMark, ask_to_end, place, running

NOW = Running(123, 1_000_000.0, recording=True, notices=True, tray=False)
HOLDS = """
import sys, time
from pathlib import Path
from stratascope.state.running_service import Running, ServiceMark
mark = ServiceMark(Path(sys.argv[1]))
assert mark.claim()
mark.say(Running(7, 5.0))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "background"


def test_it_runs_until_it_releases(path: Path) -> None:
    assert running(path) is None
    mark = ServiceMark(path)
    assert mark.claim()
    assert running(path) is None  # it has not said anything yet
    mark.say(NOW)
    assert running(path) == NOW
    mark.say(Running(9, 2.0))  # shorter
    assert running(path) == Running(9, 2.0)
    assert not ServiceMark(path).claim()
    mark.release()
    mark.release()
    assert running(path) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_that_was_killed_does_not_run(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert running(path) == Running(7, 5.0)
        assert not ServiceMark(path).claim()
        other.send_signal(signal.SIGKILL)
    assert running(path) is None
    mark = ServiceMark(path)
    assert mark.claim()
    assert running(path) is None  # and not the one before
    mark.release()


def test_asked_to_end(path: Path) -> None:
    mark = ServiceMark(path)
    assert mark.claim()
    assert not mark.asked_to_end()
    ask_to_end(path)
    assert mark.asked_to_end()
    mark.release()
    assert mark.claim()
    assert not mark.asked_to_end()  # that was another's
    mark.release()


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"\xff", b"[" * 3000, b'{"pid": "x", "since": 1}'])
def test_what_is_not_understood(path: Path, text: bytes) -> None:
    mark = ServiceMark(path)
    assert mark.claim()
    path.write_bytes(text)
    assert running(path) is None
    mark.release()


def test_nothing_that_is_no_file_of_ours_is_opened(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert running(path) is None
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert running(path) is None
    with pytest.raises(OSError, match="symbolic links"):
        ServiceMark(path).claim()


def test_where_it_lies() -> None:
    home = {"HOME": "/home/x"}
    assert place({**home, "XDG_RUNTIME_DIR": "/run/user/7"}) == Path("/run/user/7/stratascope/background")
    inside = place({**home, "XDG_RUNTIME_DIR": "/run/user/7", "FLATPAK_ID": "io.x"})
    assert inside == Path("/run/user/7/app/io.x/stratascope/background")
    assert place({**home, "XDG_STATE_HOME": "/s"}) == Path("/s/stratascope/background")
