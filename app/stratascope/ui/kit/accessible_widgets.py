"""Widgets that we paint ourselves, as a screen reader has them: a picture, a group, a button that opens something.

A class says what it is by an attribute: `decoration`, `unfolds`, `opens`.
"""

from __future__ import annotations

from weakref import ref

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QAccessibleWidget, QWidget

from stratascope.ui.kit.accessible_parts import PRESS, SET_FOCUS


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
