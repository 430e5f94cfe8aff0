"""The rows of the capabilities share the height of the panel up to their maximum, and scroll if there is little."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.bits import ROW, TALLEST, BitsView
from stratascope.value import replace


def test_rows_grow_with_the_window(qtbot: QtBot, theme: Theme) -> None:
    view = BitsView(theme, sample.grid())
    qtbot.addWidget(view)
    heights = []
    for high in (260, 380, 900, 380):
        view.resize(960, high)
        view.show()
        qtbot.wait(20)
        heights.append(view.list.row_height)
        seen = view.area.viewport().height()
        assert high == 260 or view.list.height() <= seen, "all of them are seen"
        assert view.source.geometry().bottom() <= view.height()
    assert heights[0] == max(theme.px(ROW), theme.box(11) - 1)
    assert heights[0] < heights[1] < heights[2] == theme.px(TALLEST)
    assert heights[3] == heights[1]


def test_no_row_is_cut_where_they_scroll(qtbot: QtBot, theme: Theme) -> None:
    view = BitsView(theme, sample.grid())
    qtbot.addWidget(view)
    view.show()
    bar = view.area.verticalScrollBar()
    for high in range(150, 240, 7):
        view.resize(960, high)
        qtbot.wait(20)
        assert view.area.viewport().height() % view.list.row_height == 0, high
        assert bar.singleStep() == view.list.row_height
    bar.setValue(bar.maximum())
    assert view.list.visibleRegion().boundingRect().bottom() == view.list.height() - 1


def test_most_of_a_privileged_container_is_in_sight(qtbot: QtBot, theme: Theme) -> None:
    """In the panel of a window of 1440 × 900, below a card of two lines: 12 of 14 rows, where there were 10."""
    view = BitsView(theme, sample.grid(frozenset(range(41))))
    qtbot.addWidget(view)
    view.resize(709, 244)
    view.show()
    qtbot.wait(20)
    assert view.area.viewport().height() / view.list.row_height >= 12


def test_the_foot_is_whole_below_a_tall_card(qtbot: QtBot, theme: Theme) -> None:
    """Two cards above leave little height: the cells scroll, the source stays."""
    view = BitsView(theme, sample.grid())
    qtbot.addWidget(view)
    view.show()
    view.resize(620, 132)
    qtbot.wait(20)
    assert view.minimumSizeHint().height() <= 132
    assert view.source.geometry().bottom() <= view.height()
    assert view.area.height() >= ROW


def test_added_capabilities_keep_three_blocks(qtbot: QtBot, theme: Theme) -> None:
    """With a plus before most names, as in a privileged container, in the middle column of a window of 1440."""
    found = sample.grid(frozenset(range(41)))
    grid = replace(found, rows=tuple(replace(each, sign="+") for each in found.rows))
    view = BitsView(theme, grid)
    qtbot.addWidget(view)
    view.resize(709, 300)
    view.show()
    qtbot.wait(20)
    assert view.list.blocks == 3
    metrics = view.list.fontMetrics()
    for row in grid.rows:
        assert metrics.horizontalAdvance(f"+ {row.name}") <= view.list.cells_left(0) - theme.px(6), row.name
