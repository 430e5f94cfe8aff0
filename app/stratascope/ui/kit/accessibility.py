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
from PySide6.QtWidgets import QAbstractButton, QWidget

from stratascope.ui.kit.accessible_parts import AccessiblePartList, AccessibleParts
from stratascope.ui.kit.accessible_widgets import AccessibleGroup, AccessibleOpener, marked

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
