"""A fault of ours quotes what others wrote: on the terminal that it is told on none of that acts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stratascope import fault_log

ACTING = "\x1b]0;title\x07\x1b[2J\u202e\x9b31m\r"
SHOWN = r"\x1b]0;title\x07\x1b[2J\u202e\x9b31m\r"[:-2] + r"\x0d"

MAIN = f"""
import sys
from stratascope import __main__
from stratascope.cli import commands

def fault(_):
    raise ValueError("a name " + {ACTING!r})

def fault_in_a_thread(_):
    import threading
    thread = threading.Thread(target=fault, args=(0,))
    thread.start()
    thread.join()
    return 0

commands.run = globals()[sys.argv.pop(1)]
sys.argv[1:] = ["harden", "x"]
sys.exit(__main__.main())
"""

LOG = f"""
from stratascope.usecases.live.root_readings import Elevation

class Access:
    command = ""

    def open(self):
        raise ValueError("a name " + {ACTING!r})

elevation = Elevation(Access(), lambda: None)
elevation.begin()
elevation.ask(print)
"""
APP = Path(fault_log.__file__).parent


@pytest.mark.parametrize(
    ("program", "word", "status"), [(MAIN, "fault", 1), (MAIN, "fault_in_a_thread", 0), (LOG, "", 0)]
)
def test_a_fault_that_quotes_others_does_not_act(program: str, word: str, status: int) -> None:
    done = subprocess.run([sys.executable, "-c", program, word], capture_output=True, check=False)
    told = done.stderr.decode()
    assert done.returncode == status, told
    assert "Traceback (most recent call last):\n" in told
    assert f"\nValueError: a name {SHOWN}\n" in told + "\n"
    assert all(letter.isprintable() for line in told.split("\n") for letter in line)


def test_no_other_logger_tells_of_faults() -> None:
    """The one of notifications only tells what nobody sees who does not ask for it."""
    others = {path.name: path.read_text() for path in APP.rglob("*.py") if "getLogger(" in path.read_text()}
    assert sorted(others) == ["desk.py", "fault_log.py"]
    assert {line.split("(")[0].strip() for line in others["desk.py"].splitlines() if "logger." in line} == {
        "logger.info"
    }
