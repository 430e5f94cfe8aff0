"""Every page, tab, dialog, menu, sheet and state at five sizes, two scales and two languages: no text is cut without an
ellipsis and a tooltip, lies on another or is too faint; no widget is outside its parent, over its neighbour, or where
nobody can scroll to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QListWidget, QPushButton, QVBoxLayout, QWidget

from rig.places import TESTS
from window.everywhere.faults import Inspector, unreachable

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
SIZES = [(560, 400), (720, 450), (1024, 640), (1440, 900), (1920, 1080)]
SCREEN = {
    "name": "one",
    "x": 0,
    "y": 0,
    "width": 3840,
    "height": 2400,
    "logicalDpi": 96,
    "logicalBaseDpi": 96,
    "dpr": 1,
}


def walked(folder: Path, size: tuple[int, int], scale: int, language: str, *words: str) -> list[str]:
    """Walk in a process of its own; return the faults."""
    config = folder / "screen.json"
    config.write_text(json.dumps({"screens": [SCREEN]}), encoding="utf-8")
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": f"offscreen:configfile={config}",
        "QT_SCALE_FACTOR": str(scale),
        "STRATASCOPE_LANGUAGE": language,
        "STRATASCOPE_THEME": "light",
        "PYTHONPATH": os.pathsep.join(sys.path),  # this checkout, wherever the installed packages are
        "XDG_CONFIG_HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-m", "window.everywhere.walk_all", *map(str, size), *words],
        cwd=TESTS, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    *found, last = done.stdout.splitlines()
    stops, _, texts, _ = last.replace(",", "").split()
    assert int(stops) > (35 if words else 140)
    assert int(texts) > 1500
    return [line for line in found if line]


@pytest.mark.parametrize(("size", "language"), [((1024, 640), "ja")])
def test_what_is_opened_most(tmp_path: Path, size: tuple[int, int], language: str) -> None:
    found = walked(tmp_path, size, 1, language, "few")
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_everything(tmp_path: Path, size: tuple[int, int], scale: int, language: str) -> None:
    found = walked(tmp_path, size, scale, language)
    assert not found, "\n".join(found)


class _Painted(QWidget):
    """Paints a text shortened, and two upon one another."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.drawText(QRect(0, 0, 200, 20), Qt.AlignmentFlag.AlignVCenter, "the beginning of…")
        painter.drawText(QRect(0, 40, 200, 20), Qt.AlignmentFlag.AlignVCenter, "one upon")
        painter.drawText(QRect(4, 42, 200, 20), Qt.AlignmentFlag.AlignVCenter, "another")


def test_each_kind_of_fault_is_found(qapp: object) -> None:
    page = QWidget()
    page.resize(420, 420)
    page.setStyleSheet("background: white; color: black")
    page.show()
    assert Inspector().faults(page) is not None
    assert list(Inspector().faults(page)) == []
    painted = _Painted(page)
    painted.setGeometry(0, 0, 200, 70)
    button, faint, over = (
        QPushButton("a word that is cut", page),
        QLabel("hardly seen", page),
        QLabel("out there", page),
    )
    button.setGeometry(0, 80, 40, 24)
    faint.setGeometry(0, 110, 150, 20)
    faint.setStyleSheet("color: #bbbbbb")
    over.setGeometry(380, 140, 120, 20)
    rows = QListWidget(page)
    rows.setTextElideMode(Qt.TextElideMode.ElideRight)
    rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    rows.addItem("a row with a name that is far longer than the list is wide")
    rows.setGeometry(0, 170, 90, 60)
    holder = QWidget(page)
    holder.setGeometry(200, 170, 200, 80)
    column = QVBoxLayout(holder)
    first, second = QLabel("the first"), QLabel("the second")
    column.addWidget(first)
    column.addWidget(second)
    for each in (painted, button, faint, over, rows, holder):
        each.show()
    found = "\n".join(Inspector().faults(page))
    second.setGeometry(first.geometry())
    found += "\n".join(Inspector().faults(page))
    for part in (
        "'the beginning of…' is shortened", "'one upon' lies on 'another'", "'a word that is cut' is cut",
        "too faint: 'hardly seen'",
        "'out there': sticks out by", "'a row with", "'the first' lies over", "'the first' lies on 'the second'",
    ):  # fmt: skip
        assert part in found, (part, found)
    button.setGeometry(0, 600, 200, 24)
    assert "a word that is cut" in "\n".join(unreachable(page))
    page.close()
