"""Everything by keyboard: Tab reaches everything in reading order, Space and Enter press, Escape closes and restores
the focus, and the focus is never lost, whatever comes and goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSplitterHandle,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from rig.window.hardening import dock_of, side_of
from rig.window.named import in_menu
from stratascope.ui.fleet.several import FleetPages
from stratascope.ui.kit import focus_order
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.panel import DETAILS
from stratascope.ui.threats.page import MatrixPage
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace
from window.access import scenes

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def window(qapp: object) -> Iterator[MainWindow]:
    with scenes.opened() as made:
        scenes.until(made.isActiveWindow)
        yield made


def focus() -> QWidget:
    """Return the focused widget; having none is always a fault."""
    found = QApplication.focusWidget()
    assert found is not None, "the keyboard is nowhere"
    assert found.isVisible(), f"the keyboard is at something that is not shown: {name(found)}"
    return found


def name(widget: QWidget) -> str:
    text = widget.accessibleName() or str(widget.property("text") or "")
    return f"{type(widget).__name__} {text[:50]!r}"


def seen(widget: QWidget) -> bool:
    """Whether part of it is visible."""
    box, part = widget.rect(), widget
    while (above := part.parentWidget()) is not None and not part.isWindow():
        box = box.translated(part.pos()) & above.rect()
        part = above
    return not box.isEmpty()


def walk(top: QWidget, key: Qt.Key = Qt.Key.Key_Tab) -> list[QWidget]:
    """Go once round from the focus. A page goes through its links before it passes the focus on."""
    met: list[QWidget] = []
    for _ in range(1000):
        here = focus()
        if met and here is met[-1] and isinstance(here, QTextBrowser):
            QTest.keyClick(here, key)
            continue
        assert here.window() is top, f"{name(here)} is in another window"
        assert seen(here), f"{name(here)} has the keyboard and is out of sight"
        if here in met:
            assert here is met[0], f"Tab goes round in a part: {name(here)}"
            return met
        met.append(here)
        QTest.keyClick(here, key)
    pytest.fail(f"no end of it: {[name(each) for each in met][:20]}")


# -- Tab


def goes_round(window: MainWindow, what: str) -> None:
    """Go by Tab through everything and back, from wherever the focus is."""
    there = walk(window)
    # a band's own button appears with the focus and disappears with it: the walk meets more than the list has
    missing = [name(each) for each in scenes.keyboard_stops(window) if each not in there]
    assert not missing, f"{what}: never reached: {missing}"
    back = walk(window, Qt.Key.Key_Backtab)
    ordinary = [each for each in there if each in back]
    assert len(ordinary) >= len(there) - 1
    at = back.index(there[0])
    turned = [each for each in reversed(back[at + 1 :] + back[: at + 1]) if each in there]
    assert turned == ordinary, what


def test_what_goes_hands_the_keyboard_to_no_field(window: MainWindow) -> None:
    """The next key would edit its text: Ctrl+Z after a relaunch once changed the filter instead of undoing."""
    order = walk(window)
    field = next(each for each in order if isinstance(each, QLineEdit))
    before = order[order.index(field) - 1]
    before.setFocus()
    before.setEnabled(False)
    assert not isinstance(focus(), QLineEdit)
    before.setEnabled(True)
    before.setFocus()
    QTest.keyClick(before, Qt.Key.Key_Tab)
    assert focus() is field


def test_tab_goes_round_through_all_of_the_matrix(window: MainWindow) -> None:
    """Qt's own order missed most here."""
    window.pages.show_view(View.MATRIX)
    scenes.settle()
    goes_round(window, "matrix")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (960, 900), (720, 800), (719, 800), (560, 480)])
def test_tab_goes_round_through_all_of_each_view(window: MainWindow, width: int, height: int) -> None:
    window.resize(width, height)
    scenes.settle()
    for what, _ in scenes.views(window):
        goes_round(window, what)


@pytest.mark.slow
def test_the_order_is_that_of_the_eye(window: MainWindow) -> None:
    """Toolbar, list, middle, right column; each from top to bottom, and rows from the left."""
    for what, top in scenes.views(window):
        window.toolbar.filter.setFocus()
        met = walk(top)
        areas = [window.toolbar, window.notices.demo, window.containers, window.pages, side_of(window).column]
        places = [next(at for at, area in enumerate(areas) if area.isAncestorOf(each)) for each in met]
        assert places == sorted(places), what
        for one, two in pairwise(met):
            if one.parentWidget() is two.parentWidget() and not one.geometry().intersects(two.geometry()):
                assert _before(one.geometry(), two.geometry()), f"{what}: {name(two)} after {name(one)}"


def _before(one: QRect, two: QRect) -> bool:
    return one.bottom() <= two.center().y() or one.right() <= two.left()


def test_an_order_is_worked_out_from_places(qapp: object) -> None:
    window = QWidget()
    window.resize(400, 300)
    made = {text: QPushButton(text, window) for text in ("d", "c", "lies over", "b", "a")}
    for text, (x, y, width, height) in {
        "a": (0, 0, 50, 30), "b": (60, 4, 50, 20), "c": (0, 40, 50, 30), "d": (60, 40, 300, 200),
        "lies over": (55, 0, 345, 260),
    }.items():  # fmt: skip
        made[text].setGeometry(x, y, width, height)
    window.show()
    order = [each.text() for each in focus_order.stops(window) if isinstance(each, QPushButton)]
    assert order == ["a", "b", "c", "d", "lies over"]
    made["b"].setEnabled(False)
    made["c"].hide()
    assert [each.text() for each in focus_order.stops(window) if isinstance(each, QPushButton)] == [
        "a", "d", "lies over",
    ]  # fmt: skip
    window.close()


def test_from_text_that_was_clicked_into_tab_goes_on_there(qapp: object) -> None:
    window = QWidget()
    column = QVBoxLayout(window)
    first, text, last = QPushButton("first"), QLabel("text"), QPushButton("last")
    text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByKeyboard)
    for widget in (first, text, last):
        column.addWidget(widget)
    window.show()
    window.activateWindow()
    scenes.until(window.isActiveWindow)
    text.setFocus()
    assert focus_order.step(window, forward=True)
    assert QApplication.focusWidget() is last
    text.setFocus()
    assert focus_order.step(window, forward=False)
    assert QApplication.focusWidget() is first
    window.close()


def test_what_gets_the_keyboard_is_scrolled_into_sight(qapp: object) -> None:
    window, inner = QWidget(), QWidget()
    row, column, area = QHBoxLayout(window), QVBoxLayout(inner), QScrollArea()
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    outside, low = QPushButton("outside"), QPushButton("low")
    column.addSpacing(2000)
    column.addWidget(low)
    area.setWidget(inner)
    row.addWidget(outside)
    row.addWidget(area)
    window.resize(300, 200)
    window.show()
    window.activateWindow()
    scenes.until(window.isActiveWindow)
    outside.setFocus()
    focus_order.step(window, forward=True)
    assert QApplication.focusWidget() is low
    assert not low.visibleRegion().isEmpty()
    window.close()


def test_a_window_without_a_stop_keeps_still(qapp: object) -> None:
    assert not focus_order.step(QWidget(), forward=True)


# -- what the mouse can do, keys can do


@pytest.mark.slow
def test_whatever_takes_a_click_can_have_the_keyboard(window: MainWindow) -> None:
    """By Tab, by the arrows of its group, or by the keys of its view."""
    found: dict[str, str] = {}
    for what, top in scenes.everything(window):
        for widget in top.findChildren(QWidget):
            if widget.window() is top and widget.isVisible() and widget.isEnabled() and takes_clicks(widget):
                found.setdefault(name(widget), what)
    assert not found, found


def takes_clicks(widget: QWidget) -> bool:
    """Whether only a mouse can use it."""
    if isinstance(widget, QSplitterHandle) or getattr(type(widget), "decoration", False):
        return False  # column widths follow the window's width; headers repeat what cells do
    if isinstance(widget, QAbstractButton):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus or widget.parentWidget() in _corners(widget):
            return False
        group = widget.group()
        around = widget.parentWidget() or widget
        buttons = group.buttons() if group is not None else around.findChildren(QAbstractButton)
        return not any(each.isChecked() and each.focusPolicy() & Qt.FocusPolicy.TabFocus for each in buttons)
    own = any(
        name in vars(each)
        for each in type(widget).__mro__
        if each.__module__.startswith("stratascope.")
        for name in ("mousePressEvent", "mouseReleaseEvent", "mouseDoubleClickEvent")
    )
    return own and not widget.focusPolicy() & Qt.FocusPolicy.TabFocus


def _corners(widget: QWidget) -> list[QWidget | None]:
    """Return parts of Qt's own that have keys: a table's corner, the button that clears a field."""
    parent = widget.parentWidget()
    return [parent] if isinstance(parent, QAbstractItemView) or not type(parent).__module__.startswith("strata") else []


def press_all(window: MainWindow, key: Qt.Key) -> list[str]:
    """Press one button of each class in each view by that key; return those without an effect."""
    lazy: list[str] = []
    tried: set[type] = set()
    for view in window.pages.switch.views:
        window.pages.show_view(view)
        scenes.settle()
        for button in window.findChildren(QAbstractButton):
            usable = button.isVisible() and button.isEnabled() and button.focusPolicy() & Qt.FocusPolicy.TabFocus
            if not usable or type(button) in tried or getattr(button, "menu", lambda: None)() is not None:
                continue
            tried.add(type(button))
            window.activateWindow()
            scenes.until(window.isActiveWindow)
            button.setFocus()
            pressed: list[object] = []
            button.clicked.connect(lambda *_, pressed=pressed: pressed.append(1))
            text = name(button)
            found = scenes.brought_up(partial(QTest.keyClick, button, key))
            if not pressed:
                lazy.append(text)
            scenes.put_away(found)
            window.pages.show_view(view)
            scenes.settle()
    assert len(tried) > 10
    return lazy


@pytest.mark.slow
@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_space_and_enter_press_each_kind_of_button(window: MainWindow, key: Qt.Key) -> None:
    assert press_all(window, key) == []


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_a_tab_and_the_exposure_are_pressed_by_keys(window: MainWindow, key: Qt.Key) -> None:
    """One of each kind of those below; the others are slow."""
    found = scenes.brought_up(lambda: (window.strata_page.header.exposure.setFocus(), QTest.keyClick(focus(), key)))
    assert found == [window.strata_page.header.sheet]
    scenes.put_away(found)


def test_arrows_choose_among_what_belongs_together(window: MainWindow) -> None:
    tab = next(each for each in window.strata_page.panel.tabs if each.isChecked())
    tab.setFocus()
    QTest.keyClick(tab, Qt.Key.Key_Right)
    assert focus() is window.strata_page.panel.tabs[window.strata_page.panel.tabs.index(tab) + 1]
    assert (
        window.strata_page.panel.current
        == window.strata_page.panel.tabs[window.strata_page.panel.tabs.index(tab) + 1].key
    )
    band = window.strata_page.strata.bands[window.strata_page.panel.number]
    band.setFocus()
    QTest.keyClick(band, Qt.Key.Key_Down)
    assert window.strata_page.panel.number == band.number - 1
    assert focus() is window.strata_page.strata.bands[band.number - 1]


# -- whatever opens is closed by Escape, which restores the focus


def test_what_a_button_brings_up_closes_and_gives_back(window: MainWindow) -> None:
    wrong: list[str] = []
    count = 0
    for view in window.pages.switch.views:
        window.pages.show_view(view)
        scenes.settle()
        for button in scenes.openers(window):
            if not button.isVisible() or not button.isEnabled():
                continue
            window.activateWindow()
            button.setFocus()
            if QApplication.focusWidget() is not button:
                wrong.append(f"{name(button)} does not take the keyboard")
            found = scenes.brought_up(partial(scenes.press, button))
            count += len(found)
            wrong += [f"{name(button)}: {problem}" for problem in closes(found)]
            window.activateWindow()
            scenes.until(window.isActiveWindow)
            if found and QApplication.focusWidget() is not button:
                here = QApplication.focusWidget()
                wrong.append(f"{name(button)}: gave the keyboard to {name(here) if here else None}")
    assert not wrong, wrong
    assert count > 6


@pytest.mark.slow
def test_what_the_menu_brings_up_closes_and_gives_back(window: MainWindow) -> None:
    wrong: list[str] = []
    for action in list(in_menu(window).values()):
        if action.text().partition("\t")[0] in ("Quit", "Copy as text", "Copy all as text") or not action.isEnabled():
            continue
        window.pages.show_view(View.STRATA)
        window.activateWindow()
        window.containers.view.setFocus()
        scenes.until(window.isActiveWindow)
        text = action.text()
        found = scenes.brought_up(action.trigger)
        wrong += [f"{text}: {problem}" for problem in closes(found)]
        window.activateWindow()  # a window manager's part; the focused widget in it is ours
        scenes.until(window.isActiveWindow)
        if found and QApplication.focusWidget() is not window.containers.view:
            here = QApplication.focusWidget()
            wrong.append(f"{text}: gave the keyboard to {name(here) if here else None}")
    assert not wrong, wrong


def closes(found: list[QWidget]) -> Iterator[str]:
    """Yield the faults of opened windows: the focus is not in them, or Escape does not close them."""
    for top in reversed(found):
        if QApplication.activePopupWidget() is not top:
            top.activateWindow()  # a window manager's part; that something in it has the focus is ours
            scenes.until(partial(in_front, top))
        here, popup = QApplication.focusWidget(), QApplication.activePopupWidget()
        inside = here if here is not None and here.window() is top else None
        if inside is None and popup is not top:
            yield f"{type(top).__name__} has come up without the keyboard"
        QTest.keyClick(inside or top, Qt.Key.Key_Escape)
        scenes.settle()
        try:
            still = top.isVisible()
        except RuntimeError:  # deleted on closing
            continue
        if still:
            yield f"{type(top).__name__} is still there after Escape"
            top.hide()
    scenes.settle()


@pytest.mark.slow
def test_tab_stays_in_what_has_come_up_and_reaches_all_of_it(window: MainWindow) -> None:
    count = 0
    for call in (scenes.from_menu, scenes.from_buttons, scenes.values, scenes.relaunch):
        for what, top in call(window):
            stops = scenes.keyboard_stops(top)
            if top is window or len(stops) < 2:
                continue
            count += 1
            top.activateWindow()
            scenes.until(partial(in_front, top))
            (QApplication.focusWidget() or stops[0]).setFocus()
            met = walk(top)
            missing = [name(each) for each in stops if each not in met and not chosen_by_arrows(each)]
            assert not missing, (what, missing)
    assert count > 6


def in_front(top: QWidget) -> bool:
    return top.isActiveWindow() or QApplication.activePopupWidget() is top


def chosen_by_arrows(widget: QWidget) -> bool:
    """Whether it belongs to an exclusive group, of which only one is a tab stop."""
    return isinstance(widget, QAbstractButton) and (widget.autoExclusive() or widget.group() is not None)


# -- never lost


def steps(window: MainWindow) -> dict[str, Callable[[], object]]:
    """Return what can happen while the user types."""
    snapshot = window.selection.snapshot
    assert snapshot is not None
    assert window.selection.current is not None
    rest = tuple(each for each in snapshot.containers if each is not window.selection.current)
    return {
        "the container vanishes": lambda: window.selection.show_snapshot(replace(snapshot, containers=rest)),
        "all containers vanish": lambda: window.selection.show_snapshot(replace(snapshot, containers=())),
        "nothing is found": lambda: window.toolbar.filter.setText("zzz"),
        "the list narrows": lambda: window.resize(900, 800),
        "one column is left": lambda: window.resize(600, 800),
        "the window gets low": lambda: window.resize(1440, 600),
        **{f"the view turns to {view}": partial(window.pages.show_view, view) for view in View},
    }


@pytest.mark.parametrize(
    "place",
    [
        "list",
        *(
            pytest.param(place, marks=pytest.mark.slow)
            for place in ("band", "rays", "tab", "toggle", "matrix", "fleet", "search")
        ),
    ],
)
def test_the_keyboard_is_never_lost(window: MainWindow, place: str) -> None:
    start: dict[str, tuple[View, Callable[[], QWidget]]] = {
        "list": (View.STRATA, lambda: window.containers.view),
        "band": (View.STRATA, lambda: window.strata_page.strata.bands[window.strata_page.panel.number]),
        "rays": (View.STRATA, lambda: window.strata_page.strata.rays),
        "tab": (View.STRATA, lambda: next(each for each in window.strata_page.panel.tabs if each.isChecked())),
        "toggle": (View.STRATA, lambda: next(iter(side_of(window).column.changes.rows.values()))),
        "matrix": (
            View.MATRIX,
            lambda: window.pages.of(MatrixPage).table if View.MATRIX in window.pages.made else window,
        ),
        "fleet": (
            View.FLEET,
            lambda: window.pages.of(FleetPages).containers.grid.canvas if View.FLEET in window.pages.made else window,
        ),
        "search": (View.STRATA, lambda: window.strata_page.panel.raw.field),
    }
    kept = window.selection.snapshot
    assert kept is not None
    view, target = start[place]
    wrong = []
    for what, call in steps(window).items():
        window.resize(1440, 900)
        window.toolbar.filter.clear()
        window.selection.show_snapshot(kept)
        window.pages.show_view(view)
        scenes.choose(window, "ci-runner")
        window.strata_page.panel.open_tab(DETAILS if place == "search" else window.strata_page.panel.tabs[0].key)
        scenes.settle()
        target().setFocus()
        scenes.settle()
        assert QApplication.focusWidget() is target(), place
        call()
        scenes.settle()
        here = QApplication.focusWidget()
        if here is None or not here.isVisible() or here.window() is not window:
            wrong.append(f"{what}: the keyboard is at {name(here) if here else None}")
    assert not wrong, wrong


def test_a_low_windows_layer_gives_the_keyboard_back(window: MainWindow) -> None:
    window.resize(1000, 600)
    scenes.settle()
    window.strata_page.strata.bands[2].setFocus()
    QTest.keyClick(window.strata_page.strata.bands[2], Qt.Key.Key_Return)
    scenes.settle()
    assert window.strata_page.panel.isVisible()
    focus()
    QTest.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    scenes.settle()
    assert focus() is window.strata_page.strata.bands[2]


def test_a_page_turned_gives_the_keyboard_on_and_back(window: MainWindow) -> None:
    window.resize(600, 800)
    scenes.settle()
    window.window_layout.page_turned = False
    window.window_layout.adapt()
    window.containers.view.setFocus()
    QTest.keyClick(window.containers.view, Qt.Key.Key_Return)
    scenes.settle()
    assert not window.containers.view.isVisible()
    assert window.pages.isAncestorOf(focus())
    QTest.keyClick(focus(), Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert focus() is window.containers.view


def test_the_drawer_takes_and_gives_back(window: MainWindow) -> None:
    window.resize(900, 800)
    window.pages.show_view(View.BEFORE)  # the plan of a container that runs is a page there
    scenes.settle()
    dock_of(window).button.setFocus()
    QTest.keyClick(dock_of(window).button, Qt.Key.Key_Space)
    scenes.settle()
    assert dock_of(window).drawer.isAncestorOf(focus())
    QTest.keyClick(focus(), Qt.Key.Key_Escape)
    assert not dock_of(window).drawer.isVisible()
    assert focus() is dock_of(window).button


def test_reduced_motion_is_respected(window: MainWindow) -> None:
    assert isinstance(window.theme, Theme)
    before = QApplication.isEffectEnabled(Qt.UIEffect.UI_General)
    QApplication.setEffectEnabled(Qt.UIEffect.UI_General, False)
    try:
        assert window.theme.reduced_motion
        window.selection.suppose_fails(2)
        assert not window.strata_page.strata.rays.falling
    finally:
        QApplication.setEffectEnabled(Qt.UIEffect.UI_General, before)
        window.selection.bring_back()


def test_a_ray_is_walked_by_keys_and_lets_go(window: MainWindow) -> None:
    rays = window.strata_page.strata.rays
    rays.setFocus(Qt.FocusReason.TabFocusReason)
    first = rays.taken
    assert first
    QTest.keyClick(rays, Qt.Key.Key_Right)
    assert rays.taken != first
    QTest.keyClick(rays, Qt.Key.Key_Escape)
    assert rays.taken == ""
    assert window.strata_page.strata.card is None or not window.strata_page.strata.card.isVisible()
    assert rays.mapTo(window, QPoint(0, 0)).y() > 0
