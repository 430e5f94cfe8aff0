"""The window as a process: it starts, reports that it is ready, and exits on a signal with status 0."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import stratascope
from rig.places import TESTS
from stratascope.ui.app.app import chosen_mode
from stratascope.ui.kit.background import MemorySettings
from stratascope.ui.kit.theme import ThemeMode

PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:3]
from PySide6.QtCore import QTimer
from rig.window import sample
from stratascope.ui.app import app
import signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run below a nohup
made = app.make_application(["x"])
watch = sample.StillWatch(sample.snapshot())
QTimer.singleShot(200, lambda: print("ready", flush=True))
status = app.run(watch, ["x"])
print("stopped", watch.stopped, flush=True)
sys.exit(status)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    app_folder = str(Path(stratascope.__file__).parents[1])
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, app_folder, str(TESTS)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopped 1\n"
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("variable", "kept", "mode"),
    [
        ("dark", None, ThemeMode.DARK),
        ("light", "dark", ThemeMode.LIGHT),
        ("nonsense", "dark", ThemeMode.DARK),
        ("", "nonsense", ThemeMode.AUTO),
        ("auto", "dark", ThemeMode.AUTO),
    ],
)
def test_where_the_theme_comes_from(
    monkeypatch: pytest.MonkeyPatch, variable: str, kept: str | None, mode: ThemeMode
) -> None:
    monkeypatch.setenv("STRATASCOPE_THEME", variable)
    settings = MemorySettings()
    if kept:
        settings.set("theme", kept)
    assert chosen_mode(settings) is mode
