"""Runs the command line as users do: in another process, without a display, and with the named engine only."""

from __future__ import annotations

import os
import subprocess
import sys

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
