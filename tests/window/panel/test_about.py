"""A page of the layer panel scrolls as far as its text goes, and not if all of it is visible."""

from __future__ import annotations

import itertools

import pytest
from pytestqt.qtbot import QtBot

from stratascope.ui.panel.panel import MEANING
from stratascope.ui.window.main_window import MainWindow
from stratascope.wiring.engines import demo_snapshot


@pytest.mark.parametrize("width", [1440, 1000])
def test_it_does_not_roll_into_nothing(window: MainWindow, qtbot: QtBot, width: int) -> None:
    window.resize(width, 900)
    panel = window.strata_page.panel
    panel.open_tab(MEANING)
    page = panel.pages[MEANING]
    qtbot.waitUntil(page.isVisible)
    qtbot.wait(50)  # until laid out
    last = page.below[-1]
    end = page.inner.height() - last.geometry().bottom()
    assert page.verticalScrollBar().maximum() == 0 or end < 3 * last.fontMetrics().height()
    assert last.height() >= last.heightForWidth(last.width())


def test_nor_does_the_sheet_of_the_engines(window: MainWindow, qtbot: QtBot) -> None:
    window.toolbar.show_engines()
    popup = window.toolbar.popup
    qtbot.waitUntil(popup.isVisible)
    qtbot.wait(50)
    area = popup.area
    inner = area.widget()
    assert inner is not None
    assert area.verticalScrollBar().maximum() == max(0, inner.height() - area.viewport().height())
    layout = inner.layout()
    assert layout is not None
    needed = layout.heightForWidth(inner.width())
    assert inner.height() <= max(needed, area.viewport().height())
    assert popup.height() <= needed + 20
    popup.hide()


@pytest.mark.parametrize("width", [1440, 560])
def test_tabs_keep_their_distance(window: MainWindow, qtbot: QtBot, width: int) -> None:
    """The four fit beside the title in the narrowest window."""
    window.selection.show_snapshot(demo_snapshot())
    window.resize(width, 900)
    window.selection.open_layer(6)
    panel = window.strata_page.panel
    qtbot.waitUntil(panel.isVisible)
    qtbot.wait(50)
    for one, other in itertools.pairwise(panel.tabs):
        assert other.geometry().left() - one.geometry().right() >= 4, (one.text(), other.text())
    assert panel.title.isVisible()
    assert panel.box.isVisible()
