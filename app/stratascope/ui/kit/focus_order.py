"""Focus: how it is shown, and where the Tab key goes, row by row in reading order.

Qt's own order is that in which widgets were created and parented: pages made later, rows that come and go and parts
that fold away tangle it, and some widgets are never reached. Decided against `setTabOrder`: every part of the window
would have to know all others, whenever one of them changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QScrollArea, QWidget

from stratascope.ui.kit.theme import Theme

WIDTH = 2.0


def focus_pen(theme: Theme, width: float = WIDTH) -> QPen:
    """Return the pen of the focus ring."""
    return QPen(theme.color("accent"), width)


def outline_pen(theme: Theme, line: str = "", *, focused: bool) -> QPen:
    """Return the pen for the outline of a control: the focus ring, else that colour; no pen if there is none."""
    if focused:
        return focus_pen(theme)
    return QPen(theme.color(line), 1) if line else QPen(Qt.PenStyle.NoPen)


def paint_focus_ring(painter: QPainter, box: QRect | QRectF, radius: float, theme: Theme) -> None:
    """Paint the focus ring around what is painted already."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(focus_pen(theme))
    painter.drawRoundedRect(QRectF(box), radius, radius)


_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
_ENDS = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: -1}


def stops(top: QWidget, here: QWidget | None = None) -> list[QWidget]:
    """Return the tab stops below `top`, in order; `here` is included in any case, even if it is hidden by now."""
    found: list[QWidget] = []
    children = [child for child in top.children() if isinstance(child, QWidget) and not child.isWindow()]
    for child in in_order([each for each in children if each.isVisible() or _leads_to(each, here)]):
        wanted = child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.isEnabled() and child.focusProxy() is None
        if (wanted and child.isVisible()) or child is here:
            found.append(child)
        found += stops(child, here)
    return found


def _leads_to(widget: QWidget, here: QWidget | None) -> bool:
    return here is not None and (widget is here or widget.isAncestorOf(here))


def in_order(widgets: list[QWidget]) -> list[QWidget]:
    """Return siblings in reading order: row by row, left to right. Overlays come last."""
    boxes = {widget: widget.geometry() for widget in widgets}
    above = [
        one
        for one, box in boxes.items()
        if any(other is not one and box != rect and box.contains(rect) for other, rect in boxes.items())
    ]
    rows: list[tuple[QRect, list[QWidget]]] = []
    for widget in sorted(widgets, key=lambda each: (boxes[each].top(), boxes[each].left())):
        if widget in above:
            continue
        box = boxes[widget]
        row = next((members for first, members in rows if _same_row(first, box)), None)
        if row is None:
            rows.append((box, [widget]))
        else:
            row.append(widget)
    read = [widget for _, row in rows for widget in sorted(row, key=lambda each: boxes[each].left())]
    return read + above


def _same_row(one: QRect, other: QRect) -> bool:
    """Whether the two are in one row."""
    shared = min(one.bottom(), other.bottom()) - max(one.top(), other.top()) + 1
    return shared * 2 > min(one.height(), other.height())


def step(window: QWidget, *, forward: bool) -> bool:
    """Focus the next (or previous) tab stop, wrapping around; False if there is none."""
    here = QApplication.focusWidget()
    order = stops(window, here)
    if not order:
        return False
    at = order.index(here) if here in order else -1 if forward else 0
    place = (at + (1 if forward else -1)) % len(order)
    window.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
    reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
    order[place].setFocus(reason)
    show_in_areas(order[place])
    return True


def keep(window: QWidget, *places: QWidget) -> None:
    """If nothing visible has the focus, focus the first tab stop in the first of these places that has one.

    A stack restores the focus of a page even if that widget is hidden meanwhile, and a disabled widget loses the focus.
    """
    here = window.focusWidget()
    if here is not None and here.isVisible() and here.isEnabled():
        return
    for place in places:
        if enter(place):
            return


def enter(place: QWidget) -> bool:
    """Focus what it hands the focus to, else the first tab stop in it; False if there is none."""
    while (inner := place.focusProxy()) is not None and inner.isVisible():
        place = inner
    own = [place] if place.focusPolicy() & Qt.FocusPolicy.TabFocus and place.isEnabled() else []
    found = (own or stops(place)) if place.isVisible() else []
    if found:
        found[0].setFocus(Qt.FocusReason.OtherFocusReason)
    return bool(found)


def show_in_areas(widget: QWidget) -> None:
    """Scroll all scroll areas around a widget so that it is visible."""
    parent = widget.parentWidget()
    while parent is not None and not parent.isWindow():
        inner = parent.widget() if isinstance(parent, QScrollArea) else None
        if isinstance(parent, QScrollArea) and inner is not None:
            box = _place(widget)
            centre = widget.mapTo(inner, box.center())
            room = parent.viewport().size()
            parent.ensureVisible(
                centre.x(), centre.y(), min(box.width(), room.width()) // 2, min(box.height(), room.height()) // 2
            )
        elif isinstance(parent, QAbstractItemView) and parent.viewport().isAncestorOf(widget):  # unfolded in a row
            top, bar = widget.mapTo(parent.viewport(), QPoint(0, 0)).y(), parent.verticalScrollBar()
            below = top + widget.height() - parent.viewport().height()
            bar.setValue(bar.value() + (top if top < 0 else max(0, min(below, top))))
        parent = parent.parentWidget()


def _place(widget: QWidget) -> QRect:
    """Return what must be visible of a widget: for a list longer than its scroll area, the current row."""
    if isinstance(widget, QAbstractItemView) and widget.currentIndex().isValid():
        return widget.visualRect(widget.currentIndex()).translated(widget.viewport().pos())
    return widget.rect()


def press(key: int) -> bool:
    """Let Enter press the focused button, as the space bar does; True if it did."""
    focus = QApplication.focusWidget()
    if key in _ENTER and isinstance(focus, QAbstractButton) and focus.isEnabled():
        focus.click()
        return True
    return False


class OneStop(QObject):
    """Makes several widgets one tab stop: the one that had the focus last. Hidden ones are skipped."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._widgets: tuple[QWidget, ...] = ()
        self._current: QWidget | None = None

    def put(self, widgets: Sequence[QWidget]) -> None:
        """Replace the widgets, in this order."""
        for gone in self._widgets:
            if gone not in widgets:
                gone.removeEventFilter(self)
        for new in widgets:
            if new not in self._widgets:
                new.installEventFilter(self)
        self._widgets = tuple(widgets)
        self._stop_at(self._current if self._current in self._widgets else None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        widget = watched if isinstance(watched, QWidget) else None
        if widget is None or widget not in self._widgets:
            return False
        if event.type() == QEvent.Type.FocusIn:
            self._stop_at(widget)
        elif event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._stop_at(self._current)
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and not _modified(event):
            return self._move_focus(widget, Qt.Key(event.key()))
        return False

    def _move_focus(self, widget: QWidget, key: Qt.Key) -> bool:
        there = [each for each in self._widgets if each.isVisible()]
        if key in _ENDS:
            place = _ENDS[key] % len(there)
        elif key in _STEPS:
            place = there.index(widget) + _STEPS[key]
        else:
            return False
        if 0 <= place < len(there):
            there[place].setFocus(Qt.FocusReason.TabFocusReason)
            show_in_areas(there[place])
        return True

    def _stop_at(self, current: QWidget | None) -> None:
        if current is None or not current.isVisible():
            current = next((each for each in self._widgets if each.isVisible()), current)
        self._current = current
        for each in self._widgets:
            each.setFocusPolicy(Qt.FocusPolicy.StrongFocus if each is current else Qt.FocusPolicy.ClickFocus)


def _modified(event: QKeyEvent) -> bool:
    return bool(event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier)
