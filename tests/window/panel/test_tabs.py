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


def test_bits_begin_at_their_top_for_another_container(demo: MainWindow, qtbot: QtBot) -> None:
    demo.resize(1440, 800)
    choose(demo, "backup")
    demo.selection.open_layer(3)
    panel = demo.strata_page.panel
    panel.open_tab(BITS)
    view = panel.findChild(BitsView)
    assert view is not None
    bar = view.area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    for name in ("ci-runner", "backup"):
        choose(demo, name)
        view = panel.findChild(BitsView)
        assert view is not None
        assert view.area.verticalScrollBar().value() == 0, name


def test_what_was_added_bears_a_plus_and_what_was_dropped_a_minus(demo: MainWindow) -> None:
    choose(demo, "backup")
    demo.selection.open_layer(3)
    view = demo.strata_page.panel.findChild(BitsView)
    assert view is not None
    signs = {row.name: row.sign for row in view.list.grid.rows}
    assert (signs["SYS_ADMIN"], signs["CHOWN"]) == ("+", "")
    admin = next(row for row in view.list.grid.rows if row.name == "SYS_ADMIN")
    assert view.list.spoken(admin).startswith("SYS_ADMIN added")
