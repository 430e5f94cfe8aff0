"""Ctrl+K in the window: type, select by arrows, activate by Enter."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.paints import Paints
from stratascope.core.container import EngineKind
from stratascope.i18n import language
from stratascope.ui.kit.page import View
from stratascope.ui.panel.bits import BitsView
from stratascope.ui.window.main_window import MainWindow
from stratascope.ui.window.palette import Palette, PaletteEntry, found
from stratascope.value import replace


def opened(window: MainWindow, qtbot: QtBot) -> Palette:
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.actions_.finder.palette
    assert palette is not None
    qtbot.waitUntil(palette.field.hasFocus)
    return palette


def view_of(window: MainWindow) -> View:
    return window.pages.view


def go(window: MainWindow, qtbot: QtBot, text: str) -> None:
    palette = opened(window, qtbot)
    QTest.keyClicks(palette.field, text)
    assert palette.model.rowCount() > 0
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert not palette.isVisible()


def test_a_page_a_container_a_threat_a_capability_and_a_call(window: MainWindow, qtbot: QtBot) -> None:
    go(window, qtbot, "web")
    assert window.selection.current is not None
    assert window.selection.current.container.name == "web"
    go(window, qtbot, "use the engine's socket")
    assert view_of(window) is View.MATRIX
    go(window, qtbot, "sys_admin")
    assert (view_of(window), window.selection.layer) == (View.STRATA, 3)
    view = window.strata_page.panel.findChild(BitsView)
    assert view is not None
    assert view.list.grid.rows[view.list.currentIndex().row()].number == 21
    go(window, qtbot, "io_uring_setup")
    assert (view_of(window), window.selection.layer) == (View.STRATA, 4)
    go(window, qtbot, "strata page")
    assert view_of(window) is View.STRATA


def test_enter_starts_nothing_before_something_is_chosen(window: MainWindow, qtbot: QtBot) -> None:
    palette = opened(window, qtbot)
    assert palette.model.rows
    assert palette.count.text()
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isVisible()
    assert not palette.list.currentIndex().isValid()
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() == 0
    QTest.keyClicks(palette.field, "sys")
    QTest.keyClick(palette.field, Qt.Key.Key_Backspace)
    assert palette.list.currentIndex().row() == 0


def test_of_what_matches_alike_first_comes_what_can_be_done_now() -> None:
    dead = PaletteEntry("Open it", "Action", print, why="not now")
    alive = PaletteEntry("Open it later", "Action", print)
    assert found((dead, alive), "open") == (alive, dead)


def test_the_letters_typed_last_are_bold_in_a_row_that_stays(window: MainWindow, qtbot: QtBot) -> None:
    palette = opened(window, qtbot)
    QTest.keyClicks(palette.field, "sys_m")
    QApplication.processEvents()
    rows, paints = palette.model.rows, Paints(palette.list.viewport())
    QTest.keyClicks(palette.field, "odul")
    QApplication.processEvents()
    assert palette.model.rows == rows
    assert palette.list.viewport().height() in [height for _, height in paints.seen], "all of it"


def test_in_japanese_all_is_found_in_english_too(window: MainWindow) -> None:
    in_english = [each.title for each in window.actions_.finder.gather()]
    try:
        language.start({language.VARIABLE: "ja"}, None)
        every = window.actions_.finder.gather()
    finally:
        language.start({language.VARIABLE: "en"}, None)
    assert sum(one.title != other for one, other in zip(every, in_english, strict=True)) > 100
    lost = [text for place, text in zip(every, in_english, strict=True) if place not in found(every, text)]
    assert not lost


def test_a_container_has_the_icon_of_its_engine(window: MainWindow) -> None:
    every = {each.title: each for each in window.actions_.finder.gather() if each.kind == "Container"}
    sign = every["web"].sign
    assert sign is not None
    assert sign.kind is EngineKind.DOCKER
    place = PaletteEntry("web and more", "Container", lambda: None, sign=sign)
    palette = Palette(window.theme, lambda: (place, replace(place, sign=None)), window)
    palette.show_all()
    with_icon, without = (palette.list.visualRect(palette.model.index(row, 0)) for row in (0, 1))
    painted = palette.list.viewport().grab()
    assert painted.copy(with_icon).toImage() != painted.copy(without).toImage()
    before = painted.toImage()
    palette.field.setText("more")
    palette.field.setText("mor")
    assert palette.list.viewport().grab().toImage() != before  # the letters that were typed are bold


def test_a_capability_has_no_number_that_could_be_a_count_and_is_found_by_it(window: MainWindow, qtbot: QtBot) -> None:
    palette = opened(window, qtbot)
    QTest.keyClicks(palette.field, "capability 12")
    found = [(place.title, place.more) for place in palette.model.rows]
    assert ("NET_ADMIN", "") in found
    palette.field.setText("project")
    assert any(place.title == "Order of the list: By project" for place in palette.model.rows)


def test_it_is_as_high_as_what_was_found(window: MainWindow, qtbot: QtBot) -> None:
    palette = opened(window, qtbot)
    for text in ("", "report", "no such thing anywhere", "sys_module"):
        palette.field.setText(text)
        QApplication.processEvents()
        rows = len(palette.model.rows)
        last = palette.list.visualRect(palette.model.index(rows - 1, 0))
        bar = palette.list.verticalScrollBar()
        assert window.rect().contains(palette.geometry())
        assert palette.count.geometry().bottom() <= palette.height() - 12
        if bar.maximum() == 0:
            assert 0 <= palette.list.viewport().height() - (last.bottom() + 1 if rows else 0) <= 16, text
        else:
            assert palette.height() > 400


def test_an_action_is_done(window: MainWindow, qtbot: QtBot) -> None:
    palette = opened(window, qtbot)
    QTest.keyClicks(palette.field, "suppose it fails cap")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.selection.what_if.away


def test_arrows_choose_and_escape_leaves_all_as_it_was(window: MainWindow, qtbot: QtBot) -> None:
    before = window.selection.key, window.pages.view
    palette = opened(window, qtbot)
    QTest.keyClicks(palette.field, "mount")
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() == 1
    QTest.keyClick(palette.field, Qt.Key.Key_PageDown)
    QTest.keyClick(palette.field, Qt.Key.Key_Up)
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert (window.selection.key, window.pages.view) == before


def test_without_a_container_there_is_nothing_of_one(window: MainWindow, qtbot: QtBot) -> None:
    window.selection.show_snapshot(sample.snapshot(()))
    palette = opened(window, qtbot)
    QTest.keyClicks(palette.field, "sys_admin")
    assert palette.model.rowCount() == 0
    assert palette.count.text() == "No matches."


def test_a_key_takes_no_time(window: MainWindow, qtbot: QtBot) -> None:
    palette = opened(window, qtbot)
    taken = []
    for letter in "mount file":
        begun = time.thread_time()
        QTest.keyClicks(palette.field, letter)
        taken.append(time.thread_time() - begun)
    assert min(taken) < 0.016
