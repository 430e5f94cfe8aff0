"""Parts of a drawn view (rays, the fleet's cells, ranges of ids) as a screen reader has them: a list, a child for each.

Decided against tables for them: PySide has no interface for those. Where Qt takes None for "there is none", PySide's
stubs know of no None: those methods say Any.
"""

from __future__ import annotations

from typing import Any, Protocol
from weakref import ref

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QAccessible, QAccessibleActionInterface, QAccessibleInterface
from PySide6.QtWidgets import QAccessibleWidget, QWidget

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
