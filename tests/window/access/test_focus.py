"""The focus is visible: each tab stop is painted with and without it, and differs by an outline of enough contrast."""

from __future__ import annotations

from collections.abc import Iterator

import numpy
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from stratascope.ui.kit import focus_order
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import ThemeMode
from stratascope.ui.window.main_window import MainWindow
from window.access import scenes

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
Pixels = NDArray[numpy.float64]
AROUND = 4  # px around the widget in which its outline may be
LEAST = 3.0  # WCAG 2.1, 1.4.11


@pytest.fixture(scope="module")
def window(qapp: object) -> Iterator[MainWindow]:
    with scenes.opened() as made:
        yield made


def luminance(image: QImage) -> Pixels:
    """Return WCAG's relative luminance of each pixel."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    flat = numpy.frombuffer(image.constBits(), numpy.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    parts = flat[:, : image.width(), 2::-1].astype(numpy.float64) / 255
    linear = numpy.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    found: Pixels = linear @ numpy.array([0.2126, 0.7152, 0.0722])
    return found


def contrasts(one: QImage, other: QImage) -> Pixels:
    """Return the contrast of each pixel to its previous colour."""
    first, second = luminance(one), luminance(other)
    high, low = numpy.maximum(first, second), numpy.minimum(first, second)
    found: Pixels = (high + 0.05) / (low + 0.05)
    return found


def picture(widget: QWidget) -> QImage:
    """Return the widget as painted in its window."""
    top = widget.window()
    box = QRect(widget.mapTo(top, QPoint(0, 0)), widget.size()).adjusted(-AROUND, -AROUND, AROUND, AROUND)
    return top.grab(box & top.rect()).toImage()


def is_seen(widget: QWidget, elsewhere: QWidget) -> str:
    """Return what is wrong with how the focus is shown; empty: nothing."""
    widget.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # as after the Tab key
    elsewhere.setFocus(Qt.FocusReason.TabFocusReason)
    place = widget.parentWidget()
    if place is not None and not widget.isVisible():  # visible only while the focus is in its place
        place.setFocus(Qt.FocusReason.TabFocusReason)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    if QApplication.focusWidget() is not widget:
        return "it does not take the keyboard"
    focus_order.show_in_areas(widget)
    with_it = picture(widget)
    elsewhere.setFocus(Qt.FocusReason.TabFocusReason)
    without = picture(widget)  # at its present position, since it may have scrolled
    if with_it.size() != without.size():
        return ""
    strong = int((contrasts(with_it, without) >= LEAST).sum())
    # the least that is noticed: an outline one pixel wide along half of a small widget
    needed = min(widget.width() + widget.height(), 60)
    return "" if strong >= needed else f"{strong} of {needed} pixels differ enough"


def unseen(window: MainWindow, walk: Iterator[scenes.Scene]) -> list[str]:
    """Return the tab stops whose outline is invisible, one of each class and name."""
    wrong: dict[str, str] = {}
    tried: set[str] = set()
    for what, top in walk:
        if not top.isActiveWindow():
            top.activateWindow()
            scenes.until(top.isActiveWindow)  # a busy machine's X server takes its time
        for stop in focus_order.stops(top):
            who = f"{type(stop).__name__} {(stop.accessibleName() or str(stop.property('text') or ''))[:40]!r}"
            others = [each for each in focus_order.stops(top) if each is not stop and not stop.isAncestorOf(each)]
            if who in tried or not others:
                continue
            tried.add(who)
            problem = is_seen(stop, others[0] if others[0].parentWidget() is not stop else others[-1])
            if problem:
                wrong.setdefault(who, f"{what}: {problem}")
    assert tried
    return [f"{who}: {why}" for who, why in wrong.items()]


def test_in_the_call_map(window: MainWindow) -> None:
    """One of the views; also checks a step of the right column."""
    window.pages.search_calls("")
    scenes.settle()
    wrong = unseen(window, iter([("calls", window)]))
    assert not wrong, "\n".join(wrong)
    window.pages.show_view(View.STRATA)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
def test_in_each_view(window: MainWindow, mode: ThemeMode) -> None:
    window.theme.set_mode(mode)
    try:
        wrong = unseen(window, scenes.views(window))
        assert not wrong, "\n".join(wrong)
    finally:
        window.theme.set_mode(ThemeMode.LIGHT)


@pytest.mark.slow
@pytest.mark.parametrize("contrast", ["ordinary", "high"])
@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
def test_everywhere(qapp: object, mode: ThemeMode, contrast: str) -> None:
    with scenes.opened() as window:
        window.theme.set_mode(mode)
        window.theme.set_contrast(high=contrast == "high")
        window.theme.apply()
        try:
            wrong = unseen(window, scenes.everything(window))
            assert not wrong, "\n".join(wrong)
            wrong = unseen(window, scenes.narrow(window))
            assert not wrong, "\n".join(wrong)
        finally:
            window.theme.set_mode(ThemeMode.LIGHT)


def test_contrasts_are_those_of_wcag(qapp: object) -> None:
    black, white = QImage(2, 1, QImage.Format.Format_RGB32), QImage(2, 1, QImage.Format.Format_RGB32)
    black.fill(Qt.GlobalColor.black)
    white.fill(Qt.GlobalColor.white)
    assert contrasts(black, white)[0, 0] == pytest.approx(21)
    assert contrasts(white, white)[0, 0] == pytest.approx(1)
