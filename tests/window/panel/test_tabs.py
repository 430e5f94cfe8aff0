"""The four tabs of the layer panel: what the kernel keeps, what it means, the findings, and what it was read from."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from stratascope.ui.panel.bits import BitsView
from stratascope.ui.panel.page import RawView
from stratascope.ui.panel.panel import BITS, DETAILS, FINDINGS, MEANING
from stratascope.ui.window.main_window import MainWindow
from stratascope.wiring.engines import demo_snapshot


@pytest.fixture
def demo(window: MainWindow) -> MainWindow:
    window.selection.show_snapshot(demo_snapshot())
    return window


def choose(window: MainWindow, name: str) -> None:
    assert window.selection.snapshot is not None
    states = window.selection.snapshot.containers
    window.selection.go_to(next(each.key for each in states if each.container.name == name))


def test_every_layer_has_the_same_four_and_the_first_bears_its_own_name(demo: MainWindow) -> None:
    choose(demo, "web")
    panel, first = demo.strata_page.panel, {}
    for number in range(1, 7):
        demo.selection.open_layer(number)
        assert [tab.key for tab in panel.tabs] == [BITS, MEANING, FINDINGS, DETAILS]
        first[number] = panel.tabs[0].text()
    assert first == {
        1: "The eight namespaces",
        2: "Limits",
        3: "Bits",
        4: "System calls",
        5: "Label",
        6: "ID maps",
    }


def test_what_a_layer_is_stands_below_its_meaning_and_the_raw_text_below_its_details(demo: MainWindow) -> None:
    panel = demo.strata_page.panel
    demo.selection.open_layer(3)
    panel.open_tab(MEANING)
    assert panel.pages[MEANING].made
    assert len(panel.pages[MEANING].below) >= 3
    demo.selection.open_layer(1)
    panel.open_tab(DETAILS)
    assert panel.pages[DETAILS].made, "the mounts"
    assert [type(each) for each in panel.pages[DETAILS].below] == [RawView]
    assert panel.raw.text.toPlainText()


def test_bits_of_another_container_begin_where_its_worst_one_is(demo: MainWindow, qtbot: QtBot) -> None:
    demo.resize(1440, 800)
    choose(demo, "backup")
    demo.selection.open_layer(3)
    panel = demo.strata_page.panel
    panel.open_tab(BITS)
    view = panel.findChild(BitsView)
    assert view is not None
    bar = view.area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    for name in ("ci-runner", "backup"):
        bar.setValue(bar.maximum())
        choose(demo, name)
        chosen = view.list.visualRect(view.list.currentIndex())
        assert bar.value() <= chosen.top(), name
        assert chosen.bottom() <= bar.value() + view.area.viewport().height(), name


@pytest.mark.parametrize("height", [900, 640, 480])
def test_cells_and_page_never_both_scroll(demo: MainWindow, qtbot: QtBot, height: int) -> None:
    demo.resize(1440, height)
    choose(demo, "ci-runner")
    demo.selection.open_layer(3)
    panel = demo.strata_page.panel
    panel.open_tab(BITS)
    view = panel.findChild(BitsView)
    assert view is not None
    bars = view.area.verticalScrollBar(), panel.pages[BITS].verticalScrollBar()
    qtbot.waitUntil(lambda: any(bar.maximum() > 0 for bar in bars))
    assert not all(bar.maximum() > 0 for bar in bars)


def test_what_was_added_bears_a_plus_and_what_was_dropped_a_minus(demo: MainWindow) -> None:
    choose(demo, "backup")
    demo.selection.open_layer(3)
    view = demo.strata_page.panel.findChild(BitsView)
    assert view is not None
    signs = {row.name: row.sign for row in view.list.grid.rows}
    assert (signs["SYS_ADMIN"], signs["CHOWN"]) == ("+", "")
    admin = next(row for row in view.list.grid.rows if row.name == "SYS_ADMIN")
    assert view.list.spoken(admin).startswith("SYS_ADMIN added")
