"""Machines, or threats, one a row, and below them a card of the chosen one: its containers, what is alike told once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QStackedWidget, QVBoxLayout, QWidget

from stratascope.ui.kit.items import Column, ItemModel
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.table import ItemTable
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.usecases.listing.fleet import Alike
from stratascope.value import Value

CARD_LEAST = 150  # px of the design


class Told(Value):
    """What the card says of a row."""

    title: str
    meaning: str
    parts: tuple[Alike, ...]


class FleetList(QWidget):
    """`opened`: a row of the card, and the row above that it belongs to. `tell` says what the card of a row is."""

    opened = Signal(object, object)

    def __init__(
        self,
        theme: Theme,
        names: tuple[str, str],
        columns: tuple[Column, ...],
        parts: tuple[Column, ...],
        key: Callable[[Any], Hashable],
        tell: Callable[[Any], Told],
    ) -> None:
        """`names`: of the table and of the card, for the ear."""
        super().__init__()
        self._theme, self._tell = theme, tell
        self._told: Any = None
        self.setAccessibleName(names[0])
        self.table = ItemTable(theme, names[0], ItemModel(columns, key), first=True)
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.nothing)
        self.title, self.meaning = Line(theme, 15, BOLD, middle=True), Label(theme, 13, ink="text2", wrap=True)
        self.parts = ItemTable(theme, names[1], ItemModel(parts, lambda each: each.state.key), first=True)
        policy = self.parts.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the lines above stay where they are
        self.parts.setSizePolicy(policy)
        self.card = self._frame(names[1], (self.title, self.meaning), self.parts)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(*(theme.px(length) for length in (16, 10, 16, 12)))
        whole.setSpacing(theme.px(10))
        whole.addWidget(self._frame(names[0], (), self.stack), 1)
        whole.addWidget(self.card)
        self.table.turned.connect(self._show_card)
        self.table.opened.connect(lambda _: self.parts.setFocus(Qt.FocusReason.OtherFocusReason))
        self.parts.opened.connect(lambda part: self.opened.emit(part, self.table.current()))
        self.setFocusProxy(self.table)

    def _frame(self, name: str, lines: tuple[QWidget, ...], below: QWidget) -> QFrame:
        px, frame = self._theme.px, QFrame()
        frame.setObjectName("card")
        frame.setAccessibleName(name)
        column = QVBoxLayout(frame)
        column.setContentsMargins(px(8), px(4), 1, 1)
        column.setSpacing(px(4))
        if lines:
            above = QVBoxLayout()
            above.setContentsMargins(px(6), px(6), px(14), 0)
            above.setSpacing(px(2))
            for line in lines:
                above.addWidget(line)
            column.addLayout(above)
        column.addWidget(below, 1)
        return frame

    def show_rows(self, rows: tuple[Any, ...], nothing: str) -> None:
        """Others; `nothing` is said where there is none."""
        self.nothing.setText(nothing)
        self.stack.setCurrentWidget(self.table if rows else self.nothing)
        self._told = None
        self.table.show_rows(rows)

    def _show_card(self) -> None:
        row = self.table.current()
        self.card.setVisible(row is not None)
        if row is None or row is self._told:
            return
        self._told = row
        told = self._tell(row)
        self.title.say(told.title)
        self.meaning.setText(told.meaning)
        self.parts.setVisible(bool(told.parts))
        self.parts.show_rows(told.parts)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.card.setFixedHeight(max(self._theme.px(CARD_LEAST), round(self.height() * 0.42)))
