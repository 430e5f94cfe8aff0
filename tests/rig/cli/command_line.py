"""Runs the command line as users do: in another process, without a display, and with the named engine only."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rig.places import CHECKOUT

NOWHERE = "docker=unix:///nowhere/engine.sock"
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def environ(engines: str = NOWHERE, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in (*DISPLAYS, "NO_COLOR")}
    return {**kept, "PYTHONPATH": str(CHECKOUT / "app"), "STRATASCOPE_ENGINES": engines, "LC_ALL": "C.UTF-8", **more}


def run(*words: str, engines: str = NOWHERE, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "stratascope", *words),
        env=environ(engines, **more),
        capture_output=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
    )


def on_terminal(
    *words: str, engines: str = NOWHERE, columns: int = 0, folder: Path | None = None, fails: bool = False, **more: str
) -> str:
    """What is printed to a terminal of so many columns. `fails`: whatever its status, and with its errors."""
    ours, theirs = pty.openpty()
    if columns:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        (sys.executable, "-m", "stratascope", *words),
        env=environ(engines, TERM="xterm", **more),
        cwd=folder,
        stdout=theirs,
        stderr=theirs if fails else subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except OSError:  # EIO: the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0 or fails
    return b"".join(parts).decode()
