"""The three hints for new users: once, also by keyboard, and never in the way."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.ui.app.app import make_window
from stratascope.ui.kit.background import MemorySettings
from stratascope.ui.kit.page import Group, View
from stratascope.ui.window.main_window import MainWindow, Services


def first(qtbot: QtBot, settings: MemorySettings) -> MainWindow:
    window = make_window(sample.StillWatch(), Services(settings))
    qtbot.addWidget(window)
    window.resize(1440, 900)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.greet()
    return window


def test_they_come_once_and_one_after_the_other(qtbot: QtBot) -> None:
    settings = MemorySettings()
    window = first(qtbot, settings)
    assert not window.hints.isVisible(), "there is nothing to tell of yet"
    window.selection.container_changed.emit()
    assert not window.hints.isVisible(), "no engine answers: what it says is not to be covered"
    window.selection.show_snapshot(sample.snapshot())
    hints = window.hints
    assert hints.isVisible()
    card = window.strata_page.header.card
    place = QRect(card.mapTo(window, QPoint(0, 0)), card.size())
    assert not hints.geometry().intersects(place), "what can happen is the first thing to be read"
    seen = []
    while hints.isVisible():
        seen.append(hints.title.text())
        assert window.rect().contains(hints.geometry())
        assert hints.ring.isVisible()
        part = QRect(hints.ring.box)
        assert not hints.geometry().intersects(part.adjusted(8, 8, -8, -8)), "it does not cover what it tells of"
        assert hints.go.hasFocus()
        QTest.keyClick(hints.go, Qt.Key.Key_Space)
    assert len(seen) == len(set(seen)) == 3
    assert not hints.ring.isVisible()
    again = first(qtbot, settings)
    again.selection.show_snapshot(sample.snapshot())
    assert not again.hints.isVisible()
    for each in (window, again):
        each.clock.stop()


def test_a_small_window_counts_only_what_it_has(qtbot: QtBot) -> None:
    """The list is behind a pull-down there."""
    window = first(qtbot, MemorySettings())
    window.resize(700, 450)
    window.selection.show_snapshot(sample.snapshot())
    hints, counted = window.hints, []
    assert hints.isVisible()
    while hints.isVisible():
        counted.append((hints.count.text(), hints.go.text()))
        QTest.keyClick(hints.go, Qt.Key.Key_Space)
    shown = len(counted)
    assert 0 < shown < 3
    counts = [f"{at + 1} of {shown}" for at in range(shown)] if shown > 1 else [""]
    assert counted == list(zip(counts, [*["Next"] * (shown - 1), "Got it"], strict=True))
    window.clock.stop()


def test_escape_ends_them_and_gives_the_keyboard_back(qtbot: QtBot) -> None:
    settings = MemorySettings()
    window = first(qtbot, settings)
    window.containers.view.setFocus()
    qtbot.waitUntil(window.containers.view.hasFocus)
    window.selection.show_snapshot(sample.snapshot())
    QTest.keyClick(window.hints.go, Qt.Key.Key_Escape)
    assert not window.hints.isVisible()
    assert window.containers.view.hasFocus()
    window.hints.begin()  # from the menu
    assert window.hints.isVisible()
    window.resize(700, 800)
    assert window.rect().contains(window.hints.geometry())
    window.clock.stop()


def test_whoever_starts_to_work_needs_none(qtbot: QtBot) -> None:
    """A click elsewhere takes effect, and ends them; so does Escape, wherever the focus is."""
    window = first(qtbot, MemorySettings())
    window.selection.show_snapshot(sample.snapshot())
    hints, button = window.hints, window.toolbar.views.groups[Group.COULD].segments.buttons[1]
    QTest.mouseClick(hints.title, Qt.MouseButton.LeftButton)
    assert hints.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not hints.isVisible()
    assert window.pages.view is View.MATRIX
    hints.begin()
    window.containers.view.setFocus()
    QTest.keyClick(window.containers.view, Qt.Key.Key_Escape)
    assert not hints.isVisible()
    window.clock.stop()
