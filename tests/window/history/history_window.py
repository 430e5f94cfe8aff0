"""The real window with a history in memory, at the page *History* of one container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.hardening import picture
from rig.window.history.remembered import Remembered
from stratascope.core.snapshot import Snapshot
from stratascope.ui.app import app as ui
from stratascope.ui.history.page import HistoryPage, SinceRow
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.daily.daily import Daily
from stratascope.usecases.hardening import Hardening
from stratascope.value import replace


def live() -> Snapshot:
    """The demo's containers, as if they were of this machine."""
    return replace(picture(), demo=False)


@contextmanager
def shown(
    qtbot: QtBot, store: Remembered, hardening: Hardening | None = None, daily: Daily | None = None
) -> Iterator[MainWindow]:
    """The window, at 1440 x 900."""
    made = ui.make_window(sample.StillWatch(), Services(history=store.make(), hardening=hardening, daily=daily))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.history_feed.see(live())
    made.selection.show_snapshot(live())
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.clock.stop()
    made.stop()


def turned(qtbot: QtBot, window: MainWindow, name: str) -> HistoryPage:
    """Return the page for that container, once its history is loaded."""
    state = next(each for each in live().containers if each.container.name == name)
    window.selection.go_to(state.key)
    window.pages.show_view(View.HISTORY)
    page = window.pages.of(HistoryPage)
    qtbot.waitUntil(lambda: page.ready)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.nothing or page.card.isVisible())
    return page


def texts(page: HistoryPage) -> list[str]:
    """Return the texts of the rows below the chart."""
    return [row.line.text for row in page.card.rows]


def row(page: HistoryPage, text: str) -> SinceRow:
    """Return the first row with that text."""
    return next(each for each in page.card.rows if text in each.line.text)
