"""PySide6 balances its references to None: 6.12.0 does not on Python 3.11, and crashes the program.

None is freed after fewer than 200,000 calls of setters and the like. The calls are made in a process of their own; the
AppImage's Python runs the same file in tests/machine/appimage.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("void_calls.py")


def test_two_hundred_thousand_void_calls() -> None:
    done = subprocess.run((sys.executable, SCRIPT), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "200000\n"), done.stderr
