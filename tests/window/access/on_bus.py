"""A program of ours on a message bus of its own, with the accessibility bus that a screen reader reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rig.places import TESTS

LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher")


def told_by(module: str, folder: Path, *words: str, **environment: str) -> Any:
    """What it prints last, as JSON. Skips the test where there is no such bus."""
    if not os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        pytest.skip("Qt speaks to the accessibility bus on X11 and Wayland only")
    if not any(Path(each).exists() for each in LAUNCHERS) or not shutil.which("dbus-run-session"):
        pytest.skip("Debian's at-spi2-core is not installed")
    own = {
        **os.environ,
        "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),  # this checkout, wherever the installed packages are
        "XDG_CONFIG_HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        **environment,
    }
    done = subprocess.run(
        ["dbus-run-session", "--", sys.executable, "-m", module, "judge", *words],
        cwd=TESTS, env=own, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])  # the bus prints in front of it
