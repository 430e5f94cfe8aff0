"""What Qt can't know of drawn controls, for screen readers: their interfaces, and events for what just happened.

Qt asks a factory for an interface to a widget, keeps it as long as the widget lives, and then deletes it. The Python
side of it has to outlive that: were it freed first, Qt would delete it a second time. So all are kept here until Qt has
let go of them. The parts of a drawn view (rays, the fleet's cells, ranges of ids) are a list with a child for each;
decided against tables for them, since PySide has no interface for those. Where Qt takes None for "there is none",
PySide's stubs know of no None: those methods say Any.
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


class AccessibleParts(Protocol):
    """A drawn view with parts: their names, places, which one is in hand, and what can be done to them."""

    def part_count(self) -> int:
        """How many there are."""

    def part_name(self, place: int) -> str:
        """One for the ear."""

    def part_more(self, place: int) -> str:
        """More of it."""

    def part_box(self, place: int) -> QRect:
        """Where it is, in the widget."""

    def part_in_hand(self) -> int:
        """The one that the keys are at; -1: none."""

    def take_part(self, place: int) -> None:
        """Take another one in hand."""

    def open_part(self, place: int) -> None:
        """As Enter does."""


class _PartActions(QAccessibleActionInterface):
    """What Enter and the arrow keys do, for whoever has neither."""

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
    """One part, by its place in the view."""

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
        """It can't be written."""

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
        return None

    def _parts(self) -> AccessibleParts | None:
        parts = self._owner.parts()
        return parts if parts is not None and self._place < parts.part_count() else None


class AccessiblePartList(QAccessibleWidget):
    """The view itself."""

    def __init__(self, widget: QWidget, parts: ref[Any]) -> None:
        super().__init__(widget, QAccessible.Role.List)
        # weak: the interface is kept as long as the widget lives, not the other way round
        self.owner, self._parts = ref(widget), parts
        self._made: dict[int, AccessiblePart] = {}
        self._ids: list[int] = []

    def parts(self) -> AccessibleParts | None:
        """What is drawn, while it lives."""
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
        """The view is gone: let Qt let go of its parts."""
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


# Widgets that we paint ourselves, as a screen reader has them: a picture, a group, a button that opens something.
# A class says what it is by an attribute: `decoration`, `unfolds`, `opens`.
def marked(widget: QObject, mark: str) -> bool:
    """Whether its class has that attribute, set."""
    return bool(getattr(type(widget), mark, False))


def decoration(widget: QObject) -> bool:
    """Whether what it draws is said by something beside it."""
    return marked(widget, "decoration")


def drawn(widget: QObject) -> bool:
    """Whether the widget paints itself by our own code."""
    return any(
        "paintEvent" in vars(each) for each in type(widget).__mro__ if each.__module__.startswith("stratascope.")
    )


class AccessibleGroup(QAccessibleWidget):
    """A drawn widget is a picture, one that holds others a group. Its tooltip, which is markup, is never told."""

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
    """A drawn button that unfolds what is below it (`unfolds` in its class), or opens something (`opens`)."""

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
ROOM = 200  # interfaces made before it is looked which of them are gone


def expose(widget: QWidget, parts: AccessibleParts) -> None:
    """Let `widget` be a list of these parts. Neither is kept alive by it."""
    _exposed[widget] = ref(parts)
    install()
    if QAccessible.isActive():  # Qt may have made one of its own already, for an event
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
        made = AccessibleGroup(made_for)  # of these Qt would tell nothing but the name
    if made is not None:
        _kept.append(made)
        if len(_kept) % ROOM == 0:
            _let_go()
    return made


def _let_go() -> None:
    """Drop those that Qt has deleted."""
    gone = [each for each in _kept if not shiboken6.isValid(each)]
    _kept[:] = [each for each in _kept if shiboken6.isValid(each)]
    for each in gone:
        if isinstance(each, AccessiblePartList):
            each.forget_parts()


@cache
def install() -> None:
    """Let Qt ask us; once for the program."""
    QAccessible.installFactory(_make)


# -- what happens


def tell_taken(widget: QWidget, place: int) -> None:
    """Say that the part at that place of an exposed view is in hand."""
    if QAccessible.isActive() and place >= 0 and widget.hasFocus():
        event = QAccessibleEvent(widget, QAccessible.Event.Focus)
        event.setChild(place)
        QAccessible.updateAccessibility(event)


def tell_unfolded(button: QAbstractButton) -> None:
    """Say that what is below it has been folded away, or has come back."""
    if QAccessible.isActive():
        changed = QAccessible.State()
        changed.expanded = changed.collapsed = True
        QAccessible.updateAccessibility(QAccessibleStateChangeEvent(button, changed))


def announce(widget: QWidget, text: str) -> None:
    """Have it read aloud: what happened elsewhere than where the keyboard is."""
    if text and QAccessible.isActive():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))
