"""What Qt can't know of drawn controls, for screen readers: gives it the interfaces, and says what just happened.

Qt asks a factory for an interface to a widget, keeps it as long as the widget lives, and then deletes it. The Python
side of it has to outlive that: were it freed first, Qt would delete it a second time. So all are kept here until Qt has
let go of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from weakref import WeakKeyDictionary, ref

import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QAccessibleEvent,
    QAccessibleInterface,
    QAccessibleStateChangeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QAccessibleWidget, QWidget

from stratascope.ui.kit.accessible_parts import PRESS, SET_FOCUS, AccessiblePartList, AccessibleParts


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
