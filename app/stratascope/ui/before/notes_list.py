"""The list of a text's notes, below the button that counts them: as high as there is room, and it scrolls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from stratascope.core.message import NOTHING, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit.table import Column, ItemModel, ItemTable
from stratascope.ui.kit.theme import Theme

WIDE, ROWS, EDGE = 860, 10, 12  # px of the design: its width, the rows that it shows, what stays free of the window


class NotesList(QFrame):
    """The popup. `chosen` carries the note that was clicked, or that Enter was pressed on. Escape closes it."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, words: Callable[[object], str], parent: QWidget) -> None:
        """`words`: a note's text."""
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("popup")
        self._theme = theme
        name = translate(msg("Notes"))
        self.setAccessibleName(name)
        text = Column(NOTHING, lambda note: plain(words(note)), whole=words, grows=1)
        self.table = ItemTable(theme, name, ItemModel((text,)), first=True)
        self.table.horizontalHeader().hide()
        self.table.opened.connect(self._choose)
        self.table.clicked.connect(lambda index: self._choose(self.table.model_.rows[index.row()]))
        theme.lay(QVBoxLayout(self), self.table, around=5, gap=0)

    def open_at(self, anchor: QWidget, notes: Sequence[object]) -> None:
        """Open it at that button, within its window: above it where there is more room."""
        self.table.model_.show(notes)
        theme, window = self._theme, anchor.window()
        edge = theme.px(EDGE)
        wide = min(theme.px(WIDE), window.width() - 2 * edge)
        corner = anchor.mapTo(window, QPoint(anchor.width() - wide, 0))
        above, below = corner.y() - edge, window.height() - corner.y() - anchor.height() - edge
        row = self.table.verticalHeader().defaultSectionSize()
        high = min(len(notes), ROWS) * row + 12
        down = below >= high or below >= above
        high = min(high, below if down else above)
        top = corner.y() + anchor.height() if down else corner.y() - high
        self.setFixedSize(wide, high)
        self.move(window.mapToGlobal(QPoint(max(edge, corner.x()), top)))
        self.show()
        self.table.setFocus(Qt.FocusReason.PopupFocusReason)

    def _choose(self, note: object) -> None:
        self.hide()
        self.chosen.emit(note)
