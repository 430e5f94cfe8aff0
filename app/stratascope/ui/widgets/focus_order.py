"""The Tab key goes as the eye reads: row by row, the columns of the window one after the other.

Qt's own order is that in which widgets were made and given to their parents: pages that are made later, rows that come
and go and parts that fold away leave it in a tangle, and some are never reached. Decided against `setTabOrder`: every
part of the window would have to know all others, whenever one of them changes.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QScrollArea, QWidget

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def stops(top: QWidget, here: QWidget | None = None) -> list[QWidget]:
    """Where the Tab key stops below `top`, in order; `here` is among them in any case, even if it is hidden by now."""
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
    """Siblings as the eye reads them: rows from above, each from the left. What lies over others comes after them."""
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
        row = next((members for first, members in rows if _beside(first, box)), None)
        if row is None:
            rows.append((box, [widget]))
        else:
            row.append(widget)
    read = [widget for _, row in rows for widget in sorted(row, key=lambda each: boxes[each].left())]
    return read + above


def _beside(one: QRect, other: QRect) -> bool:
    """Whether they stand in one row."""
    shared = min(one.bottom(), other.bottom()) - max(one.top(), other.top()) + 1
    return shared * 2 > min(one.height(), other.height())


def step(window: QWidget, *, forward: bool) -> bool:
    """Give the keyboard to the next stop (or the one before), round and round; False where there is none."""
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
    """Where the keyboard is at nothing, or at something hidden: to the first stop in the first of these places.

    A stack gives it to what had it last on a page, even if that is hidden meanwhile; and what is switched off loses it.
    """
    here = window.focusWidget()
    if here is not None and here.isVisible() and here.isEnabled():
        return
    for place in places:
        if enter(place):
            return


def enter(place: QWidget) -> bool:
    """The keyboard to the first stop in it; False where there is none."""
    own = [place] if place.focusPolicy() & Qt.FocusPolicy.TabFocus and place.isEnabled() else []
    found = (own or stops(place)) if place.isVisible() else []
    if found:
        found[0].setFocus(Qt.FocusReason.OtherFocusReason)
    return bool(found)


def show_in_areas(widget: QWidget) -> None:
    """Scroll whatever it stands in, so that it is seen."""
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
    """What has to be seen of it: of a list that is longer than the area the row that the keys are at."""
    if isinstance(widget, QAbstractItemView) and widget.currentIndex().isValid():
        return widget.visualRect(widget.currentIndex()).translated(widget.viewport().pos())
    return widget.rect()


def press(key: int) -> bool:
    """Enter presses the button that has the keyboard, as the space bar does; True where it did."""
    focus = QApplication.focusWidget()
    if key in _ENTER and isinstance(focus, QAbstractButton) and focus.isEnabled():
        focus.click()
        return True
    return False
