"""A context menu that copies: of a widget that says what. Also by the Menu key; Ctrl+C copies the first of it.

A part of the window that lists something (findings, bands, processes) gets one by a line; what it copies is plain text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtGui import QAction, QContextMenuEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from stratascope.core.message import Message
from stratascope.i18n.translate import translate
from stratascope.ui.copying import feedback

Line = tuple[Message, Callable[[], str]]  # what it is called, and the text that is copied
More = tuple[Message, Callable[[], object]]  # what else can be done there


class CopyMenu(QObject):
    """`lines` is asked at each opening; `more` stands below a rule."""

    def __init__(
        self, widget: QWidget, lines: Callable[[], Sequence[Line]], more: Callable[[], Sequence[More]] = tuple
    ) -> None:
        super().__init__(widget)
        self._widget, self._lines, self._more = widget, lines, more
        self.menu: QMenu | None = None
        widget.installEventFilter(self)

    def open(self, at: QPoint) -> None:
        """There on the screen."""
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = QMenu(self._widget)
        for name, text in self._lines():
            self._add(self.menu, name, partial(self._copy_of, text))
        more = self._more()
        if more:
            self.menu.addSeparator()
        for name, call in more:
            self._add(self.menu, name, call)
        self.menu.popup(at)

    def copy_first(self) -> None:
        """As Ctrl+C does."""
        self._copy(self._lines()[0][1]())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QContextMenuEvent):
            keyed = event.reason() == QContextMenuEvent.Reason.Keyboard
            self.open(self._widget.mapToGlobal(self._widget.rect().center()) if keyed else event.globalPos())
            return True
        if isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy):
            if event.type() == QEvent.Type.ShortcutOverride:  # else the window copies the whole container
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.copy_first()
                return True
        return super().eventFilter(watched, event)

    def _copy_of(self, text: Callable[[], str]) -> None:
        self._copy(text())

    def _copy(self, text: str) -> None:
        feedback.copy(self._widget, text)

    def _add(self, menu: QMenu, name: Message, call: Callable[[], object]) -> None:
        action = QAction(translate(name), menu)
        action.triggered.connect(lambda _=False: call())
        menu.addAction(action)
