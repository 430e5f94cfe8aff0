"""Accessible interfaces for painted widgets, and accessibility events, since Qt knows nothing about what we paint.

Qt asks a factory for a widget's interface, keeps it as long as the widget lives, and then deletes it. The Python object
has to outlive that: if it were freed first, Qt would delete it a second time. So all interfaces are kept here until Qt
has released them. The parts of a painted view (rays, the fleet's cells, ranges of ids) are a list with a child for
each; decided against tables for them, since PySide has no interface for those. PySide's stubs do not know that Qt takes
None for "there is none": those methods say Any.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol
from weakref import WeakKeyDictionary, ref

import shiboken6
from PySide6.QtCore import QObject, QPoint, QRect
from PySide6.QtGui import (
    QAccessible,
    QAccessibleActionInterface,
    QAccessibleAnnouncementEvent,
    QAccessibleEvent,
    QAccessibleInterface,
    QAccessibleStateChangeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QAccessibleWidget, QWidget

PRESS = "Press"  # Qt's own names of actions
SET_FOCUS = "SetFocus"
NO_INTERFACE = shiboken6.VoidPtr(0)  # "there is none": with None, PySide 6.11 reads a type that is null, and crashes


class AccessibleParts(Protocol):
    """A painted view with parts: their names, boxes, the current one, and the actions on them."""

    def part_count(self) -> int:
        """Return the number of parts."""

    def part_name(self, place: int) -> str:
        """Return the accessible name of a part."""

    def part_more(self, place: int) -> str:
        """Return the accessible description of a part."""

    def part_box(self, place: int) -> QRect:
        """Return the box of a part, in the widget's coordinates."""

    def part_in_hand(self) -> int:
        """Return the part that the keys are at; -1 for none."""

    def take_part(self, place: int) -> None:
        """Make another part current."""

    def open_part(self, place: int) -> None:
        """Activate a part, as Enter does."""


class _PartActions(QAccessibleActionInterface):
    """The actions of Enter and the arrow keys, for assistive technology."""

    def __init__(self, owner: AccessiblePartList, place: int) -> None:
        super().__init__()
        self._owner, self._place = owner, place

    def actionNames(self) -> list[str]:
        return [PRESS, SET_FOCUS]

    def doAction(self, action_name: str) -> None:
        parts = self._owner.parts()
        if parts is None or self._place >= parts.part_count():
            return
        parts.take_part(self._place)
        if action_name == PRESS:
            parts.open_part(self._place)

    def keyBindingsForAction(self, action_name: str) -> list[str]:
        return []


class AccessiblePart(QAccessibleInterface):
    """One part, by its index in the view."""

    def __init__(self, owner: AccessiblePartList, place: int) -> None:
        super().__init__()
        self._owner, self._place = owner, place
        self._actions = _PartActions(owner, place)

    def isValid(self) -> bool:
        return self._parts() is not None

    def object(self) -> Any:
        return None

    def parent(self) -> QAccessibleInterface:
        return self._owner

    def child(self, index: int) -> Any:
        return None

    def childAt(self, x: int, y: int) -> Any:
        return None

    def childCount(self) -> int:
        return 0

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        return -1

    def text(self, kind: QAccessible.Text) -> str:
        parts = self._parts()
        if parts is None:
            return ""
        if kind == QAccessible.Text.Name:
            return parts.part_name(self._place)
        if kind == QAccessible.Text.Description:
            return parts.part_more(self._place)
        return ""

    def setText(self, kind: QAccessible.Text, text: str) -> None:
        """Ignore: the text cannot be set."""

    def role(self) -> QAccessible.Role:
        return QAccessible.Role.ListItem

    def state(self) -> QAccessible.State:
        state, widget, parts = QAccessible.State(), self._owner.owner(), self._parts()
        if widget is not None and parts is not None:
            in_hand = parts.part_in_hand() == self._place
            state.focusable = state.selectable = True
            state.selected = in_hand
            state.focused = in_hand and widget.hasFocus()
        return state

    def rect(self) -> QRect:
        widget, parts = self._owner.owner(), self._parts()
        if widget is None or parts is None:
            return QRect()
        box = parts.part_box(self._place)
        return QRect(widget.mapToGlobal(box.topLeft()), box.size())

    def interface_cast(self, interface_type: QAccessible.InterfaceType) -> Any:
        if interface_type == QAccessible.InterfaceType.ActionInterface:
            return self._actions
        return NO_INTERFACE

    def _parts(self) -> AccessibleParts | None:
        parts = self._owner.parts()
        return parts if parts is not None and self._place < parts.part_count() else None


class AccessiblePartList(QAccessibleWidget):
    """The view itself, a list of parts."""

    def __init__(self, widget: QWidget, parts: ref[Any]) -> None:
        super().__init__(widget, QAccessible.Role.List)
        # weak: the interface is kept as long as the widget lives, not the other way round
        self.owner, self._parts = ref(widget), parts
        self._made: dict[int, AccessiblePart] = {}
        self._ids: list[int] = []

    def parts(self) -> AccessibleParts | None:
        """The parts, while the view lives."""
        found: AccessibleParts | None = self._parts()
        return found if self.owner() is not None else None

    def childCount(self) -> int:
        parts = self.parts()
        return parts.part_count() if parts is not None else 0

    def child(self, index: int) -> Any:
        if not 0 <= index < self.childCount():
            return None
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = AccessiblePart(self, index)
            self._ids.append(QAccessible.registerAccessibleInterface(made))
        return made

    def forget_parts(self) -> None:
        """Release the parts: the view is gone."""
        for number in self._ids:
            QAccessible.deleteAccessibleInterface(number)
        self._ids, self._made = [], {}

    def childAt(self, x: int, y: int) -> Any:
        widget, parts = self.owner(), self.parts()
        if widget is not None and parts is not None:
            where = widget.mapFromGlobal(QPoint(x, y))
            for place in range(parts.part_count()):
                if parts.part_box(place).contains(where):
                    return self.child(place)
        return None

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        return next((place for place, made in self._made.items() if made is child), -1)

    def focusChild(self) -> Any:
        parts = self.parts()
        return self.child(parts.part_in_hand()) if parts is not None else None


# Roles of widgets that we paint: a picture, a group, a button that opens something. A class declares it by an
# attribute: `decoration`, `unfolds`, `opens`.
def marked(widget: QObject, mark: str) -> bool:
    """Whether the widget's class sets that attribute."""
    return bool(getattr(type(widget), mark, False))


def decoration(widget: QObject) -> bool:
    """Whether what it shows is said by another widget, so that screen readers skip it."""
    return marked(widget, "decoration")


def drawn(widget: QObject) -> bool:
    """Whether the widget paints itself in our own code."""
    return any(
        "paintEvent" in vars(each) for each in type(widget).__mro__ if each.__module__.startswith("stratascope.")
    )


class AccessibleGroup(QAccessibleWidget):
    """A painted widget: a picture, or a group if it has children. Its tooltip, which is markup, is never exposed."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._of = ref(widget)

    def role(self) -> QAccessible.Role:
        widget = self._of()
        if widget is None or not widget.accessibleName():
            return QAccessible.Role.Client
        return QAccessible.Role.Graphic if drawn(widget) and _leaf(widget) else QAccessible.Role.Grouping

    def state(self) -> QAccessible.State:
        state, widget = super().state(), self._of()
        if widget is not None and decoration(widget):
            state.invisible = True
        return state

    def text(self, kind: QAccessible.Text) -> str:
        widget = self._of()
        if kind == QAccessible.Text.Description:
            return "" if widget is None else widget.accessibleDescription().strip()
        return super().text(kind)


def _leaf(widget: QWidget) -> bool:
    return not any(isinstance(child, QWidget) for child in widget.children())


class AccessibleOpener(QAccessibleWidget):
    """A painted button that unfolds what is below it (`unfolds` in its class), or opens something (`opens`)."""

    def __init__(self, button: QAbstractButton) -> None:
        super().__init__(button, QAccessible.Role.Button)
        self._of = ref(button)

    def state(self) -> QAccessible.State:
        state, button = super().state(), self._of()
        if button is None:
            return state
        if marked(button, "unfolds"):
            state.expandable = True
            state.expanded, state.collapsed = button.isChecked(), not button.isChecked()
        else:
            state.hasPopup = True
        return state

    def text(self, kind: QAccessible.Text) -> str:
        button = self._of()
        if kind == QAccessible.Text.Description:
            return "" if button is None else button.accessibleDescription().strip()
        return super().text(kind)

    def actionNames(self) -> list[str]:
        return [PRESS, SET_FOCUS]

    def doAction(self, action_name: str) -> None:
        button = self._of()
        if button is None or not button.isEnabled():
            return
        if action_name == PRESS:
            button.click()
        else:
            button.setFocus()


_exposed: WeakKeyDictionary[QObject, ref[Any]] = WeakKeyDictionary()
_kept: list[QAccessibleInterface] = []
ROOM = 200  # interfaces created between two checks for deleted ones


def expose(widget: QWidget, parts: AccessibleParts) -> None:
    """Expose `widget` as a list of these parts. Keeps neither alive."""
    _exposed[widget] = ref(parts)
    install()
    if QAccessible.isActive():  # Qt may already have made an interface of its own, for an event
        made = QAccessible.queryAccessibleInterface(widget)
        QAccessible.deleteAccessibleInterface(QAccessible.uniqueId(made))


def _make(key: str, made_for: QObject) -> QAccessibleInterface | None:
    made: QAccessibleInterface | None = None
    if made_for in _exposed and isinstance(made_for, QWidget):
        made = AccessiblePartList(made_for, _exposed[made_for])
    elif isinstance(made_for, QAbstractButton):
        if marked(made_for, "unfolds") or marked(made_for, "opens"):
            made = AccessibleOpener(made_for)
    elif key in ("QWidget", "QFrame") and isinstance(made_for, QWidget) and shiboken6.createdByPython(made_for):
        made = AccessibleGroup(made_for)  # Qt's own interface would expose nothing but the name
    if made is not None:
        _kept.append(made)
        if len(_kept) % ROOM == 0:
            _let_go()
    return made


def _let_go() -> None:
    """Release the interfaces that Qt has deleted."""
    gone = [each for each in _kept if not shiboken6.isValid(each)]
    _kept[:] = [each for each in _kept if shiboken6.isValid(each)]
    for each in gone:
        if isinstance(each, AccessiblePartList):
            each.forget_parts()


@cache
def install() -> None:
    """Install the factory; once per program."""
    QAccessible.installFactory(_make)


# -- events


def tell_taken(widget: QWidget, place: int) -> None:
    """Notify screen readers that this part of an exposed view is current."""
    if QAccessible.isActive() and place >= 0 and widget.hasFocus():
        event = QAccessibleEvent(widget, QAccessible.Event.Focus)
        event.setChild(place)
        QAccessible.updateAccessibility(event)


def tell_unfolded(button: QAbstractButton) -> None:
    """Notify screen readers that the button has folded or unfolded what is below it."""
    if QAccessible.isActive():
        changed = QAccessible.State()
        changed.expanded = changed.collapsed = True
        QAccessible.updateAccessibility(QAccessibleStateChangeEvent(button, changed))


def announce(widget: QWidget, text: str) -> None:
    """Have a screen reader announce what happened away from the focus."""
    if text and QAccessible.isActive():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))
