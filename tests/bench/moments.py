"""What a person would notice if it took long: a repaint of the strata, many containers at once, words, a look at the
kernel. `make bench` prints each beside its goal; no test judges them, since a busy machine is no fault of the program.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication

from stratascope import resources
from stratascope.collector.features import FEATURES, Kernel
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.language import read
from stratascope.ui.app.app import make_application, make_window
from stratascope.ui.widgets.theme import ThemeMode
from stratascope.ui.window.main_window import MainWindow
from ui import sample

ROUNDS, MANY = 9, 200


class Moment(NamedTuple):
    """Seconds that it took, and milliseconds that it may take."""

    what: str
    seconds: float
    goal: float


def measure() -> Iterator[Moment]:
    """In a window of this process that nobody sees."""
    make_application(["bench"])
    window = make_window(sample.StillWatch())
    window.resize(1440, 900)
    window.show()
    window.selection.show_snapshot(sample.snapshot())
    QApplication.processEvents()
    for mode in (ThemeMode.DARK, ThemeMode.LIGHT):
        window.theme.set_mode(mode)
        yield Moment(f"one repaint of the strata, {mode.value}, at 200 %", least(painting(window)), 16.0)
    states = tuple(sample.state(f"c{number:03}", (sample.E,) * 6) for number in range(MANY))
    changed = (sample.state("c100", (sample.X,) * 6), *states[:100], *states[101:])
    few, all_, other = sample.snapshot(), sample.snapshot(states), sample.snapshot(changed)
    first = least(lambda: window.selection.show_snapshot(all_), lambda: show(window, few))
    yield Moment(f"show {MANY} containers", first, 500.0)
    yield Moment(
        "    one of them changes",
        least(lambda: window.selection.show_snapshot(other), lambda: show(window, all_)),
        150.0,
    )
    window.clock.stop()
    window.close()
    window.deleteLater()
    catalogue = resources.path("locale/ja/LC_MESSAGES/stratascope.mo")
    yield Moment("read a catalogue of translations", least(lambda: read(catalogue)), 50.0)
    yield Moment("ask the kernel for its features", least(ask), 2.0)


def least(run: Callable[[], object], before: Callable[[], object] = int) -> float:
    """Seconds of the quickest of some rounds, which what else runs here disturbs least; `before` is not measured."""
    taken = []
    for _ in range(ROUNDS):
        before()
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def painting(window: MainWindow) -> Callable[[], object]:
    picture = QPixmap(window.strata_page.strata.size() * 2)
    picture.setDevicePixelRatio(2)
    return lambda: window.strata_page.strata.render(picture)


def show(window: MainWindow, snapshot: Snapshot) -> None:
    window.selection.show_snapshot(snapshot)
    QApplication.processEvents()


def ask() -> None:
    kernel = Kernel()
    for name in FEATURES:
        kernel.feature(name)
