"""From 100 % to 200 % and with fonts from 10 to 20 points everything fits: nothing is cut without a tooltip, sticks out
or overlaps, at each width at which parts fold away and at the minimum size.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from rig.places import TESTS
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.layout import least_size
from window.access.fit import misfits

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
SCREEN = {
    "name": "one",
    "x": 0,
    "y": 0,
    "width": 1920,
    "height": 1200,
    "logicalDpi": 96,
    "logicalBaseDpi": 96,
    "dpr": 1,
}


def run(folder: Path, points: float, factor: float, *words: str) -> list[str]:
    """Run `access.fit` on a screen of its own; return the faults."""
    config = folder / "screen.json"
    config.write_text(json.dumps({"screens": [SCREEN]}), encoding="utf-8")
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": f"offscreen:configfile={config}",
        "QT_SCALE_FACTOR": str(factor),
        "PYTHONPATH": os.pathsep.join(sys.path),  # this checkout, wherever the installed packages are
        "XDG_CONFIG_HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-m", "window.access.fit", str(points), *words],
        cwd=TESTS, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *found, last = done.stdout.splitlines()
    assert int(last.split()[0]) > 25
    return found


def test_a_large_font_finds_room(tmp_path: Path) -> None:
    found = run(tmp_path, 15, 1)
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("points", [10, 12, 14, 17, 20])
def test_everything_finds_room_with_every_font(tmp_path: Path, points: float) -> None:
    found = run(tmp_path, points, 1, "all")
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1.25, 1.5, 2])
@pytest.mark.parametrize("points", [10, 14])
def test_everything_finds_room_at_every_scale(tmp_path: Path, factor: float, points: float) -> None:
    found = run(tmp_path, points, factor, "all")
    assert not found, "\n".join(found)


def test_what_has_no_room_is_found(qapp: object) -> None:
    """The check itself: a cut word, a low paragraph, a child that sticks out and one that overlaps another."""
    page = QWidget()
    column = QVBoxLayout(page)
    button, text, other = QPushButton("a word that is cut"), QLabel("many words " * 12), QLabel("another")
    button.setSizePolicy(button.sizePolicy().Policy.Fixed, button.sizePolicy().Policy.Fixed)
    text.setWordWrap(True)
    for widget in (button, text, other):
        column.addWidget(widget)
    page.resize(300, 300)
    page.show()
    assert list(misfits(page)) == []
    button.setMaximumWidth(40)
    text.setMaximumHeight(10)
    other.setGeometry(0, 0, 400, 60)
    found = "\n".join(misfits(page))
    for part in ("cut (", "too low for its lines", "sticks out", "lies over"):
        assert part in found, found
    button.setToolTip("a word that is cut")
    assert "cut (" not in "\n".join(misfits(page))
    page.close()


def test_the_least_size_follows_the_font_and_fits_the_screen(qapp: object) -> None:
    theme = Theme()
    theme.scale = 1.0
    assert least_size(theme, QSize(1920, 1200)) == QSize(560, 400)
    theme.scale = 2.0
    assert least_size(theme, QSize(1920, 1200)) == QSize(1120, 800)
    assert least_size(theme, QSize(1024, 600)) == QSize(1024, 600)
