"""How long one repaint of the fleet takes, with 30 containers and with 300. `make bench` prints the ratio.

PYTHONPATH=tests python -m bench.fleet      one line of JSON: milliseconds by count, and their ratio (goal: 3 at most)
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QRect
from PySide6.QtGui import QPixmap, QRegion
from PySide6.QtWidgets import QApplication

from rig.window import fake_fleet
from stratascope.layers import all_layers
from stratascope.ui.app.app import make_application
from stratascope.ui.fleet.page import FleetPage
from stratascope.ui.kit.theme import Theme, ThemeMode

COUNTS, ROUNDS = (30, 300), 15


def repaint_seconds(count: int, *, whole: bool = False, rounds: int = ROUNDS) -> float:
    """Median of one repaint of everything in view, each time scrolled a little, so that nothing kept can be used."""
    make_application(["bench"])
    theme = Theme(ThemeMode.LIGHT)
    theme.apply()
    page = FleetPage(theme, all_layers())
    page.resize(1140, 850)
    page.show_states(fake_fleet.states(count))
    page.show()
    for _ in range(20):
        QApplication.processEvents()
    if whole:
        page.grid.view.whole()
    target = QPixmap(page.size())
    taken = []
    for number in range(rounds + 3):
        page.grid.view.zoom(1.01 if number % 2 else 1 / 1.01)
        began = time.perf_counter()
        page.render(target, QRect().topLeft(), QRegion())
        taken.append(time.perf_counter() - began)
    page.close()
    page.deleteLater()
    return statistics.median(taken[3:])


def measure() -> dict[str, float]:
    """Milliseconds for each count, near and whole, and the ratios."""
    numbers: dict[str, float] = {}
    for name, whole in (("near", False), ("whole", True)):
        small, large = (repaint_seconds(count, whole=whole) * 1000 for count in COUNTS)
        numbers |= {f"{name}_30": small, f"{name}_300": large, f"{name}_ratio": large / small}
    return {name: round(value, 2) for name, value in numbers.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
