"""Durations that a person would notice: a repaint of the strata, many containers at once, typing, reading the kernel.
`make bench` prints each with its goal; no test checks them, since they depend on the machine's load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication

from rig.window import sample
from stratascope import resources
from stratascope.collector.host import FEATURES, Kernel
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.language import read
from stratascope.ui.app.app import make_application, make_window
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import ThemeMode
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

ROUNDS, FEW, MANY, IN_GROUP = 9, 20, 200, 10


class Moment(NamedTuple):
    """A measured duration in seconds, and its goal in milliseconds."""

    what: str
    seconds: float
    goal: float


def measure() -> Iterator[Moment]:
    """Measure in an offscreen window of this process."""
    make_application(["bench"])
    window = make_window(sample.StillWatch())
    window.resize(1440, 900)
    window.show()
    window.selection.show_snapshot(sample.snapshot())
    QApplication.processEvents()
    for mode in (ThemeMode.DARK, ThemeMode.LIGHT):
        window.theme.set_mode(mode)
        yield Moment(f"one repaint of the strata, {mode.value}, at 200 %", least(painting(window)), 16.0)
    few, all_ = projects(FEW), projects(MANY)
    small, large = sample.snapshot(few), sample.snapshot(all_)
    empty = sample.snapshot(())
    first = least(lambda: show(window, large), lambda: show(window, empty))
    yield Moment(f"show {MANY} containers in {MANY // IN_GROUP} groups", first, 500.0)
    times = []
    for whole, states in ((small, few), (large, all_)):
        other = sample.snapshot((*states[:3], worse(states[3]), *states[4:]))
        show(window, whole)
        window.selection.go_to(states[0].key)  # not the one that changes
        times.append(least(lambda other=other: show(window, other), lambda whole=whole: show(window, whole)))  # type: ignore[misc]
    yield Moment(f"    one of {FEW} changes", times[0], 150.0)
    yield Moment("    one of them changes (not over 1.3 times as long)", times[1], 1300.0 * times[0])
    show(window, large)
    yield Moment("    a letter in the filter", typing(window), 16.0)
    window.pages.show_view(View.FLEET)
    yield Moment("    the same while Fleet is in view", typing(window), 16.0)
    window.clock.stop()
    window.close()
    window.deleteLater()
    catalogue = resources.path("locale/ja/LC_MESSAGES/stratascope.mo")
    yield Moment("read a catalogue of translations", least(lambda: read(catalogue)), 50.0)
    yield Moment("ask the kernel for its features", least(ask), 2.0)


def least(run: Callable[[], object], before: Callable[[], object] = int) -> float:
    """Seconds of the quickest round, which other load disturbs least; `before` is not measured."""
    taken = []
    for _ in range(ROUNDS):
        before()
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def projects(count: int) -> tuple[ContainerState, ...]:
    """Different containers in Compose projects of IN_GROUP each."""
    made = []
    for number in range(count):
        marks = tuple((sample.E, sample.W, sample.X)[(number >> place) % 3] for place in range(6))
        state = sample.state(f"c{number:03}", marks, image=f"app{number}:1")
        labels = (("com.docker.compose.project", f"project-{number // IN_GROUP}"), ("tier", f"t{number % 4}"))
        made.append(replace(state, container=replace(state.container, labels=labels)))
    return tuple(made)


def worse(state: ContainerState) -> ContainerState:
    """The same container, read anew."""
    other = sample.state(state.container.name, (sample.X,) * 6, image=state.container.image)
    return replace(other, container=replace(other.container, id=state.container.id, labels=state.container.labels))


def typing(window: MainWindow) -> float:
    """The slowest keystroke of some filters, measured until it is painted."""
    slowest = 0.0
    for word in ("c17", "label:tier=t2", "project:project-1", "cap:net_admin"):
        for end in range(1, len(word) + 1):

            def key(text: str = word[:end]) -> None:
                window.toolbar.filter.setText(text)
                QApplication.processEvents()

            slowest = max(slowest, least(key, lambda before=word[: end - 1]: before_key(window, before)))  # type: ignore[misc]
    return slowest


def before_key(window: MainWindow, text: str) -> None:
    window.toolbar.filter.setText(text)
    QApplication.processEvents()


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
