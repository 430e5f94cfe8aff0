"""On a real accessibility bus: the tree arrives with names, focus moves are sent, and something is announced."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rig.places import TESTS

LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher")


@pytest.mark.slow
def test_a_screen_reader_finds_the_window_on_the_bus(tmp_path: Path) -> None:
    if not os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        pytest.skip("Qt speaks to the accessibility bus on X11 and Wayland only")
    if not any(Path(each).exists() for each in LAUNCHERS) or not shutil.which("dbus-run-session"):
        pytest.skip("Debian's at-spi2-core is not installed")
    environment = {
        **os.environ,
        "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),  # this checkout, wherever the installed packages are
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    done = subprocess.run(
        ["dbus-run-session", "--", sys.executable, "-m", "window.access.bus", "judge"],
        cwd=TESTS, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])  # the bus prints in front of it
    met = [(role, name) for role, name in found["met"]]
    names = {name for _, name in met}
    assert len(met) > 150
    assert any(role == "frame" and "Stratascope" in name for role, name in met)
    for name in ("Containers", "What a process could try", "Filter containers", "Try it safely"):
        assert name in names, sorted(names)[:80]
    assert any(role == "radio button" and name.startswith("Threats: ") for role, name in met)
    assert any(role == "list item" and name.endswith("open, critical") for role, name in met)
    assert any(role == "check box" and name.startswith("No new privileges") for role, name in met)
    assert len(set(found["focused"])) >= 3  # the rays, one after the other
    assert found["announced"] >= 1
